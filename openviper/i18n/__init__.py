"""Translations: texts in the language of the person who reads them."""

from __future__ import annotations

from openviper.i18n.lazy import LazyText, gettext_lazy, ngettext_lazy, pgettext_lazy
from openviper.i18n.translation import (
    get_language,
    gettext,
    ngettext,
    npgettext,
    override_language,
    pgettext,
    reset_translations,
    set_language,
)
from openviper.utils.untranslated import gettext_noop

__all__ = [
    "LazyText",
    "get_language",
    "gettext",
    "gettext_lazy",
    "gettext_noop",
    "ngettext",
    "ngettext_lazy",
    "npgettext",
    "override_language",
    "pgettext",
    "pgettext_lazy",
    "reset_translations",
    "set_language",
]
