"""The pages about logins, sessions, tokens, CSRF and permissions are true: their examples are put together and tried."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from openviper.auth.models import User
from openviper.core.email.backends import MemoryBackend, backend_override
from openviper.core.email.message import EmailMessageData
from openviper.testing import override_openviper_settings as override
from tests.integration.auth.database import accounts
from tests.integration.auth.visitors import app_code
from tests.integration.docs.pages import DOCS, page
from tests.integration.docs.test_web_pages import blocks, run

PAGES = (
    "log-in",
    "sessions",
    "tokens",
    "csrf",
    "permissions",
    "account-pages",
    "two-factor",
    "from-django-allauth",
    "passwords",
    "audit",
)


def token_in(page: str) -> str:
    """Return the token of the form in a page."""
    found = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    return found[1]


@asynccontextmanager
async def settings_of(**values: Any) -> AsyncIterator[None]:
    """Use other settings inside the block; a list stands for a tuple."""
    given = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    with override(**given):
        yield


def link_in(mail: EmailMessageData) -> str:
    """Return the link in a mail."""
    found = re.search(r"^https?://\S+", mail.text or "", re.M)
    assert found is not None
    return found[0]


async def user(name: str) -> User:
    """Return a user, made when it is first asked for."""
    found = await User.objects.get_or_none(username=name)
    return found or await User.objects.create_user(name, f"{name}@example.com", "long enough 1")


def names_for(page_name: str, mails: list[EmailMessageData]) -> dict[str, Any]:
    """Return what the examples of a page may use."""
    names: dict[str, Any] = {
        "__name__": f"docs_{page_name.replace('-', '_')}",
        "token_in": token_in,
        "settings_of": settings_of,
        "user": user,
        "app_code": app_code,
        "mails": mails,
        "link_in": link_in,
    }

    async def log_in(name: str) -> None:
        from openviper import Request
        from openviper.auth import login

        async def enter(request: Request) -> str:
            await login(request, await user(name))
            return "in"

        names["app"].get(f"/log-in-{name}")(enter)
        await names["client"].get(f"/log-in-{name}")

    names["log_in"] = log_in
    return names


@pytest.mark.parametrize("name", PAGES)
async def test_every_example_does_what_the_page_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = MemoryBackend()
    names = names_for(name, mails.outbox)
    parts = blocks(page(f"how-to/{name}.md"))
    # Models first, so that their tables are made with the others.
    for _, title, source in parts:
        if title == "models.py":
            await run(source, names)
    given: dict[str, Any] = {"TEMPLATES_DIR": str(tmp_path)}
    for _, title, source in parts:
        if title == "settings.py":
            exec(source, {}, given)
    tried = 0
    with backend_override(mails):
        async with accounts(tmp_path, **given):
            for language, title, source in parts:
                if language == "html":
                    (tmp_path / title).write_text(source, "utf-8")
                elif title in ("backends.py", "rules.py"):
                    module = ModuleType(title.removesuffix(".py"))
                    exec(source, module.__dict__)
                    monkeypatch.setitem(sys.modules, module.__name__, module)
                elif title == "try":
                    names.setdefault("client", names["app"].test_client())
                    await run(source, names)
                    tried += 1
                elif title not in ("models.py", "settings.py"):
                    await run(source, names)
    assert tried


def test_every_page_is_linked() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    for name in PAGES:
        assert f"(how-to/{name}.md)" in index


@pytest.mark.parametrize("name", ["explanation/account-threats.md", "reference/asvs.md"])
def test_every_test_that_a_table_names_is_there(name: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", page(name)))
    tests = DOCS.parent / "tests"
    sources = "\n".join(path.read_text("utf-8") for path in tests.rglob("test_*.py"))
    there = set(re.findall(r"^(?:async )?def (test_\w+)\(", sources, re.MULTILINE))
    assert len(named) > 20
    assert named - there == set()


def test_every_row_of_the_table_of_asvs_has_an_answer() -> None:
    rows = [
        line.split("|")[1:-1]
        for line in page("reference/asvs.md").splitlines()
        if line.startswith("| 1") or re.match(r"\| \d", line)
    ]
    assert len(rows) > 50
    assert {answer.strip() for _, answer, *_ in rows} == {"Yes", "Set", "Yours", "No"}
    for asked, answer, how, test in rows:
        assert how.strip() or answer.strip() != "Set", asked
        # What is ours to do, a test shows.
        assert test.strip() or answer.strip() in ("Yours", "No"), asked
