"""The how-to about transactions is true, on every database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from openviper.db.connection import connections
from openviper.db.connections.options import read_databases
from openviper.db.exceptions import OperationalError
from tests.integration.db.support import database
from tests.integration.docs.pages import DOCS, check_examples, models_of, page

EVERY_DATABASE = True
TEXT = page("how-to/transactions.md")


async def test_every_example_answers_what_the_page_shows(tmp_path: Path) -> None:
    with models_of(TEXT, "how_to_bank") as (module, models):
        async with database(tmp_path, *models):
            assert await check_examples(TEXT, module.__dict__) >= 10


async def test_the_retrying_function_tries_again_and_gives_up(tmp_path: Path) -> None:
    (source,) = re.findall(
        r'^```python title="bank/retrying.py"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(compile(source, "retrying.py", "exec"), names)
    async with database(tmp_path):
        calls: list[int] = []

        async def work() -> None:
            calls.append(1)
            if len(calls) < 3:
                raise OperationalError("deadlock", retryable=True)

        await names["with_retries"](work)
        assert len(calls) == 3
        assert not connections.get().pool().statistics().get("primary_held")


async def test_the_second_attempt_stores_what_the_first_one_could_not(tmp_path: Path) -> None:
    (source,) = re.findall(
        r'^```python title="bank/retrying.py"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(compile(source, "retrying.py", "exec"), names)
    with models_of(TEXT, "how_to_bank") as (module, models):
        async with database(tmp_path, *models):
            account = await module.Account.objects.create(owner="Ada", balance=10)
            fresh = module.Account(owner="Bob", balance=1)
            calls: list[int] = []

            async def work() -> None:
                calls.append(1)
                account.balance = 20
                await account.save()
                await fresh.save()
                if len(calls) == 1:
                    raise OperationalError("deadlock", retryable=True)

            await names["with_retries"](work)
            rows = module.Account.objects.order_by("owner").values_list("owner", "balance")
            assert [tuple(row) for row in await rows] == [("Ada", 20), ("Bob", 1)]


def test_the_documented_options_have_the_documented_defaults() -> None:
    text = (DOCS / "how-to/postgresql.md").read_text(encoding="utf-8")
    options = read_databases({"default": {"URL": "postgresql://localhost/x"}})["default"]
    names = {"PREPARED_STMT_CACHE": "prepared_statements"}
    rows = re.findall(r"^\| `([A-Z_]+)` \| `?(\w+)`? \|", text, re.MULTILINE)
    assert len(rows) == 8
    for name, default in rows:
        value = getattr(options, names.get(name, name.lower()))
        assert str(value).lower() == default.lower(), name


def test_the_settings_of_the_page_can_be_used() -> None:
    text = (DOCS / "how-to/postgresql.md").read_text(encoding="utf-8")
    (source,) = re.findall(
        r'^```python title="settings.py"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(compile(source, "settings.py", "exec"), names)
    connections.configure(names["DATABASES"])
    try:
        assert connections.get().url.query["sslmode"] == "verify-full"
        assert "s3cret" not in str(connections.get().url)
    finally:
        connections.reset()
