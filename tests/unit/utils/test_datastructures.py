"""Headers and parameters."""

from __future__ import annotations

import pytest

from openviper.utils.datastructures import Headers, ImmutableMultiDict, MutableHeaders, QueryParams


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
