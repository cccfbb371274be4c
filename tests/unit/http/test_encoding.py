"""JSON for responses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openviper.http.encoding import encode_json


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "ü€😀", "</script>\u2028"])
def test_every_text_becomes_valid_utf_8_that_reads_back_the_same(text: str) -> None:
    encoded = encode_json({"text": text})
    encoded.decode("utf-8")
    assert json.loads(encoded) == {"text": text}


@pytest.mark.parametrize("indent", [None, 2])
def test_numbers_that_json_lacks_become_null_at_any_depth(indent: int | None) -> None:
    value = {"a": [float("nan"), {"b": (float("inf"), 1.5)}]}
    assert json.loads(encode_json(value, indent=indent)) == {"a": [None, {"b": [None, 1.5]}]}


class Accidental:
    """Has `to_dict`, as models do, but never said that clients may see it."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything there is."""
        return {"password": "hash"}


@pytest.mark.parametrize("value", [object(), {"a": object()}, Accidental(), {(1, 2): 3}])
def test_what_has_no_form_in_json_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError):
        encode_json(value)


def test_what_contains_itself_is_an_error() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises((ValueError, RecursionError)):
        encode_json(value)
