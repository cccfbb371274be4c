"""Catalogues: what people edit and what programs read say the same."""

from __future__ import annotations

import io
import random
from gettext import GNUTranslations, c2py

import pytest

from openviper.i18n.catalogue import (
    PLURALS,
    CatalogueError,
    Message,
    count_forms,
    header,
    merge,
    plural_rule,
    read_po,
    write_mo,
    write_po,
)
from openviper.i18n.catalogue_checks import check_catalogue

LETTERS = (
    "a",
    "B",
    "ä",
    "☃",
    " ",
    '"',
    "\\",
    "\n",
    "\t",
    "\r",
    "%(n)s",
    "'",
    "#",
    "\x0b",
    "\u2028",
    "msgid",
    "\x1f",
)


def random_text(chance: random.Random) -> str:
    return "".join(chance.choice(LETTERS) for _ in range(chance.randint(1, 12)))


def random_message(chance: random.Random, number: int) -> Message:
    plural = random_text(chance) if chance.random() < 0.3 else ""
    forms = 2 if plural else 1
    return Message(
        f"{number}{random_text(chance)}",
        plural,
        random_text(chance) if chance.random() < 0.3 else None,
        [random_text(chance) for _ in range(forms)],
        places=[f"a.py:{number}"],
        flags=["python-format"] if chance.random() < 0.2 else [],
        comments=["a note"] if chance.random() < 0.2 else [],
    )


def compiled(*messages: Message) -> GNUTranslations:
    """Return the translations as the standard library reads them."""
    return GNUTranslations(io.BytesIO(write_mo(messages)))


# Round trips


@pytest.mark.parametrize("seed", range(40))
def test_what_is_written_for_people_reads_back_as_it_was(seed: int) -> None:
    chance = random.Random(seed)
    messages = [header("de"), *(random_message(chance, number) for number in range(8))]
    text = write_po(messages)
    again = read_po(text)
    assert again == messages
    assert write_po(again) == text
    assert read_po(text.replace("\n", "\r\n")) == messages


@pytest.mark.parametrize("seed", range(40))
def test_programs_read_each_translation_under_its_text_and_context(seed: int) -> None:
    chance = random.Random(seed)
    messages = [random_message(chance, number) for number in range(8)]
    read = compiled(header("de"), *messages)
    for message in messages:
        if message.plural and message.context is None:
            assert read.ngettext(message.text, message.plural, 1) == message.translations[0]
            assert read.ngettext(message.text, message.plural, 2) == message.translations[1]
        elif message.context is None:
            assert read.gettext(message.text) == message.translations[0]
        elif not message.plural:
            assert read.pgettext(message.context, message.text) == message.translations[0]


def test_an_empty_catalogue_is_one() -> None:
    assert read_po("") == read_po("\n\n# only a comment\n") == []
    assert write_po([]) == ""
    assert compiled().gettext("x") == "x"


# What is used


@pytest.mark.parametrize(
    ("message", "used"),
    [
        (Message("a", translations=["b"]), True),
        (Message("a"), False),
        (Message("a", translations=[""]), False),
        (Message("a", "as", translations=["b", ""]), False),
        (Message("a", translations=["b"], flags=["fuzzy"]), False),
        (Message("a", translations=["b"], flags=["python-format"]), True),
        (Message("", translations=["Language: de\n"], flags=["fuzzy"]), True),
        (Message("", context="c", translations=["b"], flags=["fuzzy"]), False),
    ],
)
def test_what_is_missing_or_a_guess_is_not_used(message: Message, used: bool) -> None:
    assert message.is_translated is used


def test_a_head_that_gnus_tools_call_a_guess_tells_the_encoding_all_the_same() -> None:
    head = header("de")
    head.flags.append("fuzzy")
    assert compiled(head, Message("a", translations=["ä"])).gettext("a") == "ä"


def test_a_catalogue_without_a_head_is_read_as_utf_8_too() -> None:
    (message,) = read_po('msgid "a"\nmsgstr "ä☃"\n')
    assert compiled(message).gettext("a") == "ä☃"


def test_the_plural_rule_of_the_head_decides() -> None:
    forms = Message("file", "files", translations=["soubor", "soubory", "souborů"])
    czech = compiled(header("cs"), forms)
    assert [czech.ngettext("file", "files", number) for number in (1, 3, 5)] == forms.translations


# Plural rules


@pytest.mark.parametrize(
    ("language", "numbers", "forms"),
    [
        ("de", (0, 1, 2, 11), (1, 0, 1, 1)),
        ("fr", (0, 1, 2), (0, 0, 1)),
        ("pt-br", (0, 1, 2), (0, 0, 1)),
        ("pt", (0, 1, 2), (1, 0, 1)),
        ("ja", (0, 1, 2), (0, 0, 0)),
        ("cs", (1, 2, 4, 5, 0), (0, 1, 1, 2, 2)),
        ("pl", (1, 2, 5, 12, 22, 25), (0, 1, 2, 2, 1, 2)),
        ("ru", (1, 2, 5, 11, 21, 22, 111), (0, 1, 2, 2, 0, 1, 2)),
        ("uk", (1, 3, 14, 24), (0, 1, 2, 1)),
    ],
)
def test_each_language_counts_in_its_own_way(
    language: str, numbers: tuple[int, ...], forms: tuple[int, ...]
) -> None:
    message = Message("one", "many", translations=["0", "1", "2"])
    read = compiled(header(language), message)
    assert tuple(int(read.ngettext("one", "many", number)) for number in numbers) == forms


@pytest.mark.parametrize("language", PLURALS)
def test_every_rule_is_one_that_gettext_understands(language: str) -> None:
    forms = [f"form {number}" for number in range(count_forms(header(language)))]
    read = compiled(header(language), Message("a", "b", translations=forms))
    # Each of them is one that some number has.
    assert {read.ngettext("a", "b", number) for number in range(200)} == set(forms)


@pytest.mark.parametrize(
    ("language", "numbers"),
    [
        ("de", {1: 0, 0: 1, 2: 1}),
        ("fr", {0: 0, 1: 0, 2: 1}),
        ("ja", {0: 0, 1: 0, 5: 0}),
        ("ar", {0: 0, 1: 1, 2: 2, 3: 3, 103: 3, 11: 4, 99: 4, 100: 5, 102: 5}),
        ("ar_EG", {0: 0, 100: 5}),
        ("sl", {1: 0, 101: 0, 2: 1, 3: 2, 4: 2, 5: 3}),
        ("lt", {1: 0, 21: 0, 11: 2, 2: 1, 10: 2}),
        ("lv", {0: 0, 10: 0, 11: 0, 1: 1, 21: 1, 2: 2}),
        ("hr-HR", {1: 0, 21: 0, 2: 1, 5: 2, 11: 2}),
        ("ro", {1: 0, 0: 1, 19: 1, 20: 2}),
        ("he", {1: 0, 2: 1, 3: 2}),
        ("ga", {1: 0, 2: 1, 3: 2, 7: 3, 11: 4}),
        ("cy", {0: 0, 1: 1, 2: 2, 3: 3, 6: 4, 4: 5}),
        ("mt", {1: 0, 0: 1, 10: 1, 11: 2, 20: 3}),
        ("is", {1: 0, 21: 0, 11: 1}),
    ],
)
def test_languages_choose_as_cldr_says(language: str, numbers: dict[int, int]) -> None:
    choose = c2py(plural_rule(language).partition("plural=")[2].rstrip(";"))
    assert {number: choose(number) for number in numbers} == numbers


@pytest.mark.parametrize(("language", "forms"), [("ja", 1), ("de", 2), ("pl", 3), ("ar", 6)])
def test_a_new_text_has_room_for_each_plural_form(language: str, forms: int) -> None:
    text = write_po([header(language), Message("a", "b")])
    assert text.count("msgstr[") == forms
    assert read_po(text)[1].translations == [""] * forms


PLURAL = 'msgid "a"\nmsgid_plural "b"\n'


@pytest.mark.parametrize(
    "text",
    [
        'msgid "a"\n\nmsgid "b"\nmsgstr "B"\n',
        'msgstr "B"\n',
        'msgid "a"\nmsgstr "1"\nmsgstr "2"\n',
        PLURAL + 'msgstr[0] "1"\nmsgstr[2] "3"\n',
        PLURAL + 'msgstr[x] "1"\n',
        PLURAL + 'msgstr "1"\n',
        'msgid "a"\nmsgstr[0] "1"\n',
    ],
)
def test_an_entry_that_is_not_whole_is_not_dropped_in_silence(text: str) -> None:
    with pytest.raises(CatalogueError):
        read_po(text)


def test_fields_may_be_parted_by_tabs_or_nothing() -> None:
    assert read_po('msgid\t"a"\nmsgstr"x"\n')[0].translations == ["x"]


def test_what_programs_have_noted_is_no_comment_of_translators() -> None:
    [message] = read_po('#. of a program\n# of mine\nmsgid "a"\nmsgstr "x"\n')
    assert message.comments == ["of mine"]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([Message("a", translations=["1"]), Message("a", translations=["2"])], "twice"),
        ([Message("a", "b", translations=["1"])], "has 1 plural forms"),
        ([Message("a", "b", translations=["1", "2", "3"])], "has 3 plural forms"),
        ([Message("%(n)s a", translations=["%(m)s"])], "wants 'm'"),
        ([Message("", translations=["Plural-Forms: nplurals=2; plural=(n !=;\n"])], "plural form"),
        (
            [Message("", translations=["Plural-Forms: nplurals=2; plural=open(n);\n"])],
            "plural form",
        ),
        (
            [Message("", translations=["Plural-Forms: nplurals=2; plural=n/(n-7);\n"])],
            "divides 7 by zero",
        ),
        (
            [Message("", translations=["Plural-Forms: nplurals=2; plural=n>3 ? 2 : 0;\n"])],
            "gives 4 the form 2, and the last one is 1",
        ),
        ([Message("%(n)s cats", translations=["%(n) Katzen"])], "does not take the values"),
        ([Message("%(n)s more", translations=["100% von %(n)s"])], "written '%%'"),
        ([Message("%s", flags=["python-format"], translations=["%s %s"])], "does not take"),
        ([Message("%d a", "%d b", flags=["python-format"], translations=["ein", "%d"])], "'ein'"),
        ([Message("all", places=["t/a.html:1"], translations=["100%"])], "'100%' does not take"),
    ],
)
def test_what_would_fail_in_a_page_is_found_before(messages: list[Message], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_catalogue(messages)


def test_a_text_of_two_meanings_and_a_guess_are_fine() -> None:
    check_catalogue(
        [
            header("de"),
            Message("a", translations=["1"]),
            Message("a", context="b", translations=["2"]),
            Message("%(n)s", "%(n)s of %(m)s", translations=["x", "%(m)s"]),
            Message("c", "d", translations=["1"], flags=["fuzzy"]),
            Message("all", places=["a.py:1"], translations=["100%"]),
            Message("100% sure", places=["a.py:1"], translations=["100% echt"]),
            Message("100%% %(x)s", places=["a.html:1"], translations=["%(x)s: 100%%"]),
            Message("%(n)d b", "%(n)d bs", translations=["ein b", "%(n)s b"]),
            Message("%s of %s", flags=["python-format"], translations=["%s %s"]),
            Message("e", "f"),
        ]
    )


@pytest.mark.parametrize(
    ("language", "like"),
    [("de-at", "de"), ("cs-cz", "cs"), ("pt-pt", "pt"), ("xx", ""), ("zh-hans", "zh")],
)
def test_a_region_counts_as_its_language_does(language: str, like: str) -> None:
    assert plural_rule(language) == plural_rule(like)


# Reading


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('msgid "a"\nmsgstr "b', 2, "is not a text in quotes"),
        ('msgid "a"\nmsgstr', 2, "is not a text in quotes"),
        ('msgid "a"\nmsgstr "b" + "c"', 2, "is not a text in quotes"),
        ('msgid "a"\nmsgstr b"x"', 2, "is not a text in quotes"),
        ('msgid "\\x"', 1, "is not a text in quotes"),
        ('msgid "a"\nmsgstr[0 "b"', 2, "'msgstr[0' is not known"),
        ('msgids "a"', 1, "'msgids' is not known"),
        ('\n\n"alone"', 3, "a text stands alone"),
        ('msgid "a"\nmsgstr "b"\n\n"alone"', 4, "a text stands alone"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(text: str, line: int, reason: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        read_po(text)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"line {line}: ") and reason in str(caught.value)


def test_entries_need_no_empty_line_between_them() -> None:
    text = (
        'msgid "a"\nmsgstr "1"\n# note\nmsgid "b"\nmsgstr "2"\nmsgctxt "c"\nmsgid "b"\nmsgstr "3"\n'
    )
    assert [(each.key, each.translations, each.comments) for each in read_po(text)] == [
        ((None, "a"), ["1"], []), ((None, "b"), ["2"], ["note"]), (("c", "b"), ["3"], []),
    ]  # fmt: skip


def test_an_entry_without_translation_is_read_and_a_comment_alone_is_none() -> None:
    assert read_po('msgid "a"\n') == [Message("a")]
    assert read_po('# one\n\n#: x.py:1\nmsgid "a"\nmsgstr ""\n')[0].places == ["x.py:1"]


GONE = """# a note
#, fuzzy
#~ msgctxt "c"
#~ msgid ""
#~ "go"
#~ "ne"
#~ msgid_plural "all gone"
#~ msgstr[0] "weg"
#~ msgstr[1] "fort"
"""


@pytest.mark.parametrize("mark", ["#~ ", "#~"])
def test_texts_out_of_use_are_kept_and_not_used(mark: str) -> None:
    gone, kept = GONE.replace("#~ ", mark), 'msgid "a"\nmsgstr "b"\n'
    for text in (f"{gone}\n{kept}", f"{kept}\n{gone}", f"{kept}{gone}{kept.replace('a', 'z')}"):
        messages = read_po(text)
        old = next(message for message in messages if message.is_obsolete)
        assert (old.key, old.plural) == (("c", "gone"), "all gone")
        assert (old.translations, old.comments) == (["weg", "fort"], ["a note"])
        assert not old.is_translated and "fuzzy" in old.flags
        assert all(each.is_translated and not each.comments for each in messages if each != old)
        check_catalogue([*messages, Message("gone", context="c")])
        assert b"weg" not in write_mo(messages)


def test_a_text_that_comes_back_has_its_translation_again() -> None:
    known = [
        header("de"),
        translated("a", "A"),
        translated("b", "B", comments=["hm"]),
        Message("c"),
    ]
    away = write_po(merge([Message("a")], known, "de"))
    assert '# hm\n#~ msgid "b"\n#~ msgstr "B"\n' in away and '"c"' not in away
    assert write_po(merge([Message("a")], read_po(away), "de")) == away
    back = merge([Message("a"), Message("b")], read_po(away), "de")
    assert [(each.text, each.translations, each.is_obsolete) for each in back[1:]] == [
        ("a", ["A"], False), ("b", ["B"], False),
    ]  # fmt: skip
    both = 'msgid "a"\nmsgstr "new"\n\n#~ msgid "a"\n#~ msgstr "old"\n'
    assert merge([Message("a")], read_po(both), "de")[1].translations == ["new"]


def test_a_mark_of_the_byte_order_is_none_of_the_text() -> None:
    assert read_po('\ufeffmsgid "a"\nmsgstr "b"\n')[0].text == "a"


# Merging


def translated(text: str, translation: str, **keys: object) -> Message:
    return Message(text, translations=[translation], **keys)  # type: ignore[arg-type]  # fields of a message


def test_known_translations_are_kept_and_texts_sorted() -> None:
    known = [header("de"), translated("b", "B", comments=["kept"]), translated("gone", "weg")]
    merged = merge([Message("c", places=["x:1"]), Message("b", places=["x:2"])], known, "de")
    assert [(each.text, each.translations) for each in merged[1:]] == [
        ("b", ["B"]), ("c", []), ("gone", ["weg"]),
    ]  # fmt: skip
    assert (merged[1].comments, merged[1].places) == (["kept"], ["x:2"])


def test_the_head_is_kept_or_made() -> None:
    own = translated("", "Language: de\nX-Own: 1\n")
    assert merge([], [own], "de") == [own]
    assert merge([], [], "de") == [header("de")]


def test_the_same_text_in_another_context_is_another_text() -> None:
    merged = merge(
        [Message("may", context="month"), Message("may")], [translated("may", "dürfen")], "de"
    )
    assert [(each.context, each.translations) for each in merged[1:]] == [
        (None, ["dürfen"]), ("month", []),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "is_guess"),
    [
        (translated("a", "x"), Message("a", "as"), True),
        (Message("a", "as", translations=["x", "y"]), Message("a"), True),
        (Message("a", "as", translations=["x", "y"]), Message("a", "bs"), False),
        (Message("a"), Message("a", "as"), False),
        (Message("a", translations=[""]), Message("a", "as"), False),
        (translated("a", "x", flags=["fuzzy"]), Message("a"), True),
    ],
)
def test_a_translation_is_a_guess_when_a_plural_came_or_went(
    old: Message, new: Message, is_guess: bool
) -> None:
    (_, message) = merge([new], [old], "de")
    assert ("fuzzy" in message.flags) is is_guess
    assert message.flags.count("fuzzy") <= 1


def test_merging_again_changes_nothing() -> None:
    def found() -> list[Message]:
        return [Message("a", "as", places=["x:1"], flags=["python-format"]), Message("b")]

    known = [header("de"), translated("a", "x"), translated("b", "B")]
    once = write_po(merge(found(), known, "de"))
    assert write_po(merge(found(), read_po(once), "de")) == once
