"""What is demanded of a new password and a new name, in one place for all account pages."""

from __future__ import annotations

from typing import Any

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.flows.fields import NEW_PASSWORD, REPEATED, USERNAME, FormRefused
from openviper.auth.password_rules import MAX_NEW_PASSWORD, PasswordProblem, password_problems
from openviper.auth.together import with_its_events
from openviper.auth.usernames import normalize_username, username_problem
from openviper.conf import settings
from openviper.core.context import ignore_permissions
from openviper.http.request import Request
from openviper.i18n import gettext


async def check_new_password(values: dict[str, str], user: Any) -> str:
    """Return the new password of a form.

    Args:
        values: What was sent.
        user: Whose it will be.

    Raises:
        FormRefused: If it is too weak, or was not typed the same twice.
    """
    raw = values[NEW_PASSWORD.name]
    problems = await password_problems(raw, user)
    if problems:
        sentences = " ".join(map(_sentence, problems))
        raise FormRefused({NEW_PASSWORD.name: sentences})
    if values[REPEATED.name] != raw:
        raise FormRefused({REPEATED.name: gettext("The two passwords differ.")})
    return raw


def _sentence(problem: PasswordProblem) -> str:
    """Return what is wrong with a password in the language of the visitor; a project's own rule speaks for itself."""
    least, most = settings.PASSWORD_MIN_LENGTH, MAX_NEW_PASSWORD
    known = {
        "too_short": gettext("At least %(least)d characters are needed.") % {"least": least},
        "too_long": gettext("At most %(most)d characters are allowed.") % {"most": most},
        "blank": gettext("This is needed."),
        "common": gettext("This is one of the passwords that are tried first."),
        "personal": gettext("This is too similar to your name or address."),
        "blocked_word": gettext("This is too similar to the name of this site."),
    }
    said = problem.message
    return known.get(problem.code, f"{said[:1].upper()}{said[1:]}.")


def checked_username(values: dict[str, str]) -> str:
    """Return the new username of a form, in its normal form.

    Raises:
        FormRefused: If it cannot be one.
    """
    username = normalize_username(values[USERNAME.name])
    if username_problem(username) is not None:
        sentence = gettext(
            "Letters of one script, digits and the characters @ . + - _ are allowed; the first is a letter or digit."
        )
        raise FormRefused({USERNAME.name: sentence})
    return username


async def store_password(user: Any, raw: str, event: AuditEvent, request: Request) -> bool:
    """Store a new password, unless somebody else has stored another one since the user was read.

    Args:
        user: Whose it is.
        raw: The password.
        event: What is recorded, in the same transaction.
        request: The request that brought it.

    Returns:
        Whether it was stored: of two that come at the same time, one is.
    """
    before = user.password
    await user.set_password(raw)
    rows: Any = type(user).objects.filter(pk=user.pk, password=before)
    async with with_its_events(type(user)):
        with ignore_permissions():
            is_first = bool(await rows.update(password=user.password) == 1)
        if is_first:
            await record_event(event, user, request)
    return is_first
