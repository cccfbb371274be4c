"""The how-to about background tasks is true: its files are written, its commands run."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from openviper.tasks.conf import resolve_tasks_config
from tests.acceptance.tasks.workers import ROOT, workshop
from tests.projects import write

TEXT = (ROOT / "docs/how-to/background-tasks.md").read_text(encoding="utf-8")
VIPERCTL = "import sys\nfrom openviper.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"


def blocks(kind: str) -> list[tuple[str, str]]:
    """Return the titles and texts of the blocks of a language."""
    return re.findall(rf'^```{kind}(?: title="(.*?)")?\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, and the lines that each is to print."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found[-1][0].count("'") % 2:
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        else:
            found[-1][1].append(line)
    return found


@pytest.mark.one_version
def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    files = {title: text for title, text in blocks("python") if title.startswith("shop/")}
    assert len(files) == 8
    with workshop(tmp_path, backend_url="on") as shop:
        pyproject = '[tool.openviper.testing]\nsettings = "settings"\n'
        write(tmp_path, {**files, "viperctl.py": VIPERCTL, "pyproject.toml": pyproject})
        run = 0
        for _, block in blocks("console"):
            for command, lines in commands(block):
                words = [sys.executable, *shlex.split(command)[1:]]
                done = subprocess.run(
                    words, cwd=tmp_path, env=shop.environment, capture_output=True, text=True
                )
                assert done.returncode == 0, f"{command}: {done.stderr}"
                for line in lines:
                    assert line in done.stdout, f"{command} printed {done.stdout!r}, not {line!r}"
                run += 1
        assert run >= 10
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


def test_a_result_can_be_waited_for(tmp_path: Path) -> None:
    sums = next(text for title, text in blocks("python") if title == "shop/sums.py")
    with workshop(tmp_path, backend_url="on") as shop:
        write(tmp_path, {"shop/tasks.py": sums})
        shop.start("--no-scheduler")
        assert shop.python("print(add.send(1, 2).get_result(timeout=30_000))") == "3\n"


def test_an_order_is_paid_once(tmp_path: Path) -> None:
    orders = next(text for title, text in blocks("python") if title == "shop/orders.py")
    with workshop(tmp_path) as shop:
        write(
            tmp_path,
            {"shop/models.py": orders, "shop/tasks.py": "from shop.models import Order, pay\n"},
        )
        assert shop.run("makemigrations").returncode == 0
        assert shop.run("migrate").returncode == 0
        code = "import asyncio\nasync def work():\n    order = await Order.objects.create()\n"
        code += "    print(await pay(order.id), await pay(order.id))\nasyncio.run(work())\n"
        assert shop.python(code) == "True False\n"


def test_the_settings_can_be_used() -> None:
    values: list[Any] = [
        ast.literal_eval(text.partition("=")[2].strip())
        for title, text in blocks("python")
        if title == "settings.py"
    ]
    assert len(values) == 3
    for value in values:
        assert resolve_tasks_config(value).enabled
    assert resolve_tasks_config({"logging": {"file": 1, "database": 1}}).logging.file is not None


def test_every_option_of_the_table_exists() -> None:
    from argparse import ArgumentParser

    from openviper.core.management.commands.start_worker import Command

    parser = ArgumentParser()
    Command().add_arguments(parser)
    options = re.findall(r"^\| `(--[\w-]+)", TEXT, re.MULTILINE)
    assert len(options) == 8
    assert set(options) <= set(parser._option_string_actions)
