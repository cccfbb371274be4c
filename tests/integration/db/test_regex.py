"""Regular expressions find the same on every database, and never stop the event loop."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Case, Value, When
from openviper.db.connections.drivers.sqlite import SQLiteConnection
from openviper.db.fields import CharField, IntegerField, TextField
from openviper.db.models import Model, Q
from openviper.exceptions import FieldError
from tests.integration.db.support import database

EVERY_DATABASE = True
TEXTS = [
    "", "abc", "ABC", "a\nc", "abc\n", "\nabc", "a b", "\u00e9", "\u00c9", "_", "7", "\u0663", "a.c", "foo bar", "xfoox", "foo", "aaa",
    "a{,3}", "\u00df", "a\tb", "a]", "[a", "-", "ab12", "a\r\nb", "a$", "$", "a|b", "a\\b", "100%", "b-7", "\U0001f600", "(a)",
]  # fmt: skip
PATTERNS = [
    "^abc$", r"\Aabc\Z", "^a.c$", "c$", r"\bfoo\b", r"\Bfoo", r"foo\b", "^[^a]$", r"^\d$", r"^\D$", r"^[\d_]$", r"\s", "^.$", "^..$", "^$", "",
    "^[]a]", r"[\]\[]", r"^a\tb$", r"a\nc", "^a{2,}$", "^a{3}$", "^a+?$", "^(?:a|b)", "^(abc|foo)$", r"\.", r"\$", r"\|", r"\\", "%", "_", "^[a-]$",
    r"^[a\-]$", r"\{", r"-\d$", "[$]", "[.]", "^[ab ]+$", r"^\w+$", r"\(a\)", "\u00e9", "^[\u00e9\u00df]$", "a?c", "fo{1,2}", "^x?foo",
]  # fmt: skip


class Note(Model):
    _app_name = "regex"

    text = TextField()
    short = CharField(max_length=20, default="")
    n = IntegerField(default=0)


@asynccontextmanager
async def notes(folder: Path) -> AsyncIterator[None]:
    async with database(folder, Note):
        await Note.objects.bulk_create([Note(text=text, short=text) for text in TEXTS])
        yield


def expected(pattern: str, flags: int = 0) -> list[str]:
    """Return what Python finds; the dollar sign is the end, and digits are those of ASCII."""
    strict = re.sub(r"(?<![\\[])\$", r"\\Z", pattern)
    strict = strict.replace(r"[\d_]", "[0-9_]").replace(r"\d", "[0-9]").replace(r"\D", "[^0-9]")
    return sorted(text for text in TEXTS if re.search(strict, text, flags))


async def test_patterns_find_the_same_everywhere(tmp_path: Path) -> None:
    async with notes(tmp_path):
        for pattern in PATTERNS:
            found = await Note.objects.filter(text__regex=pattern).values_list("text", flat=True)
            assert sorted(found) == expected(pattern), pattern
            found = await Note.objects.exclude(short__regex=pattern).values_list("text", flat=True)
            assert sorted(found) == sorted(set(TEXTS) - set(expected(pattern))), pattern


@pytest.mark.parametrize("pattern", ["^abc$", "^\u00e9$", "FOO", r"^A.C$", "^[A-B]BC"])
async def test_case_is_ignored_by_word_flag_and_compiled_pattern(
    tmp_path: Path, pattern: str
) -> None:
    async with notes(tmp_path):
        ways: list[dict[str, Any]] = [
            {"text__iregex": pattern},
            {"text__regex": f"(?i){pattern}"},
            {"text__iregex": f"(?i){pattern}"},
            {"text__regex": re.compile(pattern, re.IGNORECASE)},
        ]
        for way in ways:
            found = await Note.objects.filter(**way).values_list("text", flat=True)
            assert sorted(found) == expected(pattern, re.IGNORECASE), way


@pytest.mark.parametrize(
    "pattern", ["abc.*def", "(a+)+$", "[[:alpha:]]*[[:alpha:]]*b", "(?m)^a.*b", "(?P<n>a)"]
)
async def test_what_may_take_long_or_is_not_the_same_is_refused_before_anything_is_sent(
    tmp_path: Path, pattern: str
) -> None:
    async with notes(tmp_path):
        whole = Q(text__regex=pattern)
        ways: list[Callable[[], object]] = [
            lambda: Note.objects.filter(whole),
            lambda: Note.objects.exclude(whole),
            lambda: Note.objects.filter(text__iregex=pattern),
            lambda: Note.objects.annotate(x=Case(When(whole, then=Value(1)), default=Value(2))),
            lambda: Note.objects.filter(Note.text.regex(pattern)),
        ]
        for ask in ways:
            with pytest.raises(FieldError, match="regular expression"):
                ask()
        assert await Note.objects.count() == len(TEXTS)


async def test_on_sqlite_no_match_runs_on_the_event_loop(
    tmp_path: Path, vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def noted(name: str) -> Any:
        original = getattr(SQLiteConnection, name)

        def run(self: SQLiteConnection, sql: str, *arguments: Any) -> Any:
            # A read is told off by the method itself, before it is sent.
            if name == "write_now" or "REGEXP" not in sql:
                sent.append(sql)
            return original(self, sql, *arguments)

        return run

    async with notes(tmp_path):
        for name in ("read_now", "write_now"):
            monkeypatch.setattr(SQLiteConnection, name, noted(name))
        match = Q(text__regex="^abc$")
        note = await Note.objects.get(match)
        note.n = Case(When(match, then=Value(7)), default=Value(8))  # type: ignore[assignment]  # computed by the database
        await note.save()
        assert note.n == 7
        assert await Note.objects.filter(match).exists()
        assert await Note.objects.filter(match).update(n=9) == 1
        assert [one.n async for one in Note.objects.filter(match).iterator()] == [9]
        assert await Note.objects.filter(match).delete() == 1
        assert sent or vendor != "sqlite"
        assert not [sql for sql in sent if "REGEXP" in sql]
