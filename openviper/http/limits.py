"""How much of a request's body is taken, for all routes by settings and for one route by itself."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from openviper.conf import settings


@dataclasses.dataclass(frozen=True)
class BodyLimits:
    """Limits of one route; what is `None` is as the settings say.

    Attributes:
        body: Longest body that `Request.body` reads, in bytes; the setting `MAX_BODY_SIZE`.
        json: Longest JSON body, in bytes; the setting `MAX_JSON_BODY_SIZE`.
        form: Longest form without its files, in bytes; the setting `MAX_FORM_SIZE`.
        fields: Most fields of a form; the setting `MAX_FORM_FIELDS`.
        upload: Longest form with its files, in bytes; the setting `MAX_UPLOAD_SIZE`.
        files: Most files of a form; the setting `MAX_UPLOAD_FILES`.
        timeout: Longest wait for the next piece of a body, in seconds; the setting `REQUEST_BODY_TIMEOUT`.
    """

    body: int | None = None
    json: int | None = None
    form: int | None = None
    fields: int | None = None
    upload: int | None = None
    files: int | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:  # NaN is not either.
                raise ValueError(f"the limit {field.name} must be more than 0, not {value!r}")


class Limits(NamedTuple):
    """The limits that hold for a request; see `BodyLimits` for the units."""

    body: int
    json: int
    form: int
    fields: int
    upload: int
    files: int
    timeout: float


# Read once per settings, as each request with a body needs them.
_general: tuple[object, Limits] | None = None


def general_limits() -> Limits:
    """Return the limits that the settings give."""
    global _general
    if _general is None or _general[0] is not settings.instance:
        limits = Limits(
            settings.MAX_BODY_SIZE,
            settings.MAX_JSON_BODY_SIZE,
            settings.MAX_FORM_SIZE,
            settings.MAX_FORM_FIELDS,
            settings.MAX_UPLOAD_SIZE,
            settings.MAX_UPLOAD_FILES,
            settings.REQUEST_BODY_TIMEOUT,
        )
        _general = (settings.instance, limits)
    return _general[1]


def effective_limits(own: BodyLimits | None) -> Limits:
    """Return the limits of a route, filled up from the settings."""
    if own is None:
        return general_limits()
    changed = {name: value for name, value in vars(own).items() if value is not None}
    return general_limits()._replace(**changed)
