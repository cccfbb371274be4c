"""Catalogues of texts with their translations: the files ``.po``, which people edit, and ``.mo``, which programs read.

The formats are those of GNU gettext; its tools can work on the same files, and are not needed.
"""

from __future__ import annotations

import ast
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MAGIC = 0x950412DE
CONTEXT_END = "\x04"
"""Stands in a ``.mo`` file between the context of a text and the text."""

# How languages choose among plural forms (Unicode CLDR, as expressions of gettext); the first one is for all others.
PLURALS = {
    "": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
    "pt-br": "nplurals=2; plural=(n > 1);",
    "ja": "nplurals=1; plural=0;",
    "zh": "nplurals=1; plural=0;",
    "ko": "nplurals=1; plural=0;",
    "vi": "nplurals=1; plural=0;",
    "th": "nplurals=1; plural=0;",
    "tr": "nplurals=2; plural=(n != 1);",
    "cs": "nplurals=3; plural=(n==1) ? 0 : (n>=2 && n<=4) ? 1 : 2;",
    "sk": "nplurals=3; plural=(n==1) ? 0 : (n>=2 && n<=4) ? 1 : 2;",
    "pl": "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);",
    "ru": "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : "
    "n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);",
    "uk": "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : "
    "n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);",
}


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
    """

    text: str
    plural: str = ""
    context: str | None = None
    translations: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str | None, str]:
        """What it is known by."""
        return self.context, self.text

    @property
    def is_translated(self) -> bool:
        """Whether it is used: every form is there, and none is a guess. GNU's tools call the head of a new file one."""
        is_guess = "fuzzy" in self.flags and not self.is_head
        return bool(self.translations) and all(self.translations) and not is_guess

    @property
    def is_head(self) -> bool:
        """Whether it is the head of its catalogue."""
        return self.key == (None, "")


def plural_rule(language: str) -> str:
    """Return how a language chooses among plural forms."""
    return PLURALS.get(language, PLURALS.get(language.partition("-")[0], PLURALS[""]))


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
    """Return the messages of a ``.po`` file, its head included; entries that are out of use are left out.

    Raises:
        CatalogueError: If a line makes no sense.
    """
    messages: list[Message] = []
    reader = _Reader()
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if reader.begins_new(line):
            messages += reader.take()
        reader.read(line, number)
    return messages + reader.take()


class _Reader:
    """Puts one entry together from its lines."""

    def __init__(self) -> None:
        self._message = Message("")
        self._fields: dict[str, str] = {}
        self._current = ""

    def begins_new(self, line: str) -> bool:
        """Return whether a line belongs to the next entry."""
        has_translation = any(name.startswith("msgstr") for name in self._fields)
        return has_translation and not line.startswith(('"', "msgstr"))

    def take(self) -> list[Message]:
        """Return the entry that is complete."""
        fields, message = self._fields, self._message
        self.__init__()  # type: ignore[misc]  # as new
        if "msgid" not in fields:
            return []
        message.text = fields["msgid"]
        message.plural = fields.get("msgid_plural", "")
        message.context = fields.get("msgctxt")
        message.translations = _translations(fields)
        return [message]

    def read(self, line: str, number: int) -> None:
        """Take a line."""
        if not line or line.startswith("#~"):
            return
        if line.startswith("#"):
            self._comment(line)
        elif line.startswith('"'):
            self._continuation(line, number)
        else:
            self._field(line, number)

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
        elif kind != "#|":
            self._message.comments.append(line[1:].strip())

    def _field(self, line: str, number: int) -> None:
        name, _, rest = line.partition(" ")
        known = name in ("msgctxt", "msgid", "msgid_plural", "msgstr")
        if not known and not (name.startswith("msgstr[") and name.endswith("]")):
            raise CatalogueError(number, f"{name!r} is not known")
        self._current = name
        self._fields[name] = _unquoted(rest.strip(), number)


def _translations(fields: dict[str, str]) -> list[str]:
    """Return the translations among an entry's fields, in the order of the plural forms."""
    forms = sorted(name for name in fields if name.startswith("msgstr"))
    return [fields[name] for name in forms]


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
    """Return messages as a ``.po`` file."""
    return "\n".join("".join(f"{line}\n" for line in _lines(message)) for message in messages)


def _lines(message: Message) -> Iterator[str]:
    yield from _notes(message)
    if message.context is not None:
        yield from _quoted("msgctxt", message.context)
    yield from _quoted("msgid", message.text)
    yield from _translation_lines(message)


def _notes(message: Message) -> Iterator[str]:
    yield from (f"# {comment}" for comment in message.comments)
    yield from (f"#: {place}" for place in message.places)
    if message.flags:
        yield f"#, {', '.join(message.flags)}"


def _translation_lines(message: Message) -> Iterator[str]:
    if not message.plural:
        yield from _quoted("msgstr", "".join(message.translations[:1]))
        return
    yield from _quoted("msgid_plural", message.plural)
    for number, translation in enumerate(message.translations or ["", ""]):
        yield from _quoted(f"msgstr[{number}]", translation)


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

    Translations of texts that are gone are dropped; those of a text that has got a plural are kept as a guess.
    """
    before = {message.key: message for message in known}
    result = [before.get((None, "")) or header(language)]
    for message in sorted(found, key=lambda each: (each.text, each.context or "")):
        old = before.get(message.key)
        if old is not None:
            _take_over(old, message)
        result.append(message)
    return result


def _take_over(old: Message, message: Message) -> None:
    """Give a message the translations it had before."""
    message.comments = old.comments
    message.translations = old.translations
    flags = [*message.flags, *old.flags]
    plural_came_or_went = bool(old.plural) != bool(message.plural)
    if plural_came_or_went and any(old.translations):
        flags.append("fuzzy")
    message.flags = list(dict.fromkeys(flags))
