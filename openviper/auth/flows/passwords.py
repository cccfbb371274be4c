"""Pages to change a password, and to reset one that is forgotten."""

from __future__ import annotations

from typing import Any

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.emails import find_user_by_email, mark_email_verified
from openviper.auth.flows.fields import EMAIL, NEW_PASSWORD, PASSWORD, REPEATED, Fields, refused
from openviper.auth.flows.mails import (
    limit_mails,
    mail_later,
    notify,
    send_account_mail,
    site_link,
)
from openviper.auth.flows.rules import check_new_password, store_password
from openviper.auth.flows.view import AccountView, LinkView, over
from openviper.auth.hashers import is_password_usable
from openviper.auth.links import make_user_token, read_user_token
from openviper.auth.session_login import reauthenticate
from openviper.auth.user_sessions import password_changed
from openviper.auth.users import get_user_by_id
from openviper.conf import settings
from openviper.http.responses import Response
from openviper.i18n import gettext
from openviper.i18n.lazy import gettext_lazy

__all__ = ["ChangePassword", "NewPassword", "ResetPassword"]

PURPOSE = "reset-password"


class ChangePassword(AccountView):
    """Change the password."""

    name = "password"
    title = gettext_lazy("Change your password")
    button = gettext_lazy("Change the password")
    fields: Fields = (PASSWORD, NEW_PASSWORD, REPEATED)
    needs_login = True

    async def submit(self, values: dict[str, str]) -> Response:
        """Change it, and end the other sessions; see `AccountView.submit`."""
        user = self.request.user
        raw = await check_new_password(values, user)
        if not await reauthenticate(self.request, values["password"]):
            raise refused(gettext("That is not your password."), 403, "password")
        # Read anew: the check may have stored the same password under another hash.
        user = await get_user_by_id(user.pk)
        event = AuditEvent.PASSWORD_CHANGED
        if user is None or not await store_password(user, raw, event, self.request):
            raise refused(gettext("The password was changed elsewhere meanwhile."), 409)
        ended = await password_changed(user, self.request)
        notify(self.request, user.email, gettext("Your password was changed."))
        return self.done(gettext("Your password is changed."), self.link("overview"), ended=ended)


class ResetPassword(AccountView):
    """Ask for a link to reset a forgotten password."""

    name = "reset-password"
    title = gettext_lazy("Reset your password")
    button = gettext_lazy("Send the link")
    fields: Fields = (EMAIL,)

    async def submit(self, values: dict[str, str]) -> Response:
        """Send a link to the address, if somebody has it; see `AccountView.submit`."""
        address = values["email"]
        await limit_mails(self.request, address)
        # The host is decided on for everybody, whether there is a mail or not.
        base = site_link(self.request, "accounts:new-password", token="TOKEN")

        async def write() -> None:
            user = await find_user_by_email(address)
            # Who logs in elsewhere, in a directory for example, gets no password here by mail.
            if user is None or not is_password_usable(user.password):
                return
            await record_event(AuditEvent.PASSWORD_RESET_ASKED, user, self.request)
            token = make_user_token(PURPOSE, settings.PASSWORD_RESET_SECONDS, user)
            subject = gettext("Reset your password at %(site)s") % {"site": settings.PROJECT_NAME}
            minutes = settings.PASSWORD_RESET_SECONDS // 60
            link = base.replace("TOKEN", token)
            await send_account_mail(user.email, subject, "reset", link=link, minutes=minutes)

        mail_later(self.request, write)
        return self.told(gettext("If this address has an account, a link is on its way."))


class NewPassword(LinkView):
    """Set a new password, with the link from the mail."""

    name = "new-password"
    title = gettext_lazy("Set a new password")
    button = gettext_lazy("Set the password")
    fields: Fields = (NEW_PASSWORD, REPEATED)

    async def check_link(self) -> Any:
        """Return the user; see `LinkView.check_link`."""
        found = await read_user_token(PURPOSE, self.params["token"])
        if found is None:
            raise over()
        return found[0]

    async def submit(self, values: dict[str, str]) -> Response:
        """Set it, and end all sessions; see `AccountView.submit`."""
        user = await self.check_link()
        raw = await check_new_password(values, user)
        if not await store_password(user, raw, AuditEvent.PASSWORD_RESET, self.request):
            raise over()
        await password_changed(user)
        await mark_email_verified(user)
        notify(self.request, user.email, gettext("Your password was reset."))
        # Not logged in by this: whoever reads the mail has not shown a second factor.
        return self.done(gettext("Your password is set. Log in with it."), self.link("login"))
