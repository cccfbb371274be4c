"""The router of the account pages."""

from __future__ import annotations

from collections.abc import Mapping

from openviper.auth.flows.emails import ChangeEmail, Email, SendVerification, VerifyEmail
from openviper.auth.flows.logins import (
    AskForCode,
    ConfirmPassword,
    EnterCode,
    LogIn,
    LogOut,
    SecondFactor,
)
from openviper.auth.flows.own_account import Delete, Overview, Sessions
from openviper.auth.flows.passwords import ChangePassword, NewPassword, ResetPassword
from openviper.auth.flows.second_factor import EndTwoFactor, NewRecoveryCodes, TwoFactor
from openviper.auth.flows.sign_up import FinishSignUp, SignUp
from openviper.auth.flows.view import NAMESPACE, AccountView
from openviper.routing import Router

PAGES: dict[str, tuple[str, type[AccountView]]] = {
    "overview": ("/", Overview),
    "login": ("/login", LogIn),
    "second_factor": ("/login/second-factor", SecondFactor),
    "login_code": ("/login/code", AskForCode),
    "enter_code": ("/login/code/enter", EnterCode),
    "logout": ("/logout", LogOut),
    "confirm": ("/confirm", ConfirmPassword),
    "sign_up": ("/sign-up", SignUp),
    "finish_sign_up": ("/sign-up/{token}", FinishSignUp),
    "password": ("/password", ChangePassword),
    "reset_password": ("/password/reset", ResetPassword),
    "new_password": ("/password/reset/{token}", NewPassword),
    "email": ("/email", Email),
    "send_verification": ("/email/verify", SendVerification),
    "verify_email": ("/email/verify/{token}", VerifyEmail),
    "change_email": ("/email/change/{token}", ChangeEmail),
    "two_factor": ("/two-factor", TwoFactor),
    "recovery_codes": ("/two-factor/recovery-codes", NewRecoveryCodes),
    "end_two_factor": ("/two-factor/end", EndTwoFactor),
    "sessions": ("/sessions", Sessions),
    "delete": ("/delete", Delete),
}
"""Path and view of each account page."""
NEEDED = ("overview", "login", "second_factor", "confirm")
"""Pages that others send people to."""
TOGETHER = (
    ("login_code", "enter_code"),
    ("sign_up", "finish_sign_up"),
    ("reset_password", "new_password"),
    ("send_verification", "verify_email"),
    ("email", "change_email"),
)
"""Pages that are of no use without each other."""


def account_routes(**views: type[AccountView] | None) -> Router:
    """Return a router with pages to sign up, log in and out, and for all that users do with their accounts.

    >>> route_paths = [("/accounts", account_routes(sign_up=None, finish_sign_up=None))]

    Args:
        views: Classes to be used in place of ours, by the names in `PAGES`; `None` for no such page.

    Raises:
        ValueError: If there is no page of a name, or one is left out that others need.
        TypeError: If a view is not an `AccountView`.
    """
    router = Router(namespace=NAMESPACE)
    for name, view in _chosen(views).items():
        if view is not None:
            router.add(PAGES[name][0], view.as_view(), name=name.replace("_", "-"))
    return router


def _chosen(views: Mapping[str, type[AccountView] | None]) -> dict[str, type[AccountView] | None]:
    """Return the view of each page, after a check of those that were given."""
    for name, view in views.items():
        _check(name, view)
    chosen = {name: views.get(name, view) for name, (_, view) in PAGES.items()}
    for first, second in TOGETHER:
        if (chosen[first] is None) != (chosen[second] is None):
            raise ValueError(f"account pages {first!r} and {second!r} belong together")
    return chosen


def _check(name: str, view: object) -> None:
    if name not in PAGES:
        raise ValueError(f"there is no account page {name!r}; there are: {', '.join(PAGES)}")
    if view is None:
        if name in NEEDED:
            raise ValueError(f"the account page {name!r} cannot be left out; others lead to it")
        return
    if not (isinstance(view, type) and issubclass(view, AccountView)):
        raise TypeError(f"{view!r} is not an AccountView")
