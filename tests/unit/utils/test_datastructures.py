"""Headers and parameters."""

from __future__ import annotations

import random
import tracemalloc
from urllib.parse import unquote_to_bytes, urlencode

import pytest

from openviper.utils.datastructures import (
    PIECE,
    Headers,
    ImmutableMultiDict,
    MutableHeaders,
    QueryParams,
    decode_form,
)


def test_headers_are_found_whatever_their_case() -> None:
    headers = Headers([(b"x-a", b"1"), (b"x-a", b"2"), (b"accept", b"\xfc")])
    assert (headers["X-A"], headers.get("Accept"), headers.get("none")) == ("1", "ü", None)
    assert headers.getlist("x-A") == ["1", "2"]
    assert list(headers) == ["x-a", "accept"]
    assert len(headers) == 2
    assert "x-a" in headers
    with pytest.raises(KeyError):
        headers["none"]


def test_values_of_headers_are_not_in_their_representation() -> None:
    assert "s3cr3t" not in repr(Headers([(b"authorization", b"s3cr3t")]))


def test_mutable_headers_are_set_added_and_removed() -> None:
    headers = MutableHeaders([(b"x-a", b"1"), (b"x-a", b"2")])
    headers["X-A"] = "3"
    headers.append("x-b", "1")
    headers.append("x-b", "2")
    headers.setdefault("x-b", "ignored")
    headers.setdefault("x-c", "1")
    assert headers.raw == [(b"x-a", b"3"), (b"x-b", b"1"), (b"x-b", b"2"), (b"x-c", b"1")]
    del headers["X-B"]
    assert headers.getlist("x-b") == []


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0b"])
def test_a_header_cannot_smuggle_another_one(value: str) -> None:
    for name, content in (("x", value), (value, "x")):
        with pytest.raises(ValueError, match="line breaks|not a valid header name"):
            MutableHeaders()[name] = content


def test_the_first_value_counts_and_all_can_be_had() -> None:
    items = ImmutableMultiDict([("a", "1"), ("b", "2"), ("a", "3")])
    assert (items["a"], items.getlist("a"), dict(items)) == ("1", ["1", "3"], {"a": "1", "b": "2"})
    assert items.multi_items() == [("a", "1"), ("b", "2"), ("a", "3")]
    with pytest.raises(KeyError):
        items["c"]


def test_a_query_keeps_blanks_and_is_decoded() -> None:
    query = QueryParams(b"q=a+b%C3%BC&empty=&flag&q=2")
    assert query.multi_items() == [("q", "a bü"), ("empty", ""), ("flag", ""), ("q", "2")]


# Every header and every query


@pytest.mark.parametrize("name", ["\u2603", "\u0130", "\ud800", "", "a b"])
def test_a_name_that_no_header_has_is_found_nowhere(name: str) -> None:
    headers = MutableHeaders([(b"a", b"1"), (b"?", b"2")])
    assert name not in headers
    assert headers.get(name) is None and headers.getlist(name) == []
    headers.delete(name)
    assert headers["a"] == "1"
    with pytest.raises(ValueError, match="is not a valid header name"):
        headers.set(name, "x")


@pytest.mark.parametrize("value", ["", "a", "\t", "\u00e4\u00ff", 'a, b; c="d"'])
def test_a_value_comes_back_as_it_was(value: str) -> None:
    headers = MutableHeaders()
    headers["X-A"] = value
    assert headers["x-a"] == value
    assert MutableHeaders(headers.raw).getlist("X-a") == [value]


@pytest.mark.parametrize("value", ["\u2603", "\ud800"])
def test_a_value_that_no_header_can_have_is_refused_and_changes_nothing(value: str) -> None:
    headers = MutableHeaders([(b"a", b"1")])
    for change in (headers.set, headers.append):
        with pytest.raises(ValueError, match="must be in latin-1"):
            change("a", value)
    headers.setdefault("a", value)
    assert headers.raw == [(b"a", b"1")]


def test_setting_replaces_all_values_and_appending_keeps_them() -> None:
    headers = MutableHeaders([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")])
    assert (len(headers), list(headers), headers.getlist("A")) == (2, ["a", "b"], ["1", "3"])
    headers.append("A", "4")
    assert headers.getlist("a") == ["1", "3", "4"]
    headers["A"] = "5"
    assert headers.getlist("a") == ["5"]
    del headers["A"]
    del headers["A"]
    assert dict(headers) == {"b": "2"}


@pytest.mark.parametrize("seed", range(25))
def test_fields_survive_being_written_and_read(seed: int) -> None:
    chance = random.Random(seed)
    letters = "ab =&+%;#?/\u00e4\u2603\U0001f600\n\0"
    fields = [
        (
            "".join(chance.choices(letters, k=chance.randint(1, 4))),
            "".join(chance.choices(letters, k=chance.randint(0, 6))),
        )
        for _ in range(chance.randint(0, 6))
    ]
    encoded = urlencode(fields).encode()
    assert decode_form(encoded) == fields
    query = QueryParams(encoded)
    assert query.multi_items() == fields
    assert {name: query.getlist(name) for name in query} == {
        name: [value for other, value in fields if other == name] for name, _ in fields
    }


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"", []),
        (b"&&", []),
        (b"a", [("a", "")]),
        (b"=", [("", "")]),
        (b"=b", [("", "b")]),
        (b"a=b=c", [("a", "b=c")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a+b=c+d", [("a b", "c d")]),
        (b"a=%2B%26%3D", [("a", "+&=")]),
        (b"a=%zz%", [("a", "%zz%")]),
        (b"%61=1&a=2", [("a", "1"), ("a", "2")]),
    ],
)
def test_a_query_is_read_as_browsers_write_it(raw: bytes, fields: list[tuple[str, str]]) -> None:
    assert decode_form(raw) == fields


@pytest.mark.parametrize("raw", [b"a=%ff", b"%ff=a", b"a=\xff", b"a=%C3"])
def test_what_is_not_utf_8_is_an_error_in_a_form_and_replaced_in_a_query(raw: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        decode_form(raw)
    assert "\ufffd" in "".join(map("".join, QueryParams(raw).multi_items()))


@pytest.mark.parametrize("filler", [b"%41", b"%", b"%4", b"a%4", b"ab%41c", b"%%41", b"%zz"])
@pytest.mark.parametrize("shift", range(4))
def test_escapes_at_the_edge_of_a_piece_are_whole(filler: bytes, shift: int) -> None:
    raw = b"x" * shift + filler * (2 * PIECE // len(filler) + 9)
    assert decode_form(raw) == [(unquote_to_bytes(raw).decode(), "")]


def test_a_long_form_takes_memory_in_proportion_to_its_length() -> None:
    raw = b"a=" + b"%41" * 300_000
    tracemalloc.start()
    try:
        decode_form(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(raw)


def test_what_has_several_values_is_the_same_only_with_all_of_them() -> None:
    assert QueryParams("a=1&b=2&a=3") == QueryParams("b=2&a=1&a=3")
    assert QueryParams("a=1&a=2") != QueryParams("a=1&a=3")
    assert QueryParams("a=1&a=2") != QueryParams("a=2&a=1")
    assert QueryParams("a=1") == {"a": "1"}
    assert len({QueryParams("a=1&b=2"), QueryParams("b=2&a=1"), QueryParams("a=2")}) == 2
    headers = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    assert Headers(headers) == MutableHeaders([headers[1], headers[0], headers[2]])
    assert Headers(headers) != Headers(headers[:2])
    assert Headers(headers[:2]) == {"a": "1", "b": "2"}


def test_headers_of_a_response_are_changed_as_other_mappings() -> None:
    headers = MutableHeaders([(b"a", b"1"), (b"b", b"2"), (b"b", b"3")])
    headers.update({"A": "4", "c": "5"}, d="6")
    assert headers.raw == [(b"b", b"2"), (b"b", b"3"), (b"a", b"4"), (b"c", b"5"), (b"d", b"6")]
    assert (headers.pop("B"), headers.pop("b", None), headers.setdefault("E", "7")) == (
        "2",
        None,
        "7",
    )
    del headers["not there"]
    assert list(headers) == ["a", "c", "d", "e"]
    with pytest.raises(KeyError):
        headers.pop("b")
    with pytest.raises(TypeError, match="'f'"):
        headers.update({"f": 5})  # type: ignore[dict-item]  # what the test is about
    headers.clear()
    assert headers.raw == []
