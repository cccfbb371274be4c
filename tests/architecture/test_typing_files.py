"""The files for the type checker name every method of the query side."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openviper.db.query import QuerySet
from openviper.db.query.manager import Manager

FILES = Path(__file__).resolve().parents[1] / "typing"
FOR_OTHER_ROOMS = {
    "as_subquery",
    "as_subquery_of",
    "bind",
    "bound_copy",
    "from_queryset",
    "model",
    "query_by",
    "queryset_class",
}
"""What the rooms of the ORM call of each other, and what makes a class, whose methods the type checker cannot know."""


@pytest.mark.parametrize("kind", [QuerySet, Manager])
def test_every_public_method_is_asserted(kind: type[object]) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FILES.glob("*.py"))
    public = {name for name in dir(kind) if not name.startswith("_")} - FOR_OTHER_ROOMS
    assert len(public) > 40
    assert {name for name in public if not re.search(rf"\.{name}\b", text)} == set()
