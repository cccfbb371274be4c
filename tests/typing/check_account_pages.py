"""Views of a project's own take the place of ours, as the type checker sees it."""

from __future__ import annotations

from typing import assert_type

from openviper import Response, Router
from openviper.auth import AccountView, account_routes
from openviper.auth.flows import Field, Fields, FormRefused, LogIn
from openviper.i18n.lazy import gettext_lazy


class LogInWithCompany(LogIn):
    """One more field."""

    title = gettext_lazy("Come in")
    fields: Fields = (*LogIn.fields, Field("company", gettext_lazy("Company")))

    async def submit(self, values: dict[str, str]) -> Response:
        """Ask for the company."""
        assert_type(values, dict[str, str])
        if not values["company"]:
            raise FormRefused({"company": "Which one?"}, status=401)
        return await super().submit(values)


def routes_are_a_router() -> None:
    """The factory takes classes, and `None` for no page."""
    assert_type(account_routes(login=LogInWithCompany, delete=None), Router)
    assert_type(account_routes(), Router)
    chosen: dict[str, type[AccountView] | None] = {"login": LogInWithCompany}
    account_routes(**chosen)
    account_routes(login="LogIn")  # type: ignore[arg-type]  # a mistake that is found
