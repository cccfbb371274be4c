"""Texts that are translated later."""

from __future__ import annotations

from openviper.i18n import gettext, gettext_noop, override_language

LATER = gettext_noop("must be text")


def test_a_marked_text_stays_as_it_is_until_it_is_shown() -> None:
    with override_language("de"):
        assert LATER == "must be text"
        assert gettext(LATER) == "muss Text sein"
