"""The document of an API."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest

from openviper.api import Info, build_document, operation
from openviper.api.openapi import LEFT_OUT
from openviper.http import Request, View, action
from openviper.routing import Router
from openviper.serializers import Serializer
from openviper.validation import Between
from tests.unit.api.shop import make_app

SCHEMES = {"session": {"type": "apiKey", "in": "cookie", "name": "sessionid"}}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build_document(make_app().router.routes, Info("Shop", "1.2", "What we sell.", SCHEMES))


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(references(each) for each in value))
    return set()


def test_it_says_what_it_is(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "Shop", "version": "1.2", "description": "What we sell."}
    assert json.loads(json.dumps(document)) == document


def test_it_has_every_route_but_hidden_ones(document: dict[str, Any]) -> None:
    found = {(path, method) for path, item in document["paths"].items() for method in item}
    assert found == {
        ("/api/v1/orders", "get"),
        ("/api/v1/orders/{shop}", "post"),
        ("/echo", "get"),
        ("/echo", "put"),
        ("/upload", "post"),
        ("/plain/{key}/{word}", "get"),
        ("/closed/echo", "get"),
    }


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    assert len(names) == len(set(names))
    assert {"search", "create", "echo_get", "echo_put", "closed_echo"} <= set(names)


def test_two_routes_of_one_name_are_told_apart_by_their_paths() -> None:
    app = make_app()
    app.router.get("/other/{x}", name="create")(lambda request, x: x)
    document = build_document(app.router.routes, Info())
    names = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    assert "create" in names
    assert "create_other_x_get" in names


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        kind, name = reference.removeprefix("#/components/").split("/")
        assert name in document["components"][kind], reference


def test_words_come_from_the_docstring_without_its_sections(document: dict[str, Any]) -> None:
    search = document["paths"]["/api/v1/orders"]["get"]
    assert search["summary"] == "Find orders."
    assert search["description"] == "The latest first."
    assert search["tags"] == ["orders"]
    assert document["paths"]["/api/v1/orders/{shop}"]["post"]["tags"] == ["buying"]


def test_parameters_have_places_and_types(document: dict[str, Any]) -> None:
    search = document["paths"]["/api/v1/orders"]["get"]["parameters"]
    assert {(each["in"], each["name"], each.get("required", False)) for each in search} == {
        ("query", "page", False),
        ("query", "words", False),
        ("query", "since", False),
        ("cookie", "theme", False),
        ("header", "User-Agent", False),
    }
    by_name = {each["name"]: each["schema"] for each in search}
    assert by_name["page"] == {"type": "integer", "minimum": 1, "maximum": 9, "default": 1}
    assert by_name["since"] == {"type": "string", "format": "date"}
    plain = document["paths"]["/plain/{key}/{word}"]["get"]["parameters"]
    assert plain == [
        {
            "name": "key",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
        },
        {"name": "word", "in": "path", "required": True, "schema": {"type": "string"}},
    ]


def test_what_is_received_is_not_what_is_sent(document: dict[str, Any]) -> None:
    create = document["paths"]["/api/v1/orders/{shop}"]["post"]
    body = create["requestBody"]
    assert body["required"] is True
    received = {"$ref": "#/components/schemas/Order"}
    sent = {"$ref": "#/components/schemas/OrderOut"}
    assert body["content"] == {"application/json": {"schema": received}}
    assert create["responses"]["201"]["content"] == {"application/json": {"schema": sent}}
    schemas = document["components"]["schemas"]
    assert set(schemas["Order"]["properties"]) == {"name", "lines", "kind", "parent", "code"}
    assert schemas["Order"]["required"] == ["name", "lines"]
    assert set(schemas["OrderOut"]["properties"]) == {"name", "lines", "kind", "parent", "id"}
    # What contains itself does so under the name of its own side.
    assert schemas["OrderOut"]["properties"]["parent"]["anyOf"][0] == sent
    assert schemas["OrderOut"]["properties"]["lines"]["items"] == {
        "$ref": "#/components/schemas/LineOut"
    }
    # What is the same on both sides has one name.
    assert "Same" in schemas and "SameOut" not in schemas


def test_secrets_have_no_default_there(document: dict[str, Any]) -> None:
    assert "s3cret" not in json.dumps(document)


def test_a_form_with_a_file_is_sent_in_parts(document: dict[str, Any]) -> None:
    content = document["paths"]["/upload"]["post"]["requestBody"]["content"]
    assert set(content) == {"multipart/form-data"}
    schema = content["multipart/form-data"]["schema"]
    assert set(schema["properties"]) == {"file", "title"}
    assert schema["required"] == ["file"]


def test_refusals_are_named_where_they_can_happen(document: dict[str, Any]) -> None:
    paths = document["paths"]
    create = set(paths["/api/v1/orders/{shop}"]["post"]["responses"])
    assert create == {"201", "400", "404", "409", "410", "413", "415", "422", "default"}
    plain = paths["/plain/{key}/{word}"]["get"]["responses"]
    assert set(plain) == {"200", "400", "404", "default"}
    assert set(paths["/closed/echo"]["get"]["responses"]) == {"200", "401", "403", "default"}
    assert paths["/closed/echo"]["get"]["security"] == [{"session": []}]
    assert "security" not in paths["/plain/{key}/{word}"]["get"]
    gone = paths["/api/v1/orders/{shop}"]["post"]["responses"]["410"]
    assert gone["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Same"}


def test_equal_applications_have_equal_documents(document: dict[str, Any]) -> None:
    again = build_document(make_app().router.routes, Info("Shop", "1.2", "What we sell.", SCHEMES))
    assert json.dumps(again) == json.dumps(document)


def test_methods_that_every_route_answers_are_left_out(document: dict[str, Any]) -> None:
    methods = {method.upper() for item in document["paths"].values() for method in item}
    assert methods.isdisjoint(LEFT_OUT)


@pytest.mark.parametrize("status", [0, 99, 299, 1000, -1])
def test_a_status_that_is_none_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match=f"{status} is not an HTTP status"):
        operation(status=status)
    with pytest.raises(ValueError, match="is not an HTTP status"):
        operation(answers={status: "x"})


class Letter(Serializer):
    title: str


class Stamp(Serializer):
    price: int


class Letters(View):
    """Reads its bodies itself, but in `put`."""

    serializer_class = Letter

    async def get(self, request: Request) -> str:
        return ""

    async def post(self, request: Request) -> str:
        return str(Letter.validate_data(await request.json()).title)

    async def put(self, stamp: Stamp) -> str:
        return str(stamp.price)

    @action(methods=["POST"])
    async def send(self, request: Request) -> str:
        return ""


def test_a_view_says_what_the_bodies_are_that_its_methods_read() -> None:
    router = Router()
    Letters.register(router, "/letters")
    paths = build_document(router.routes, Info())["paths"]
    found = {
        method: operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for method, operation in paths["/letters"].items()
        if "requestBody" in operation
    }
    assert {method: name.rpartition("/")[2] for method, name in found.items()} == {
        "post": "Letter",
        "put": "Stamp",
    }
    assert paths["/letters"]["post"]["requestBody"]["required"]
    assert "422" in paths["/letters"]["post"]["responses"]
    assert "requestBody" not in paths["/letters/send"]["post"]


def test_what_a_path_takes_is_said_of_its_parameters() -> None:
    router = Router()

    @router.get("/at/{number:int}/{share:float}/{word:slug}/{rest:path}")
    async def at(number: Annotated[int, Between(5, 9)], share: float, word: str, rest: str) -> str:
        return ""

    told = build_document(router.routes, Info())["paths"]["/at/{number}/{share}/{word}/{rest}"]
    schemas = {each["name"]: each["schema"] for each in told["get"]["parameters"]}
    assert schemas == {
        "number": {"type": "integer", "minimum": 5, "maximum": 9},
        "share": {"type": "number", "minimum": 0},
        "word": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        "rest": {"type": "string"},
    }


def test_one_method_of_a_view_is_left_out() -> None:
    class Shelf(View):
        async def get(self, request: Request) -> str:
            return ""

        @operation(hidden=True)
        async def post(self, request: Request) -> str:
            return ""

    router = Router()
    router.add("/shelf", Shelf.as_view())
    assert list(build_document(router.routes, Info())["paths"]["/shelf"]) == ["get"]
