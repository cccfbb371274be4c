"""Pages to log in, in one step or two, to log out, and to confirm the password."""

from __future__ import annotations

from typing import Any

from openviper.auth.backends import authenticate
from openviper.auth.devices import are_devices_remembered
from openviper.auth.emails import find_user_by_email
from openviper.auth.flows.fields import (
    CODE,
    DEVICE,
    EMAIL,
    LOGIN_NAME,
    PASSWORD,
    REMEMBER,
    Fields,
    refused,
)
from openviper.auth.flows.mails import limit_mails, mail_later, send_account_mail
from openviper.auth.flows.view import AccountView
from openviper.auth.hashers import is_password_usable
from openviper.auth.login_steps import begin_login, finish_login, pending_user
from openviper.auth.mailed_codes import make_mailed_code, use_mailed_code
from openviper.auth.session_login import logout, reauthenticate
from openviper.conf import settings
from openviper.http.login_redirect import next_address
from openviper.http.permissions import is_authenticated
from openviper.http.redirects import RedirectResponse
from openviper.http.request import Request
from openviper.http.responses import JSONResponse, Response
from openviper.i18n import gettext
from openviper.i18n.lazy import gettext_lazy

__all__ = [
    "AskForCode",
    "ConfirmPassword",
    "EnterCode",
    "LogIn",
    "LogOut",
    "SecondFactor",
    "go_in",
]


async def go_in(view: AccountView, user: Any, *, remember: bool = False) -> Response:
    """Return the answer to who has shown the first factor: in, or on to the second one."""
    if await begin_login(view.request, user, remember=remember):
        return view.done("", view.next_page)
    sentence = gettext("A code of your second factor is needed.")
    where = view.onward("second-factor")
    if view.is_json:
        return view.done(sentence, where, 202, second_factor_required=True)
    return RedirectResponse(where, 303)


class LogIn(AccountView):
    """Log in with a name and a password."""

    name = "login"
    title = gettext_lazy("Log in")
    button = gettext_lazy("Log in")
    fields: Fields = (LOGIN_NAME, PASSWORD, REMEMBER)

    async def get(self, request: Request, **params: Any) -> Response:
        """Show the form; who is logged in already is asked for the password alone."""
        if is_authenticated(request.user) and not self.is_json:
            return RedirectResponse(self.onward("confirm"), 303)
        return await super().get(request, **params)

    async def submit(self, values: dict[str, str]) -> Response:
        """Log in; see `AccountView.submit`."""
        user = await authenticate(values["username"], values["password"], self.request)
        if user is None:
            raise refused(gettext("The name or the password is wrong."), 401)
        return await go_in(self, user, remember=bool(values["remember"]))


class SecondFactor(AccountView):
    """Show the second factor, after the password."""

    name = "second-factor"
    title = gettext_lazy("Second factor")
    button = gettext_lazy("Log in")
    fields: Fields = (CODE,)

    async def get(self, request: Request, **params: Any) -> Response:
        """Show the form to who has shown the password."""
        if await pending_user(request) is None and not self.is_json:
            return RedirectResponse(self.onward("login"), 303)
        return await super().get(request, **params)

    def asked_fields(self) -> Fields:
        """Return the fields; whether to remember the device only where the setting lets it; see `AccountView.asked_fields`."""
        return (*self.fields, DEVICE) if are_devices_remembered() else self.fields

    async def submit(self, values: dict[str, str]) -> Response:
        """Log in; see `AccountView.submit`."""
        if await pending_user(self.request) is None:
            raise refused(gettext("Too much time has passed. Log in again."), 401)
        wish = bool(values.get(DEVICE.name))
        user = await finish_login(self.request, values["code"], remember_device=wish)
        if user is None:
            raise refused(gettext("This code is wrong, or was used before."), 401)
        return self.done("", self.next_page)


class AskForCode(AccountView):
    """Ask for a code by mail, to log in without a password."""

    name = "login-code"
    title = gettext_lazy("Log in with a code")
    button = gettext_lazy("Send the code")
    fields: Fields = (EMAIL,)

    async def submit(self, values: dict[str, str]) -> Response:
        """Send a code to the address, if somebody has it; see `AccountView.submit`."""
        address = values["email"]
        await limit_mails(self.request, address)
        user = await find_user_by_email(address)
        code = await make_mailed_code(self.request, user)
        if user is not None:
            self._mail(user.email, code)
        sentence = gettext("If this address has an account, a code is on its way.")
        return self.done(sentence, self.onward("enter-code"), 202)

    def _mail(self, address: str, code: str) -> None:
        async def write() -> None:
            subject = gettext("Your code for %(site)s") % {"site": settings.PROJECT_NAME}
            shown = f"{code[:4]} {code[4:]}"
            minutes = settings.MAILED_CODE_SECONDS // 60
            await send_account_mail(address, subject, "code", code=shown, minutes=minutes)

        mail_later(self.request, write)


class EnterCode(AccountView):
    """Enter the code that was sent by mail."""

    name = "enter-code"
    title = gettext_lazy("Enter the code")
    button = gettext_lazy("Log in")
    fields: Fields = (CODE,)

    async def submit(self, values: dict[str, str]) -> Response:
        """Log in; see `AccountView.submit`."""
        user = await use_mailed_code(self.request, values["code"])
        if user is None:
            raise refused(gettext("This code is wrong, or not good any more."), 401)
        return await go_in(self, user)


class LogOut(AccountView):
    """Log out."""

    name = "logout"
    title = gettext_lazy("Log out")
    button = gettext_lazy("Log out")

    async def submit(self, values: dict[str, str]) -> Response:
        """End the session; see `AccountView.submit`."""
        await logout(self.request)
        if self.is_json:
            return JSONResponse({"detail": gettext("Logged out."), "next": "/"})
        return self.render("accounts/logged-out.html")


class ConfirmPassword(AccountView):
    """Show the password once more, before risky acts."""

    name = "confirm"
    title = gettext_lazy("Confirm that it is you")
    button = gettext_lazy("Confirm")
    fields: Fields = (PASSWORD,)
    needs_login = True

    async def data(self) -> dict[str, Any]:
        """Return whether there is a password to show; who has none logs out and in again."""
        user = self.request.user
        return {"username": str(user), "has_password": is_password_usable(user.password)}

    async def submit(self, values: dict[str, str]) -> Response:
        """Note that it is the user; see `AccountView.submit`."""
        if not await reauthenticate(self.request, values["password"]):
            raise refused(gettext("That is not your password."), 403, "password")
        return self.done("", next_address(self.request))
