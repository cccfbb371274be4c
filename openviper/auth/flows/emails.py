"""Pages about the e-mail address: to verify it, and to change it."""

from __future__ import annotations

from typing import Any, ClassVar

from openviper.auth.emails import (
    change_email,
    find_user_by_email,
    is_email_taken,
    is_email_verified,
    mark_email_verified,
    verification_mark,
)
from openviper.auth.flows.fields import EMAIL, Fields, refused
from openviper.auth.flows.mails import (
    limit_mails,
    mail_later,
    notify,
    send_account_mail,
    site_link,
)
from openviper.auth.flows.sign_up import checked_email
from openviper.auth.flows.view import AccountView, LinkView, over
from openviper.auth.links import make_user_token, read_user_token
from openviper.auth.validators import email_key
from openviper.conf import settings
from openviper.http.permissions import is_authenticated
from openviper.http.responses import Response
from openviper.i18n import gettext
from openviper.i18n.lazy import gettext_lazy

__all__ = ["ChangeEmail", "Email", "SendVerification", "VerifyEmail"]

VERIFY, CHANGE = "verify-email", "change-email"


class Email(AccountView):
    """Show the address, and ask for another one."""

    name = "email"
    title = gettext_lazy("Your e-mail address")
    button = gettext_lazy("Change the address")
    fields: Fields = (EMAIL._replace(label=gettext_lazy("New e-mail address")),)
    needs_recent_login = True

    async def data(self) -> dict[str, Any]:
        """Return the address, and whether it is verified."""
        user = self.request.user
        return {"email": user.email, "is_verified": await is_email_verified(user)}

    async def submit(self, values: dict[str, str]) -> Response:
        """Send a link to the new address, and a notice to the old one; see `AccountView.submit`."""
        user, address = self.request.user, checked_email(values)
        if address == user.email:
            raise refused(gettext("This is your address already."), field="email")
        await limit_mails(self.request, address)
        mark = await verification_mark(user)
        token = make_user_token(CHANGE, settings.EMAIL_LINK_SECONDS, user, new=address, mark=mark)
        link = site_link(self.request, "accounts:change-email", token=token)
        login_link = site_link(self.request, "accounts:login")
        is_other_spelling = email_key(address) == email_key(user.email)

        async def write() -> None:
            site = {"site": settings.PROJECT_NAME}
            if is_other_spelling or not await is_email_taken(address):
                subject = gettext("Confirm your new address for %(site)s") % site
                await send_account_mail(address, subject, "change-email", link=link)
                return
            owner = await find_user_by_email(address)
            if owner is not None:
                subject = gettext("You have an account at %(site)s") % site
                await send_account_mail(owner.email, subject, "known", link=login_link)

        mail_later(self.request, write)
        asked = gettext("Somebody has asked to change the e-mail address of your account.")
        notify(self.request, user.email, asked)
        return self.told(gettext("A link is on its way to the new address. Follow it to confirm."))


class SendVerification(AccountView):
    """Ask for a link that verifies the present address."""

    name = "send-verification"
    title = gettext_lazy("Verify your e-mail address")
    button = gettext_lazy("Send the link")
    needs_login = True

    async def data(self) -> dict[str, Any]:
        """Return the address."""
        return {"email": self.request.user.email}

    async def submit(self, values: dict[str, str]) -> Response:
        """Send the link; see `AccountView.submit`."""
        user = self.request.user
        await limit_mails(self.request, user.email)
        mark = await verification_mark(user)
        token = make_user_token(VERIFY, settings.EMAIL_LINK_SECONDS, user, mark=mark)
        link = site_link(self.request, "accounts:verify-email", token=token)

        async def write() -> None:
            subject = gettext("Verify your address for %(site)s") % {"site": settings.PROJECT_NAME}
            await send_account_mail(user.email, subject, "verify-email", link=link)

        mail_later(self.request, write)
        return self.told(gettext("Look into your mail: a link is on its way to you."))


class _UserLink(LinkView):
    """A page whose link is about a user."""

    purpose: ClassVar[str]

    async def check_link(self) -> tuple[Any, dict[str, str]]:
        """Return the user with what the token holds; see `LinkView.check_link`."""
        found = await read_user_token(self.purpose, self.params["token"])
        if found is None or found[1]["mark"] != await verification_mark(found[0]):
            raise over()
        return found

    def onward_page(self) -> str:
        """Return the page to go on with."""
        return self.link("overview" if is_authenticated(self.request.user) else "login")


class VerifyEmail(_UserLink):
    """Verify the address, with the link from the mail."""

    name = "verify-email"
    title = gettext_lazy("Verify your e-mail address")
    button = gettext_lazy("Verify the address")
    purpose = VERIFY

    async def submit(self, values: dict[str, str]) -> Response:
        """Note that the address is verified; see `AccountView.submit`."""
        user, _ = await self.check_link()
        await mark_email_verified(user)
        return self.done(gettext("Your address is verified."), self.onward_page())


class ChangeEmail(_UserLink):
    """Change the address to the one that the link was sent to."""

    name = "change-email"
    title = gettext_lazy("Confirm your new e-mail address")
    button = gettext_lazy("Change the address")
    purpose = CHANGE

    async def submit(self, values: dict[str, str]) -> Response:
        """Change the address; see `AccountView.submit`."""
        user, facts = await self.check_link()
        before = user.email
        if not await change_email(user, facts["new"]):
            raise over()
        notify(self.request, before, gettext("The e-mail address of your account was changed."))
        return self.done(gettext("Your address is changed."), self.onward_page())
