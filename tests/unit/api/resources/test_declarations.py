"""Resources that are declared wrongly: told when they are made, with what may be meant."""

from __future__ import annotations

from typing import Any

import pytest

from openviper import OpenViper, Request, Router
from openviper.api import Resource, ResourceError, resource
from openviper.api.resources.checks import Checks
from openviper.db.fields import (
    CharField,
    DateTimeField,
    ForeignKey,
    IntegerField,
    JSONField,
    ManyToManyField,
    PasswordField,
    SensitiveField,
    SlugField,
    UUIDField,
)
from openviper.db.models import AbstractModel, Model
from openviper.exceptions import ImproperlyConfigured
from openviper.http.permissions import AllowAny
from openviper.serializers import ModelSerializer
from openviper.testing import override_openviper_settings as override


class Port(Model):
    _app_name = "declared"

    name = CharField(max_length=20)
    slug = SlugField(unique=True)
    code = UUIDField(unique=True, null=True)


class Crew(Model):
    _app_name = "declared"

    name = CharField(max_length=20)


class Ship(Model):
    _app_name = "declared"

    name = CharField(max_length=20)
    home = ForeignKey(Port, related_name="ships")
    built = DateTimeField(null=True)
    tons = IntegerField(default=1)
    facts = JSONField(default=dict)
    password = PasswordField(null=True)
    secret = SensitiveField(null=True)
    crew = ManyToManyField(Crew, related_name="ships", blank=True)

    class Meta:
        verbose_name = "Ship"
        verbose_name_plural = "Old ships"


class Voyage(Model):
    _app_name = "declared"

    start = ForeignKey(Port, related_name="departures")
    end = ForeignKey(Port, related_name="arrivals")


class Base(AbstractModel):
    name = CharField(max_length=20)


class Only(Model):
    _app_name = "declared"

    name = CharField(max_length=20)

    class Meta:
        single = True


class PortOut(ModelSerializer[Port]):
    class Meta:
        model = Port
        fields = ["id", "name"]


SAID = [
    ({"queryset": 5}, "queryset: 5 is not a function of the request"),
    ({"create_with": {"name": "x"}}, "create_with: {'name': 'x'} is not a function of the request"),
    ({"count": "no"}, "count: 'no' is neither True nor False"),
    ({"require_version": 1}, "require_version: 1 is neither True nor False"),
    ({"parent": Port}, "is not what resource() has returned"),
    ({"path": 5}, "5 is not a path such as '/books'"),
    ({"name": "a:b"}, "'a:b' is no name of a namespace"),
    ({"filters": {"name": []}}, "'name' has no lookup; write ['exact']"),
    ({"formats": ["json", "json"]}, "'json' is named twice"),
    ({"filters": ["nam"]}, "filters: Ship has no 'nam'; did you mean 'name'?"),
    (
        {"filters": {"name": ["icontain"]}},
        "filters: 'name' of Ship knows no 'icontain'; did you mean 'icontains'?",
    ),
    ({"filters": {"home__nam": ["exact"]}}, "filters: Port has no 'nam'; did you mean 'name'?"),
    ({"filters": {"crew__nam": ["exact"]}}, "filters: Crew has no 'nam'; did you mean 'name'?"),
    (
        {"filters": {"tons": ["icontains", "startswithh"]}},
        "knows no 'startswithh'; did you mean 'startswith'?",
    ),
    ({"filters": {"facts": ["gte"]}}, "filters: "),
    ({"filters": {"name": ["regex"]}}, "'regex' of 'name' is not for clients"),
    ({"filters": {"tons": ["range"]}}, "offer 'gte' and 'lte'"),
    ({"filters": {"name": "exact"}}, "filters: 'exact' is not a list of names"),
    ({"filters": "name"}, "filters: 'name' is not a list of names"),
    ({"filters": [5]}, "filters: 5 is not a name"),
    ({"filters": ["name", "name"]}, "filters: 'name' is named twice"),
    ({"filters": ["password"]}, "filters: 'password' is secret"),
    ({"filters": ["secret"]}, "filters: "),
    ({"ordering": ["nam"]}, "ordering: Ship has no 'nam'; did you mean 'name'?"),
    ({"ordering": ["-name"]}, "name the field as 'name'"),
    ({"ordering": ["crew__name"]}, "leads to many rows"),
    ({"ordering": ["facts"]}, "ordering: 'facts': values of type JSON have no order"),
    ({"ordering": ["password"]}, "ordering: 'password' is secret"),
    ({"ordering": ["home__slog"]}, "ordering: Port has no 'slog'; did you mean 'slug'?"),
    ({"ordering": ["?"]}, "ordering: Ship has no '?'"),
    ({"search": ["tons"]}, "search: 'tons' is a whole number, not a text"),
    ({"search": ["nam"]}, "search: Ship has no 'nam'; did you mean 'name'?"),
    ({"fields": ["nam"]}, "fields: "),
    ({"exclude": ["nam"]}, "did you mean 'name'?"),
    ({"fields": ["name"], "exclude": ["tons"]}, "either fields or exclude"),
    ({"serializer": PortOut}, "serializer: PortOut is of Port"),
    ({"serializer": PortOut, "fields": ["id"]}, "serializer: says which fields there are"),
    ({"serializer": Port}, "is not a ModelSerializer"),
    (
        {"exclude": ["home"]},
        "actions: a new Ship needs 'home', which is not received",
    ),
    ({"lookup": "slug"}, "lookup: Ship has no field 'slug'; there are pk, id, name"),
    ({"lookup": "name"}, "lookup: 'name' is not unique"),
    ({"actions": "list"}, "actions: 'list' is not several actions"),
    ({"actions": {"lst"}}, "actions: 'lst' is none; did you mean 'list'?"),
    ({"actions": set()}, "actions: there is none"),
    (
        {"permission": {"lst": AllowAny}},
        "permission: 'lst' is none of its actions; did you mean 'list'?",
    ),
    ({"permission": {"delete": AllowAny}, "actions": {"list"}}, "'delete' is none of its actions"),
    ({"bulk": 0}, "bulk: 0 is not a number from 1 to 1000"),
    ({"bulk": 5000}, "bulk: 5000 is not"),
    ({"bulk": True, "actions": {"list"}}, "bulk: is about 'create' and 'update'"),
    ({"bulk": True, "require_version": True}, "bulk: a list of changes cannot say"),
    ({"page_size": 200}, "page_size: 200 is more than max_page_size=100"),
    ({"page_size": 0}, "page_size: 0 is not"),
    ({"page_size": True}, "page_size: True is not"),
    ({"max_page_size": 10_000}, "max_page_size: 10000 is not"),
    ({"formats": ["json", "html"]}, "formats: 'html' is none; there are json, csv, ndjson"),
    ({"formats": ["csv"]}, "formats: 'json' has to be among them"),
    ({"path": "ships"}, "path: 'ships' is not a path such as '/books'"),
    ({"path": "/"}, "path: '/' is not a path"),
    ({"parent_key": "home"}, "parent_key: 'home' needs a parent"),
]


@pytest.mark.parametrize(("options", "message"), SAID)
def test_a_wrong_declaration_is_an_error_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ResourceError) as caught:
        resource(Ship, **options)
    assert str(caught.value).startswith("resource(Ship), ")
    assert message in str(caught.value)
    assert isinstance(caught.value, ImproperlyConfigured)
    assert caught.value.model_name == "Ship" and caught.value.option


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Base, "it is abstract"),
        (Only, "a single one"),
        (str, "is no model"),
        (Model, "is no model"),
        ("Ship", "is no model"),
    ],
)
def test_only_models_with_rows_can_be_resources(model: Any, message: str) -> None:
    with pytest.raises(ResourceError, match=message):
        resource(model)


def test_the_formats_of_a_list_are_in_the_order_of_preference() -> None:
    assert Checks(Port).formats(["csv", "json"]) == ["csv", "json"]


def test_a_parent_is_what_a_foreign_key_refers_to() -> None:
    ports = resource(Port, lookup="slug")
    with pytest.raises(ResourceError, match="several keys lead to Port: start, end"):
        resource(Voyage, parent=ports)
    with pytest.raises(ResourceError, match="no foreign key 'stert' to Port; did you mean 'start'"):
        resource(Voyage, parent=ports, parent_key="stert")
    with pytest.raises(ResourceError, match="Crew has no foreign key to Port"):
        resource(Crew, parent=ports)
    voyages = resource(Voyage, parent=ports, parent_key="end", actions={"read"})
    assert [route.path for route in voyages.routes] == ["/ports/{end:slug}/voyages/{id:int}"]
    assert repr(voyages) == "<Resource Voyage /ports/{end:slug}/voyages>"


def test_the_path_and_the_names_come_from_the_model() -> None:
    ships = resource(Ship)
    app = OpenViper()
    app.include_router(ships, "/api")
    paths = {(route.methods[0], route.path, route.name) for route in app.router.routes}
    assert ("GET", "/api/old-ships", "old-ships:list") in paths
    assert ("DELETE", "/api/old-ships/{id:int}", "old-ships:delete") in paths
    assert app.url_for("old-ships:read", id=5) == "/api/old-ships/5"
    for lookup, path in {"slug": "{slug:slug}", "code": "{code:uuid}", "pk": "{id:int}"}.items():
        ports = resource(Port, "/havens/", lookup=lookup, actions={"read"})
        assert [route.path for route in ports.routes] == [f"/havens/{path}"]


def test_its_actions_are_the_routes_that_there_are() -> None:
    ships: Resource[Ship] = resource(Ship, actions={"list", "update"}, bulk=True)
    assert {(route.methods, route.path) for route in ships.routes} == {
        (("GET",), "/old-ships"),
        (("PATCH",), "/old-ships/{id:int}"),
        (("PATCH",), "/old-ships"),
    }
    with pytest.raises(ValueError, match="no action 'delete'; there are list, update"):
        ships.action("delete")


async def test_an_action_may_be_answered_by_another_function() -> None:
    ships = resource(Ship, actions={"list", "read"})

    @ships.action("list")
    async def all_ships(request: Request) -> dict[str, str]:
        return {"ships": "all"}

    @ships.action("read")
    async def one_ship(id: int) -> dict[str, int]:
        return {"id": id}

    app = OpenViper()
    app.include_router(ships)
    client = app.test_client()
    assert (await client.get("/old-ships")).json() == {"ships": "all"}
    assert (await client.get("/old-ships/7")).json() == {"id": 7}
    assert (await client.post("/old-ships")).status_code == 405
    assert app.url_for("old-ships:read", id=7) == "/old-ships/7"


async def test_requests_of_other_sites_are_refused_as_on_other_routes() -> None:
    chain = (
        "openviper.sessions.middleware.SessionMiddleware",
        "openviper.middleware.csrf.CSRFMiddleware",
    )
    with override(MIDDLEWARE=chain, SESSION_STORE="memory", SECRET_KEY="k" * 60):
        app = OpenViper(debug=False)
        app.include_router(resource(Ship))
        client = app.test_client()
        foreign = {"origin": "https://elsewhere.example"}
        for method, path in (("POST", ""), ("PUT", "/1"), ("PATCH", "/1"), ("DELETE", "/1")):
            answer = await client.request(method, f"/old-ships{path}", json={}, headers=foreign)
            assert answer.status_code == 403
        assert (await client.post("/old-ships", json={})).status_code == 422


def test_the_route_of_a_name_can_be_taken_away() -> None:
    router = Router()
    router.get("/a", name="a")(lambda request: "a")
    assert router.compiled().names
    router.remove("a")
    assert router.routes == []
    with pytest.raises(KeyError):
        router.remove("a")
