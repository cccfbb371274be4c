"""Running typed code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from openviper.core.management.console.evaluation import Evaluator
from openviper.core.management.console.namespace import Namespace


@pytest.fixture
def evaluator() -> Iterator[Evaluator]:
    one = Evaluator(Namespace())
    yield one
    one.close()


def test_await_works_at_the_top_level(evaluator: Evaluator) -> None:
    assert evaluator.run_source("import asyncio\nx = await asyncio.sleep(0, 5)") == 0
    assert evaluator.namespace["x"] == 5


def test_everything_shares_one_event_loop(evaluator: Evaluator) -> None:
    evaluator.run_source(
        "import asyncio\nasync def loop(): return asyncio.get_running_loop()\nfirst = await loop()"
    )
    evaluator.run_source("second = await loop()")
    assert evaluator.namespace["first"] is evaluator.namespace["second"]


def test_a_task_started_in_one_input_can_be_awaited_in_the_next(evaluator: Evaluator) -> None:
    evaluator.run_source(
        "import asyncio\nasync def work(): return 7\ntask = asyncio.create_task(work()); await asyncio.sleep(0)"
    )
    evaluator.run_source("x = await task")
    assert evaluator.namespace["x"] == 7


def test_code_without_await_may_run_a_loop_of_its_own(evaluator: Evaluator) -> None:
    assert evaluator.run_source("import asyncio\nx = asyncio.run(asyncio.sleep(0, 3))") == 0
    assert evaluator.namespace["x"] == 3


def test_context_variables_last_from_one_input_to_the_next(evaluator: Evaluator) -> None:
    evaluator.run_source(
        "from contextvars import ContextVar\nv = ContextVar('v')\nasync def put(): v.set(1)\nawait put()"
    )
    evaluator.run_source("async def get(): return v.get()\nx = await get()")
    assert evaluator.namespace["x"] == 1


def test_a_traceback_shows_the_typed_lines_and_none_of_ours(
    evaluator: Evaluator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluator.run_source("def f():\n    raise ValueError('x')\nf()") == 1
    err = capsys.readouterr().err
    assert err.splitlines()[1].strip() == 'File "<console>", line 3, in <module>'
    assert "raise ValueError('x')" in err
    assert "evaluation.py" not in err


def test_a_syntax_error_shows_where(
    evaluator: Evaluator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluator.run_source("x =") == 1
    assert "SyntaxError" in capsys.readouterr().err


def test_an_exit_code_passes_through(evaluator: Evaluator) -> None:
    for source in (
        "raise SystemExit(7)",
        "import asyncio\nawait asyncio.sleep(0)\nraise SystemExit(7)",
    ):
        with pytest.raises(SystemExit) as caught:
            evaluator.run_source(source)
        assert caught.value.code == 7


def test_database_connections_are_closed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def close_db() -> None:
        closed.append("closed")

    module: Any = SimpleNamespace(close_db=close_db)
    monkeypatch.setitem(sys.modules, "openviper.db.connection", module)
    evaluator = Evaluator(Namespace())
    evaluator.run_source("import asyncio\nawait asyncio.sleep(0)")
    evaluator.close()
    assert closed == ["closed"]


def test_a_framework_name_is_imported_when_code_mentions_it(evaluator: Evaluator) -> None:
    assert "settings" not in evaluator.namespace
    evaluator.run_source("def name():\n    return settings.PROJECT_NAME\nx = name()")
    assert evaluator.namespace["x"] == evaluator.namespace["settings"].PROJECT_NAME


def test_a_name_that_code_defines_itself_stays(evaluator: Evaluator) -> None:
    evaluator.run_source("settings = 1")
    evaluator.run_source("x = settings")
    assert evaluator.namespace["x"] == 1
