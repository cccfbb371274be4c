"""Pages about the account as a whole: what there is, the own sessions, and the end of the account."""

from __future__ import annotations

from typing import Any

from openviper.auth.closing import close_account
from openviper.auth.devices import (
    current_device,
    forget_device,
    forget_devices,
    list_devices,
)
from openviper.auth.emails import is_email_verified
from openviper.auth.flows.devices import device_name
from openviper.auth.flows.fields import Field, Fields, refused
from openviper.auth.flows.mails import notify
from openviper.auth.flows.view import AccountView
from openviper.auth.session_login import logout, session_of
from openviper.auth.two_factor import has_two_factor
from openviper.auth.user_sessions import end_other_sessions, end_session, list_sessions
from openviper.db.fields.moments import in_utc
from openviper.exceptions import IntegrityError
from openviper.http.responses import JSONResponse, Response
from openviper.i18n import gettext
from openviper.i18n.lazy import gettext_lazy

__all__ = ["Delete", "Overview", "Sessions"]

UNDERSTOOD = Field("understood", gettext_lazy("Yes, delete my account for good"), "checkbox")


class Overview(AccountView):
    """Show what there is to an account."""

    name = "overview"
    title = gettext_lazy("Your account")
    http_method_names = ("get", "head", "options")
    needs_login = True

    async def data(self) -> dict[str, Any]:
        """Return what is known of the user."""
        user = self.request.user
        return {
            "username": str(user),
            "email": user.email,
            "is_verified": await is_email_verified(user),
            "has_two_factor": await has_two_factor(user),
        }


class Sessions(AccountView):
    """List the user's sessions and remembered devices, and end one or all others."""

    name = "sessions"
    title = gettext_lazy("Where you are logged in")
    button = gettext_lazy("End all others")
    fields: Fields = (
        Field("id", gettext_lazy("Session"), is_required=False, max_length=128),
        Field("device", gettext_lazy("Remembered device"), is_required=False, max_length=18),
    )
    needs_login = True
    refusals = {404: "There is no such session, or no such device."}

    async def data(self) -> dict[str, Any]:
        """Return the sessions and the remembered devices, those used last first."""
        devices = {"devices": await self._devices()}
        if not session_of(self.request).store.can_list:
            return {"sessions": [], "can_list": False, **devices}
        sessions = await list_sessions(self.request)
        shown = [{**each._asdict(), "device": device_name(each.user_agent)} for each in sessions]
        return {"sessions": shown, "can_list": True, **devices}

    async def _devices(self) -> list[dict[str, Any]]:
        user = self.request.user
        own = await current_device(self.request, user)
        return [
            {
                "id": device.pk,
                "device": device_name(device.user_agent),
                "address": device.address,
                "created_at": in_utc(device.created_at),
                "used_at": in_utc(device.used_at),
                "expires_at": in_utc(device.expires_at),
                "is_current": device.pk == own,
            }
            for device in await list_devices(user)
        ]

    async def submit(self, values: dict[str, str]) -> Response:
        """Forget a device, end the session with an id, or all others where neither is given; see `AccountView.submit`."""
        if values["device"]:
            return await self._forget(values["device"])
        if not session_of(self.request).store.can_list:
            raise refused(gettext("Sessions are kept where they cannot be listed."), 409)
        return await (self._end(values["id"]) if values["id"] else self._end_others())

    async def _forget(self, number: str) -> Response:
        is_number = number.isascii() and number.isdecimal()
        if not is_number or not await forget_device(self.request.user, int(number)):
            raise refused(gettext("There is no such device."), 404)
        return self.done(gettext("The device is forgotten."), self.link("sessions"), forgotten=1)

    async def _end_others(self) -> Response:
        user = self.request.user
        ended = await end_other_sessions(self.request)
        # Whoever sat there is in with the password alone otherwise.
        forgotten = await forget_devices(user, keep=await current_device(self.request, user))
        sentence = gettext("All others are ended.")
        return self.done(sentence, self.link("sessions"), ended=ended, forgotten=forgotten)

    async def _end(self, session_id: str) -> Response:
        if not await end_session(self.request, session_id):
            raise refused(gettext("There is no such session."), 404)
        if session_of(self.request).user_id is None:
            return self.done("", self.link("login"), ended=1)
        return self.done(gettext("The session is ended."), self.link("sessions"), ended=1)


class Delete(AccountView):
    """Delete the account."""

    name = "delete"
    title = gettext_lazy("Delete your account")
    button = gettext_lazy("Delete the account")
    fields: Fields = (UNDERSTOOD,)
    needs_recent_login = True

    async def submit(self, values: dict[str, str]) -> Response:
        """Delete the user with all that belongs to it; see `AccountView.submit`."""
        user = self.request.user
        try:
            await close_account(user)
        except IntegrityError:
            sentence = gettext("Something else depends on this account, so it cannot be deleted.")
            raise refused(sentence, 409) from None
        await logout(self.request)
        notify(self.request, user.email, gettext("Your account was deleted."))
        sentence = gettext("Your account is deleted.")
        if self.is_json:
            return JSONResponse({"detail": sentence, "next": "/"})
        return self.render("accounts/told.html", sentence=sentence)
