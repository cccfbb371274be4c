"""Sections of the settings."""

from __future__ import annotations

from openviper.conf.sections import unknown_key_errors


def test_a_misspelt_key_is_named_with_the_nearest_one() -> None:
    assert unknown_key_errors("EMAIL", ["host", "use_tsl"], ("host", "use_tls")) == [
        "EMAIL has no key 'use_tsl'; did you mean 'use_tls'?"
    ]


def test_a_key_like_no_other_brings_the_list() -> None:
    assert unknown_key_errors("EMAIL", ["zzz", 3], ("port", "host")) == [
        "EMAIL has no key 'zzz'; known: host, port",
        "EMAIL has no key 3; known: host, port",
    ]
