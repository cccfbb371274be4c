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


def test_a_former_key_is_good_until_it_is_forgotten_and_signs_nothing_new() -> None:
    with override(SECRET_KEY=KEY):
        old = sign("a", b"x")
        mark = fingerprint("a", "b")
    with override(SECRET_KEY="new", SECRET_KEY_FALLBACKS=("", "other", KEY)):
        assert unsign("a", old) == b"x" and fits_fingerprint(mark, "a", "b")
        assert unsign("b", old) is None
        new = sign("a", b"x")
    with override(SECRET_KEY="new", SECRET_KEY_FALLBACKS=("other",)):
        assert unsign("a", new) == b"x"
        assert unsign("a", old) is None and not fits_fingerprint(mark, "a", "b")


def test_a_former_key_does_not_stand_in_for_the_present_one() -> None:
    for work in (lambda: sign("a", b"x"), lambda: unsign("a", "eA.00")):
        with (
            override(SECRET_KEY="", SECRET_KEY_FALLBACKS=(KEY,)),
            pytest.raises(ImproperlyConfigured, match="SECRET_KEY is empty"),
        ):
            work()
