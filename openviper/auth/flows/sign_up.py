"""Signing up: first the address, which a mail proves, and then the name and the password.

So there are no accounts whose address nobody has shown to read, and the answer is the same for an address that has an account.
"""

from __future__ import annotations

from typing import Any

from openviper.auth.emails import find_user_by_email, is_email_taken, mark_email_verified
from openviper.auth.flows.fields import EMAIL, NEW_PASSWORD, REPEATED, USERNAME, Fields, refused
from openviper.auth.flows.logins import go_in
from openviper.auth.flows.mails import limit_mails, mail_later, send_account_mail, site_link
from openviper.auth.flows.rules import check_new_password, checked_username
from openviper.auth.flows.view import AccountView, LinkView, over
from openviper.auth.links import make_token, read_token
from openviper.auth.throttle import LoginThrottle
from openviper.auth.user_queries import identified_by
from openviper.auth.users import get_user_model
from openviper.auth.validators import email_problem, normalize_email
from openviper.conf import settings
from openviper.core.context import ignore_permissions
from openviper.exceptions import IntegrityError
from openviper.http.responses import Response
from openviper.i18n import gettext
from openviper.i18n.lazy import gettext_lazy

__all__ = ["FinishSignUp", "SignUp", "checked_email"]

PURPOSE = "sign-up"


def checked_email(values: dict[str, str]) -> str:
    """Return the address of a form.

    Raises:
        FormRefused: If it is none.
    """
    address = normalize_email(values["email"])
    if email_problem(address) is not None:
        raise refused(gettext("This is not an e-mail address."), field="email")
    return address


class SignUp(AccountView):
    """Ask for an account."""

    name = "sign-up"
    title = gettext_lazy("Sign up")
    button = gettext_lazy("Sign up")
    fields: Fields = (EMAIL,)

    async def submit(self, values: dict[str, str]) -> Response:
        """Send a link to the address; see `AccountView.submit`."""
        address = checked_email(values)
        await limit_mails(self.request, address)
        token = make_token(PURPOSE, settings.EMAIL_LINK_SECONDS, {"email": address})
        link = site_link(self.request, "accounts:finish-sign-up", token=token)
        login_link = site_link(self.request, "accounts:login")

        async def write() -> None:
            site = {"site": settings.PROJECT_NAME}
            if await is_email_taken(address):
                user = await find_user_by_email(address)
                if user is not None:
                    subject = gettext("You have an account at %(site)s") % site
                    await send_account_mail(user.email, subject, "known", link=login_link)
                return
            subject = gettext("Your account at %(site)s") % site
            await send_account_mail(address, subject, "sign-up", link=link)

        mail_later(self.request, write)
        return self.told(gettext("Look into your mail: a link is on its way to you."))


class FinishSignUp(LinkView):
    """Choose a name and a password, with the link from the mail."""

    name = "finish-sign-up"
    title = gettext_lazy("Choose a name and a password")
    button = gettext_lazy("Create the account")
    fields: Fields = (USERNAME, NEW_PASSWORD, REPEATED)

    async def check_link(self) -> str:
        """Return the address that the link was sent to; see `LinkView.check_link`."""
        facts = read_token(PURPOSE, self.params["token"])
        if facts is None or await is_email_taken(facts["email"]):
            raise over()
        return facts["email"]

    async def submit(self, values: dict[str, str]) -> Response:
        """Make the account and log in; see `AccountView.submit`."""
        email = await self.check_link()
        username = checked_username(values)
        raw = await check_new_password(values, get_user_model()(username=username, email=email))
        # Who has a link could else ask for one name after the other.
        await LoginThrottle(email, self.request.scope, purpose=PURPOSE).take()
        user = await self.create(username, email, raw)
        await mark_email_verified(user)
        return await go_in(self, user)

    async def create(self, username: str, email: str, raw_password: str) -> Any:
        """Store the new user; override this for fields of your own.

        Raises:
            FormRefused: If the name or the address is taken.
        """
        with ignore_permissions():
            model = get_user_model()
            if await model.objects.filter(identified_by(model, "username", username)).exists():
                raise refused(gettext("This name is taken."), field="username")
            try:
                return await model.objects.create_user(username, email, raw_password)
            except IntegrityError:  # Somebody was faster, with the name or with this very link.
                if await is_email_taken(email):
                    raise over() from None
                raise refused(gettext("This name is taken."), field="username") from None
