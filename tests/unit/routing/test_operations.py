"""What is said about a handler with `operation`."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.api import operation


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"tags": "staff"}, r"tags are several texts, such as \['staff'\]"),
        ({"tags": [1]}, r"tags\[0\] must be a str, not 1"),
        ({"summary": 5}, "summary must be a str, not 5"),
        ({"hidden": "no"}, "hidden must be a bool, not 'no'"),
        ({"answers": ["x"]}, "answers are what is said by status"),
    ],
)
def test_what_is_of_another_type_is_refused(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        operation(**arguments)
