"""Which statements make MariaDB and MySQL commit the open transaction, unasked."""

from __future__ import annotations

import re

from openviper.db.exceptions import DatabaseOperationNotSupportedError

ENDS_TRANSACTION = re.compile(
    r"""(?isx) (?: \s | --\s[^\n]*\n | \#[^\n]*\n | /\*(?![!M]).*?\*/ )*
    (?: (ALTER|BEGIN|CACHE|CHANGE|CHECK|FLUSH|GRANT|INSTALL|LOCK|OPTIMIZE|RENAME|REPAIR|RESET|REVOKE|START|STOP|TRUNCATE|UNINSTALL
        |ANALYZE(?=\s+(?:LOCAL\s+|NO_WRITE_TO_BINLOG\s+)?TABLE)|LOAD(?=\s+INDEX)|SET(?=\s+(?:PASSWORD|(?:SESSION\s+|@@)?autocommit)))
      | (CREATE|DROP) (?! (?: \s+ OR \s+ REPLACE)? \s+ TEMPORARY ) ) \b"""
)
"""Statements that commit before they do anything (https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit)."""


def refuse_commit(sql: str) -> None:
    """Refuse a statement that would commit the open transaction.

    Raises:
        DatabaseOperationNotSupportedError: If it would; the message names its first word.
    """
    match = ENDS_TRANSACTION.match(sql)
    if match is not None:
        word = (match[1] or match[2]).upper()
        raise DatabaseOperationNotSupportedError(
            f"MariaDB and MySQL commit a transaction before {word}, so it was not sent: run it outside of atomic()"
        )
