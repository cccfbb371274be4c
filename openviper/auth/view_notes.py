"""What the document of an API says of the ready views for programs: their bodies, answers and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict

from openviper.routing.operations import OperationNotes, Transfer
from openviper.routing.typed.plans import InputNote
from openviper.validation.constraints import MaxLength, MinLength
from openviper.validation.describing import describe
from openviper.validation.markers import Description
from openviper.validation.nodes import MISSING

MAX_CREDENTIAL = 512
"""Longest name or password that is looked at, in characters."""
_Credential = Annotated[str, MinLength(1), MaxLength(MAX_CREDENTIAL)]


class Login(TypedDict):
    """What somebody logs in with."""

    username: Annotated[_Credential, Description("The name, or the e-mail address.")]
    password: _Credential
    code: NotRequired[
        Annotated[str, MinLength(1), Description("Of the second factor, for who has one.")]
    ]


class SessionLogin(Login):
    """The same for a session."""

    remember: NotRequired[Annotated[bool, Description("Let it outlive the browser.")]]


class RefreshToken(TypedDict):
    """The token that gets the next pair."""

    refresh: Annotated[str, MinLength(1)]


class Tokens(TypedDict):
    """A token to send with requests, and one to get the next pair with."""

    access: str
    refresh: str


class Token(TypedDict):
    """A token that is good until it is revoked."""

    token: str


class Done(TypedDict):
    """What was done."""

    detail: str


class Account(TypedDict):
    """What users may know of their own account; of the fields that the user model has."""

    id: int | str
    username: NotRequired[str]
    email: NotRequired[str | None]
    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]
    is_active: NotRequired[bool]
    is_staff: NotRequired[bool]
    is_superuser: NotRequired[bool]


_UNREADABLE = {400: "The body is not JSON.", 413: "The body is too long."}
_NO_LOGIN = {401: "The name, the password or the code is wrong or missing."}
_NO_TOKEN = {401: "There is no token, or it is not good any more."}
_TOO_MANY = {
    429: "Too many attempts have failed; Retry-After says when to try again.",
    503: "Too many passwords wait to be checked; Retry-After says when to try again.",
}
_FORGED = {403: "A browser with a session has sent no token against forged forms."}


def _notes(
    returns: Any,
    problems: Mapping[int, str],
    received: Any = None,
    *,
    default: object = MISSING,
    is_posted: bool = True,
) -> OperationNotes:
    body = () if received is None else (InputNote("body", "body", "", describe(received), default),)
    unreadable = {} if received is None else _UNREADABLE
    transfer = Transfer(
        inputs=body,
        returns=describe(returns),
        problems={**unreadable, **(_FORGED if is_posted else {}), **problems},
        is_lenient=True,
    )
    return OperationNotes(transfer=transfer)


JWT_LOGIN = _notes(Tokens, {**_NO_LOGIN, **_TOO_MANY}, Login)
JWT_REFRESH = _notes(Tokens, _NO_TOKEN, RefreshToken)
JWT_LOGOUT = _notes(Done, _NO_TOKEN, RefreshToken, default=None)
TOKEN_LOGIN = _notes(Token, {**_NO_LOGIN, **_TOO_MANY}, Login)
TOKEN_LOGOUT = _notes(Done, _NO_TOKEN)
SESSION_LOGIN = _notes(Done, {**_NO_LOGIN, **_TOO_MANY}, SessionLogin)
SESSION_LOGOUT = _notes(Done, {})
ME = _notes(Account, {401: "Nobody is logged in."}, is_posted=False)
