"""Signatures made with the secret key."""

from __future__ import annotations

import pytest

from openviper.conf.signing import MAX_SIGNED, fingerprint, fits_fingerprint, sign, unsign
from openviper.exceptions import ImproperlyConfigured
from openviper.testing import override_openviper_settings as override

KEY = "k" * 60


def test_what_was_signed_comes_back_for_the_same_purpose_only() -> None:
    with override(SECRET_KEY=KEY):
        signed = sign("a", b"content \x00\xff")
        assert unsign("a", signed) == b"content \x00\xff"
        assert unsign("b", signed) is None
    with override(SECRET_KEY="other" * 20):
        assert unsign("a", signed) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: "A" + text[1:],
        lambda text: text.replace(".", ""),
        lambda text: "é" + text,
        lambda text: "." + text.partition(".")[2],
        lambda text: text * (MAX_SIGNED // len(text) + 1),
    ],
)
def test_what_was_changed_is_not_ours(change: object) -> None:
    assert callable(change)
    with override(SECRET_KEY=KEY):
        assert unsign("a", change(sign("a", b"x" * 40))) is None


def test_text_that_is_signed_and_is_no_base64_is_not_ours() -> None:
    with override(SECRET_KEY=KEY):
        assert unsign("a", f"a*b.{fingerprint('a', 'a*b')}") is None


def test_where_a_text_ends_makes_a_difference() -> None:
    with override(SECRET_KEY=KEY):
        assert fingerprint("a", "bc", "d") != fingerprint("a", "b", "cd")
        assert fits_fingerprint(fingerprint("a", "\ud800"), "a", "\ud800")
        assert not fits_fingerprint("", "a", "b")
        assert not fits_fingerprint("é", "a", "b")


def test_without_a_key_nothing_is_signed() -> None:
    with override(SECRET_KEY=""), pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        sign("a", b"x")
