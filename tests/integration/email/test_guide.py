"""The pages about mail are true."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from openviper.core.email import EmailMessageData, send_email
from openviper.core.email.config import ALIASES, FLAT, EmailSettings, email_settings
from openviper.testing import create_mailoutbox
from openviper.testing.settings import override_openviper_settings
from tests.acceptance.tasks.test_guide import VIPERCTL, commands
from tests.acceptance.tasks.workers import ROOT, workshop
from tests.projects import write

TEXT = (ROOT / "docs/how-to/mail.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs/reference/email.md").read_text(encoding="utf-8")


def files() -> dict[str, str]:
    """Return the files of the page by name."""
    found = re.findall(
        r'^```(?:python|text) title="(.*?)"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL
    )
    return {name: text for name, text in found if name != "settings.py"}


@pytest.mark.one_version
def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    written = files()
    assert len(written) == 6
    with workshop(tmp_path) as shop:
        pyproject = '[tool.openviper.testing]\nsettings = "settings"\n'
        write(
            tmp_path,
            {**written, "shop/tasks.py": "", "viperctl.py": VIPERCTL, "pyproject.toml": pyproject},
        )
        run = 0
        for block in re.findall(r"^```console\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
            for command, lines in commands(block):
                words = [sys.executable, *shlex.split(command)[1:]]
                done = subprocess.run(
                    words, cwd=tmp_path, env=shop.environment, capture_output=True, text=True
                )
                assert done.returncode == 0, f"{command}: {done.stderr}"
                for line in lines:
                    assert line in done.stdout, f"{command} printed {done.stdout!r}, not {line!r}"
                run += 1
        assert run == 3
        environment = {
            **os.environ,
            **shop.environment,
            "MYPY_CACHE_DIR": str(tmp_path / "mypy-cache"),
        }
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "shop"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert checked.returncode == 0, checked.stdout


async def test_invoices_and_newsletters() -> None:
    invoices: dict[str, object] = {}
    exec(files()["shop/invoices.py"], invoices)
    newsletter: dict[str, object] = {}
    exec(files()["shop/newsletter.py"], newsletter)
    outbox, catching = create_mailoutbox()
    with catching:
        assert await invoices["send_invoice"]("ada@x.io", b"%PDF", b"\x89PNG\r\n\x1a\n")  # type: ignore[operator]  # from the page
        missed = await newsletter["publish"]("News", {"ada@x.io": "1", "nobody": "2"})  # type: ignore[operator]  # from the page
    assert missed == ["nobody"]
    assert [one.mimetype for one in outbox[0].attachments] == ["application/pdf", "image/png"]
    assert outbox[1].message is not None and "List-Unsubscribe-Post" in outbox[1].message.headers


def test_the_settings_of_the_page_can_be_used() -> None:
    (source,) = re.findall(
        r'^```python title="settings.py"\nEMAIL = (.*?)^```$', TEXT, re.MULTILINE | re.DOTALL
    )
    with override_openviper_settings(EMAIL=ast.literal_eval(source)):
        config = email_settings()
    assert (config.port, config.username) == (587, "shop")


def test_the_reference_has_every_key_with_its_default() -> None:
    rows = re.findall(
        r"^\| `(\w+)`(?:, `(\w+)`)? \| (?:`(\w+)`)? ?\| (.*?) \|", REFERENCE, re.MULTILINE
    )
    named = {row[0]: row for row in rows} | {"log_format": ("log_format", "", "", '"text"')}
    defaults = {item.name: item.default for item in fields(EmailSettings)}
    assert set(named) == set(defaults)
    assert {row[1] for row in named.values()} >= set(ALIASES)
    for key, default in defaults.items():
        shown = named[key][3]
        if key in ("log_dir", "log_format", "port"):
            continue
        assert ast.literal_eval(shown.strip("`")) == default, key
        flat = FLAT.get(key, f"EMAIL_{key.upper()}")
        assert named[key][2] in ("", flat)


def test_the_reference_has_every_argument_and_attribute() -> None:
    import inspect

    for name in inspect.signature(send_email).parameters:
        assert re.search(rf"\b{name}\b", REFERENCE)
    for one in fields(EmailMessageData):
        assert one.name == "only_to" or re.search(rf"\b{one.name}\b", REFERENCE)
