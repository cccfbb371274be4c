"""The page about fields names all of them, and its examples run."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.db import fields
from openviper.db.fields import set_file_storage
from tests.integration.db.support import database
from tests.unit.db.fields.test_files import MemoryStorage

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "fields.md"


@pytest.fixture
def storage() -> Iterator[MemoryStorage]:
    """Store uploads in memory."""
    memory = MemoryStorage()
    set_file_storage(memory)
    yield memory
    set_file_storage(None)


def test_every_kind_of_field_is_in_the_table() -> None:
    text = PAGE.read_text()
    kinds = [name for name in fields.__all__ if name.endswith("Field") and name != "Field"]
    assert [name for name in kinds if f"`{name}(" not in text] == []


async def test_the_examples_run(
    tmp_path: Path, storage: MemoryStorage, override_settings: Any
) -> None:
    override_settings(SECRET_KEY="k" * 60)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 5
    namespace: dict[str, Any] = {"__name__": "fields_page"}
    exec(blocks[0], namespace)
    async with database(tmp_path, namespace["Article"]):
        for block in blocks[1:]:
            code = compile(block, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, namespace)
            if inspect.isawaitable(result):
                await result
    assert len(storage.files) == 1
