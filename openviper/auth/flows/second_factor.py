"""Pages to set up a second factor, and to end it."""

from __future__ import annotations

import asyncio
from typing import Any

from openviper.auth.flows.fields import CODE, Fields, refused
from openviper.auth.flows.mails import notify
from openviper.auth.flows.view import HEADERS, AccountView
from openviper.auth.session_login import session_of
from openviper.auth.two_factor import (
    begin_two_factor,
    confirm_two_factor,
    count_recovery_codes,
    end_two_factor,
    has_two_factor,
    new_recovery_codes,
)
from openviper.auth.user_sessions import end_other_sessions
from openviper.http.responses import JSONResponse, Response
from openviper.i18n import gettext
from openviper.i18n.lazy import gettext_lazy
from openviper.utils.qr_code import qr_svg

__all__ = ["EndTwoFactor", "NewRecoveryCodes", "TwoFactor"]


class _Page(AccountView):
    def show_codes(self, codes: list[str]) -> Response:
        """Return the page that shows recovery codes, this once."""
        if self.is_json:
            return JSONResponse({"recovery_codes": codes}, 200, HEADERS)
        title = gettext("Recovery codes")
        return self.render("accounts/recovery-codes-shown.html", codes=codes, title=title)


class TwoFactor(_Page):
    """Set up a second factor; show whether there is one."""

    name = "two-factor"
    title = gettext_lazy("Second factor")
    button = gettext_lazy("Turn it on")
    fields: Fields = (CODE,)
    needs_recent_login = True

    async def data(self) -> dict[str, Any]:
        """Return whether there is one, and else what an app needs to know."""
        user = self.request.user
        if await has_two_factor(user):
            return {"is_on": True, "recovery_codes_left": await count_recovery_codes(user)}
        setup = await begin_two_factor(user)
        shown: dict[str, Any] = {"is_on": False, **setup._asdict()}
        if not self.is_json:
            label = gettext("QR code for your authenticator app")
            shown["qr_code"] = await asyncio.to_thread(qr_svg, setup.address, label)
        return shown

    async def submit(self, values: dict[str, str]) -> Response:
        """Turn it on, if the code is right; see `AccountView.submit`."""
        user = self.request.user
        if await has_two_factor(user):
            raise refused(gettext("It is on already."), 409)
        codes = await confirm_two_factor(user, values["code"])
        if codes is None:
            raise refused(gettext("This code is wrong, or was used before."), field="code")
        session = session_of(self.request)
        await session.rotate()
        if session.store.can_list:
            # Who logs in anew has to show it; who is in already, with the password alone, has to go.
            await end_other_sessions(self.request)
        notify(self.request, user.email, gettext("A second factor was turned on."))
        return self.show_codes(codes)


class NewRecoveryCodes(_Page):
    """Get new recovery codes in place of those before."""

    name = "recovery-codes"
    title = gettext_lazy("New recovery codes")
    button = gettext_lazy("Make new codes")
    needs_recent_login = True

    async def submit(self, values: dict[str, str]) -> Response:
        """Make them; see `AccountView.submit`."""
        user = self.request.user
        if not await has_two_factor(user):
            raise refused(gettext("There is no second factor."), 409)
        codes = await new_recovery_codes(user)
        notify(self.request, user.email, gettext("New recovery codes were made."))
        return self.show_codes(codes)


class EndTwoFactor(AccountView):
    """Turn the second factor off."""

    name = "end-two-factor"
    title = gettext_lazy("Turn the second factor off")
    button = gettext_lazy("Turn it off")
    needs_recent_login = True

    async def submit(self, values: dict[str, str]) -> Response:
        """Turn it off; see `AccountView.submit`."""
        user = self.request.user
        if not await end_two_factor(user):
            raise refused(gettext("There is no second factor."), 409)
        notify(self.request, user.email, gettext("The second factor was turned off."))
        return self.done(gettext("The second factor is off."), self.link("overview"))
