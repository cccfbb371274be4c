"""Catalogues of texts with their translations: the files ``.po``, which people edit, and ``.mo``, which programs read.

The formats are those of GNU gettext; its tools can work on the same files, and are not needed.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MAGIC = 0x950412DE
CONTEXT_END = "\x04"
"""Stands in a ``.mo`` file between the context of a text and the text."""

_ONE = "nplurals=1; plural=0;"
_NOT_ONE = "nplurals=2; plural=(n != 1);"
_ABOVE_ONE = "nplurals=2; plural=(n > 1);"
_EAST_SLAVIC = "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
_CZECH = "nplurals=3; plural=(n==1) ? 0 : (n>=2 && n<=4) ? 1 : 2;"
_CELTIC = "n==1 ? 0 : n==2 ? 1 :"
# How languages choose among plural forms (Unicode CLDR, as expressions of gettext); the first one is for all others.
PLURALS = {
    "": _NOT_ONE,
    **dict.fromkeys(("id", "ja", "ko", "lo", "ms", "my", "th", "vi", "zh"), _ONE),
    **dict.fromkeys(("am", "fa", "fil", "fr", "hi", "hy", "ln", "mg", "pt-br", "ti"), _ABOVE_ONE),
    **dict.fromkeys(("be", "bs", "hr", "ru", "sh", "sr", "uk"), _EAST_SLAVIC),
    **dict.fromkeys(("cs", "sk"), _CZECH),
    **dict.fromkeys(("is", "mk"), "nplurals=2; plural=(n%10!=1 || n%100==11);"),
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
    "cy": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n==3 ? 3 : n==6 ? 4 : 5);",
    "ga": f"nplurals=5; plural=({_CELTIC} n>=3 && n<=6 ? 2 : n>=7 && n<=10 ? 3 : 4);",
    "gd": "nplurals=4; plural=(n==1 || n==11 ? 0 : n==2 || n==12 ? 1 : n>=3 && n<=19 ? 2 : 3);",
    "he": f"nplurals=3; plural=({_CELTIC} 2);",
    "lt": "nplurals=3; plural=(n%10==1 && (n%100<11 || n%100>19) ? 0 : n%10>=2 && (n%100<11 || n%100>19) ? 1 : 2);",
    "lv": "nplurals=3; plural=(n%10==0 || n%100>=11 && n%100<=19 ? 0 : n%10==1 && n%100!=11 ? 1 : 2);",
    "mt": "nplurals=4; plural=(n==1 ? 0 : n==0 || n%100>=2 && n%100<=10 ? 1 : n%100>=11 && n%100<=19 ? 2 : 3);",
    "pl": "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);",
    "ro": "nplurals=3; plural=(n==1 ? 0 : n==0 || n%100>=1 && n%100<=19 ? 1 : 2);",
    "sl": "nplurals=4; plural=(n%100==1 ? 0 : n%100==2 ? 1 : n%100==3 || n%100==4 ? 2 : 3);",
}
_FORMS = re.compile(r"nplurals\s*=\s*([0-9]{1,2})\s*;")


class CatalogueError(ValueError):
    """A ``.po`` file cannot be read; names the line."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {reason}")


@dataclass
class Message:
    """A text with its translations.

    Attributes:
        text: The text as it stands in the program.
        plural: Its form for many; empty if it has none.
        context: Which of its meanings it is; `None` if it has one only.
        translations: The translation, or one for each plural form of the language.
        places: Where it stands: ``file:line``.
        flags: Such as ``fuzzy``: the translation is a guess and is not used.
        comments: What translators have noted.
        is_obsolete: Whether the program has the text no longer; its translation is kept, and not used.
    """

    text: str
    plural: str = ""
    context: str | None = None
    translations: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    is_obsolete: bool = False

    @property
    def key(self) -> tuple[str | None, str]:
        """What it is known by."""
        return self.context, self.text

    @property
    def is_translated(self) -> bool:
        """Whether it is used: every form is there, and none is a guess. GNU's tools call the head of a new file one."""
        is_unused = self.is_obsolete or ("fuzzy" in self.flags and not self.is_head)
        return bool(self.translations) and all(self.translations) and not is_unused

    @property
    def is_head(self) -> bool:
        """Whether it is the head of its catalogue."""
        return self.key == (None, "")


def plural_rule(language: str) -> str:
    """Return how a language chooses among plural forms."""
    tag = language.lower().replace("_", "-")
    return PLURALS.get(tag, PLURALS.get(tag.partition("-")[0], PLURALS[""]))


def count_forms(head: Message | None, language: str = "") -> int:
    """Return how many plural forms a catalogue has: what its head says, else those of a language."""
    told = "" if head is None else "".join(head.translations)
    found = _FORMS.search(told) or _FORMS.search(plural_rule(language))
    assert found is not None
    return int(found[1])


def header(language: str) -> Message:
    """Return the head of a catalogue: the translation of the empty text."""
    lines = (
        f"Language: {language}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=UTF-8",
        "Content-Transfer-Encoding: 8bit",
        f"Plural-Forms: {plural_rule(language)}",
    )
    return Message("", translations=["".join(f"{line}\n" for line in lines)])


# Reading


def read_po(text: str) -> list[Message]:
    """Return the messages of a ``.po`` file, its head and those that are out of use included.

    Raises:
        CatalogueError: If a line makes no sense.
    """
    messages: list[Message] = []
    reader = _Reader()
    number = 0
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.strip()
        is_obsolete = line.startswith("#~")
        if is_obsolete:
            line = line[2:].strip()
        if reader.begins_new(line, is_obsolete):
            messages += reader.take(number)
        reader.read(line, number, is_obsolete)
    return messages + reader.take(number)


class _Reader:
    """Puts one entry together from its lines."""

    def __init__(self) -> None:
        self._message = Message("")
        self._fields: dict[str, str] = {}
        self._current = ""

    def begins_new(self, line: str, is_obsolete: bool) -> bool:
        """Return whether a line belongs to the next entry."""
        has_translation = any(name.startswith("msgstr") for name in self._fields)
        goes_on = line.startswith(('"', "msgstr")) and is_obsolete == self._message.is_obsolete
        return has_translation and not goes_on

    def take(self, number: int) -> list[Message]:
        """Return the entry that is complete.

        Raises:
            CatalogueError: If something of it is missing.
        """
        fields, message = self._fields, self._message
        self.__init__()  # type: ignore[misc]  # as new
        if not fields:
            return []
        if "msgid" not in fields:
            raise CatalogueError(number, "an entry ends here that has no msgid")
        message.text = fields["msgid"]
        message.plural = fields.get("msgid_plural", "")
        message.context = fields.get("msgctxt")
        message.translations = _translations(fields, number)
        return [message]

    def read(self, line: str, number: int, is_obsolete: bool) -> None:
        """Take a line."""
        if not line or line.startswith("|"):  # What an entry out of use was before.
            return
        if line.startswith("#"):
            self._comment(line)
        elif line.startswith('"'):
            self._continuation(line, number)
        else:
            self._field(line, number)
            self._message.is_obsolete = is_obsolete

    def _continuation(self, line: str, number: int) -> None:
        if not self._current:
            raise CatalogueError(number, "a text stands alone")
        self._fields[self._current] += _unquoted(line, number)

    def _comment(self, line: str) -> None:
        kind, text = line[:2], line[2:].strip()
        if kind == "#:":
            self._message.places += text.split()
        elif kind == "#,":
            self._message.flags += [flag.strip() for flag in text.split(",")]
        elif kind == "#.":  # What a program has noted, which is looked up anew.
            return
        elif kind != "#|":
            self._message.comments.append(line[1:].strip())

    def _field(self, line: str, number: int) -> None:
        match = _FIELD.match(line)
        if match is None:
            raise CatalogueError(number, f"{line.split(None, 1)[0][:80]!r} is not known")
        name, rest = match.groups()
        if name in self._fields:
            raise CatalogueError(number, f"the entry has {name!r} twice, or no msgstr")
        self._current = name
        self._fields[name] = _unquoted(rest.strip(), number)


_FIELD = re.compile(
    r"(msgctxt|msgid_plural|msgid|msgstr(?:\[[0-9]\])?)(?![\w\[])[ \t]*(.*)", re.DOTALL
)


def _translations(fields: dict[str, str], number: int) -> list[str]:
    """Return the translations among an entry's fields, in the order of the plural forms.

    Raises:
        CatalogueError: If one is missing, or there are plural forms of a text that has no plural, or none of one that has.
    """
    forms = [name for name in fields if name.startswith("msgstr")]
    wanted = ["msgstr"]
    if "msgid_plural" in fields:
        wanted = [f"msgstr[{place}]" for place in range(max(1, len(forms)))]
    if forms and sorted(forms) != wanted:
        raise CatalogueError(
            number,
            f"the entry that ends here has {', '.join(forms)}, and not {', '.join(wanted)}",
        )
    return [fields[name] for name in sorted(forms)]


def _unquoted(text: str, number: int) -> str:
    try:
        value = ast.literal_eval(text) if text.startswith('"') else None
    except (SyntaxError, ValueError):
        value = None
    if not isinstance(value, str):
        raise CatalogueError(number, f"{text!r} is not a text in quotes")
    return value


# Writing


def write_po(messages: Iterable[Message]) -> str:
    """Return messages as a ``.po`` file; an untranslated one has as many plural forms as the head says."""
    whole = list(messages)
    forms = count_forms(next((message for message in whole if message.is_head), None))
    return "\n".join("".join(f"{line}\n" for line in _lines(message, forms)) for message in whole)


def _lines(message: Message, forms: int) -> Iterator[str]:
    yield from _notes(message)
    prefix = "#~ " if message.is_obsolete else ""
    yield from (f"{prefix}{line}" for line in _field_lines(message, forms))


def _field_lines(message: Message, forms: int) -> Iterator[str]:
    if message.context is not None:
        yield from _quoted("msgctxt", message.context)
    yield from _quoted("msgid", message.text)
    yield from _translation_lines(message, forms)


def _notes(message: Message) -> Iterator[str]:
    yield from (f"# {comment}" for comment in message.comments)
    yield from (f"#: {place}" for place in dict.fromkeys(message.places))
    if message.flags:
        yield f"#, {', '.join(message.flags)}"


def _translation_lines(message: Message, forms: int) -> Iterator[str]:
    if not message.plural:
        yield from _quoted("msgstr", "".join(message.translations[:1]))
        return
    yield from _quoted("msgid_plural", message.plural)
    for number, translation in enumerate(_filled(message.translations, forms)):
        yield from _quoted(f"msgstr[{number}]", translation)


def _filled(translations: list[str], forms: int) -> list[str]:
    """Return translations with an empty one for each plural form that is missing."""
    return [*translations, *[""] * (forms - len(translations))]


def _quoted(name: str, text: str) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    if len(lines) <= 1:
        yield f"{name} {_escaped(text)}"
        return
    yield f'{name} ""'
    yield from map(_escaped, lines)


def _escaped(text: str) -> str:
    for plain, escape in (
        ("\\", "\\\\"),
        ('"', '\\"'),
        ("\n", "\\n"),
        ("\t", "\\t"),
        ("\r", "\\r"),
    ):
        text = text.replace(plain, escape)
    return f'"{text}"'


def write_mo(messages: Iterable[Message]) -> bytes:
    """Return the translated messages as a ``.mo`` file; what is not translated is left out.

    A catalogue without a head gets one: whoever reads the file would take it for ASCII.
    """
    translated = [message for message in messages if message.is_translated]
    if not any(message.is_head for message in translated):
        translated.append(header(""))
    pairs = sorted(map(_mo_pair, translated))
    count = len(pairs)
    texts = [key for key, _ in pairs] + [translation for _, translation in pairs]
    head = struct.pack("<7I", MAGIC, 0, count, 28, 28 + 8 * count, 0, 28 + 16 * count)
    table = _mo_table(texts, start=28 + 16 * count)
    return head + table + b"".join(text + b"\0" for text in texts)


def _mo_table(texts: Iterable[bytes], start: int) -> bytes:
    """Return the length and the place of each text, of which the first begins at `start`."""
    table: list[int] = []
    for text in texts:
        table += [len(text), start]
        start += len(text) + 1
    return struct.pack(f"<{len(table)}I", *table)


def _mo_pair(message: Message) -> tuple[bytes, bytes]:
    return _mo_key(message).encode(), "\0".join(message.translations).encode()


def _mo_key(message: Message) -> str:
    context = "" if message.context is None else message.context + CONTEXT_END
    plural = f"\0{message.plural}" if message.plural else ""
    return f"{context}{message.text}{plural}"


def merge(found: Iterable[Message], known: Iterable[Message], language: str) -> list[Message]:
    """Return what a program says now with the translations that are known; the head first, then by text.

    Translations of texts that are gone stand at the end, out of use, until the text is there again; those of a text that has
    got a plural are kept as a guess.
    """
    # One in use wins over the same text out of use.
    before = {
        message.key: message for message in sorted(known, key=lambda each: not each.is_obsolete)
    }
    result = [before.get((None, "")) or header(language)]
    for message in sorted(found, key=_by_text):
        old = before.get(message.key)
        if old is not None:
            _take_over(old, message)
        result.append(message)
    present = {message.key for message in result}
    gone = [message for key, message in before.items() if key not in present]
    return [*result, *_out_of_use(gone)]


def _out_of_use(gone: Iterable[Message]) -> list[Message]:
    translated = sorted((message for message in gone if any(message.translations)), key=_by_text)
    for message in translated:
        message.is_obsolete, message.places = True, []
    return translated


def _by_text(message: Message) -> tuple[str, str]:
    return message.text, message.context or ""


def _take_over(old: Message, message: Message) -> None:
    """Give a message the translations it had before."""
    message.comments = old.comments
    message.translations = old.translations
    flags = [*message.flags, *old.flags]
    plural_came_or_went = bool(old.plural) != bool(message.plural)
    if plural_came_or_went and any(old.translations):
        flags.append("fuzzy")
    message.flags = list(dict.fromkeys(flags))
