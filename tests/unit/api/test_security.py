"""The ways to log in, as the document names them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper.api import Info, build_document
from openviper.api.security import security_schemes
from openviper.auth.authentications import SessionAuthentication
from openviper.http.permissions import (
    AllowAny,
    BasePermission,
    IsAdmin,
    IsAuthenticated,
    IsAuthenticatedOrReadOnly,
)
from openviper.http.views import View
from openviper.routing import Router
from openviper.testing import override_openviper_settings as override

ROOM = "openviper.auth"


class Own(SessionAuthentication):
    """A class of a project's, made of one of ours."""


class Unknown:
    """A class that the document knows nothing of."""


@pytest.fixture(autouse=True)
def _no_project(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OPENVIPER_ENV", raising=False)
    yield


HEADER = {"type": "apiKey", "in": "header", "name": "Authorization"}


@pytest.mark.parametrize(
    ("paths", "schemes"),
    [
        ([], {}),
        (
            [f"{ROOM}.authentications.SessionAuthentication"],
            {"session": {"type": "apiKey", "in": "cookie", "name": "biscuit"}},
        ),
        (
            [f"{ROOM}.token_authentications.JWTAuthentication"],
            {"jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        ),
        ([f"{ROOM}.token_authentications.APIKeyAuthentication"], {"api_key": HEADER}),
        ([f"{ROOM}.token_authentications.TokenAuthentication"], {"token": HEADER}),
        ([f"{__name__}.Own"], {"session": {"type": "apiKey", "in": "cookie", "name": "biscuit"}}),
        ([f"{__name__}.Unknown"], {}),
    ],
)
def test_each_known_class_is_a_scheme(paths: list[str], schemes: dict[str, Any]) -> None:
    with override(DEFAULT_AUTHENTICATION_CLASSES=paths, SESSION_COOKIE_NAME="biscuit"):
        assert security_schemes() == schemes


def test_only_guarded_routes_name_the_schemes_and_any_one_of_them_will_do() -> None:
    async def handler() -> int:
        return 1

    router = Router()
    router.get("/open", name="open")(handler)
    guarded = Router(permission=IsAuthenticated())
    guarded.get("/closed", name="closed")(handler)
    router.include_router(guarded)
    paths = build_document(router.routes, Info(security={"jwt": {}, "token": {}}))["paths"]
    assert "security" not in paths["/open"]["get"]
    assert paths["/closed"]["get"]["security"] == [{"jwt": []}, {"token": []}]
    assert "401" not in paths["/open"]["get"]["responses"]
    assert {"401", "403"} <= set(paths["/closed"]["get"]["responses"])


def test_without_schemes_a_guarded_route_names_none() -> None:
    router = Router(permission=IsAuthenticated())
    router.get("/closed")(lambda request: 1)
    document = build_document(router.routes, Info())
    assert "security" not in document["paths"]["/closed"]["get"]
    assert "securitySchemes" not in document["components"]


class Closed(View):
    permission_classes = [IsAuthenticatedOrReadOnly, IsAuthenticated]

    async def get(self) -> int:
        return 1


class Readable(View):
    permission_classes = [f"{IsAuthenticatedOrReadOnly.__module__}.IsAuthenticatedOrReadOnly"]

    async def get(self) -> int:
        return 1

    async def post(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("permission", "is_open"),
    [
        (IsAuthenticatedOrReadOnly(), {"GET": True, "POST": False}),
        (IsAuthenticatedOrReadOnly & IsAdmin, {"GET": False, "POST": False}),
        (IsAuthenticatedOrReadOnly | IsAdmin, {"GET": True, "POST": False}),
        (AllowAny(), {"GET": True, "POST": True}),
        (~IsAuthenticated, {"GET": False, "POST": False}),
    ],
)
def test_who_has_not_logged_in_may_read_what_is_open(
    permission: BasePermission, is_open: dict[str, bool]
) -> None:
    router = Router(permission=permission)
    router.add("/notes", lambda request: 1, ["GET", "POST"])
    found = build_document(router.routes, Info(security={"jwt": {}}))["paths"]["/notes"]
    ways = {method: found[method.lower()]["security"] for method in is_open}
    assert ways == {method: [{}] * free + [{"jwt": []}] for method, free in is_open.items()}


def test_all_permissions_of_a_view_have_to_be_open() -> None:
    router = Router()
    Closed.register(router, "/closed")
    Readable.register(router, "/readable")
    paths = build_document(router.routes, Info(security={"jwt": {}}))["paths"]
    assert paths["/closed"]["get"]["security"] == [{"jwt": []}]
    assert paths["/readable"]["get"]["security"] == [{}, {"jwt": []}]
    assert paths["/readable"]["post"]["security"] == [{"jwt": []}]
