"""Names of result files."""

from __future__ import annotations

import re

import pytest

from openviper.backup.names import (
    generate_backup_filename,
    parse_db_name_from_url,
    sanitize_db_name,
)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///db.sqlite3", "db"),
        ("sqlite:////srv/data/library.DB", "library"),
        ("sqlite+aiosqlite:///library.sqlite?mode=rw", "library"),
        ("sqlite:///my%20books.db", "my books"),
        ("sqlite:///books.data", "books.data"),
        ("sqlite://", "database"),
        ("postgresql://user:p%40ss@host:5432/library?sslmode=require", "library"),
        ("postgresql://host/", "database"),
        ("no url", "database"),
    ],
)
def test_the_database_name_is_the_last_segment_without_its_extension(url: str, name: str) -> None:
    assert parse_db_name_from_url(url) == name


@pytest.mark.parametrize(
    ("name", "sanitized"),
    [
        ("my books", "my_books"),
        ("__a--b..c__", "a_b_c"),
        ("Bücher", "B_cher"),
        ("../..", "database"),
        ("", "database"),
    ],
)
def test_file_names_hold_letters_digits_and_single_underscores(name: str, sanitized: str) -> None:
    assert sanitize_db_name(name) == sanitized


def test_a_very_long_name_is_cut() -> None:
    assert len(generate_backup_filename("x" * 500)) < 150


@pytest.mark.parametrize(("compress", "extension"), [(True, ".tar.gz"), (False, ".sql")])
def test_a_generated_name_carries_the_utc_time(compress: bool, extension: str) -> None:
    name = generate_backup_filename("my books", compress=compress)
    assert re.fullmatch(r"my_books_\d{8}-\d{6}" + re.escape(extension), name)
