"""What the document of an API says of resources."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.api import Info, build_document
from tests.integration.api.bookshop import books, make_app


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build_document(make_app().router.routes, Info("Books"))


@pytest.fixture(scope="module")
def of_books() -> dict[str, Any]:
    return build_document(books.routes, Info("Books"))


def schema_of(content: dict[str, Any], media_type: str = "application/json") -> Any:
    return content["content"][media_type]["schema"]


def test_a_list_has_its_parameters_with_their_types(
    document: dict[str, Any], of_books: dict[str, Any]
) -> None:
    operation = of_books["paths"]["/books"]["get"]
    parameters = {each["name"]: each["schema"] for each in operation["parameters"]}
    assert list(parameters)[:3] == ["author", "author__in", "author__country"]
    assert parameters["author"] == {"type": "integer"}
    assert parameters["author__in"] == {"type": "array", "items": {"type": "integer"}}
    assert parameters["author__country"]["enum"] == ["de", "fr"]
    assert parameters["page_size"] == {"type": "integer", "minimum": 1, "maximum": 10}
    assert not any("allowEmptyValue" in each for each in operation["parameters"])
    assert {"ordering", "search", "fields", "cursor"} <= set(parameters)
    answer = operation["responses"]["200"]
    assert schema_of(answer) == {"$ref": "#/components/schemas/BookPage"}
    assert set(answer["content"]) == {"application/json", "text/csv", "application/x-ndjson"}
    assert set(answer["headers"]) == {"ETag", "Link"}
    page = of_books["components"]["schemas"]["BookPage"]
    assert list(page["properties"]) == ["results", "next", "previous", "count"]
    assert "ordering" not in {
        each["name"] for each in document["paths"]["/loans"]["get"]["parameters"]
    }


def test_what_is_parted_by_commas_is_a_list_that_says_so(of_books: dict[str, Any]) -> None:
    told = {each["name"]: each for each in of_books["paths"]["/books"]["get"]["parameters"]}
    joined = [name for name, each in told.items() if each.get("explode") is False]
    assert joined == ["ordering", "fields"]
    ordering = told["ordering"]["schema"]
    assert (ordering["type"], ordering["minItems"], ordering["uniqueItems"]) == ("array", 1, True)
    assert {"price", "-price"} <= set(ordering["items"]["enum"])
    fields = told["fields"]["schema"]
    assert (fields["type"], fields["minItems"]) == ("array", 1)


def test_of_an_answer_clients_may_have_some_of_the_fields(of_books: dict[str, Any]) -> None:
    whole, part = ({"$ref": f"#/components/schemas/Book{kind}"} for kind in ("Out", "Part"))
    schemas = of_books["components"]["schemas"]
    assert schema_of(of_books["paths"]["/books/{id}"]["get"]["responses"]["200"]) == {
        "anyOf": [whole, part]
    }
    assert schemas["BookPage"]["properties"]["results"]["items"] == {"anyOf": [whole, part]}
    assert schemas["BookPage"]["required"]
    out = schemas["BookOut"]
    assert out["required"] and "required" not in schemas["BookPart"]
    assert set(schemas["BookPart"]["properties"]) == set(out["properties"])


def test_one_serializer_is_described_once(document: dict[str, Any]) -> None:
    pages = {
        schema_of(document["paths"][path]["get"]["responses"]["200"])["$ref"]
        for path in ("/open-notes", "/inner/notes")
    }
    assert len(pages) == 1
    other = schema_of(document["paths"]["/notes"]["get"]["responses"]["200"])["$ref"]
    assert other not in pages


def test_what_is_received_of_a_row_is_not_what_is_sent(of_books: dict[str, Any]) -> None:
    document = of_books
    schemas = document["components"]["schemas"]
    assert "id" not in schemas["Book"]["properties"] and "id" in schemas["BookOut"]["properties"]
    assert schemas["Book"]["required"] == ["title", "isbn", "author"]
    assert schemas["BookPatch"]["required"] == []
    row = document["paths"]["/books/{id}"]
    assert schema_of(row["put"]["requestBody"]) == {"$ref": "#/components/schemas/Book"}
    for media_type in ("application/json", "application/merge-patch+json"):
        patch = schema_of(row["patch"]["requestBody"], media_type)
        assert patch == {"$ref": "#/components/schemas/BookPatch"}
    sent = schema_of(row["patch"]["responses"]["200"])
    assert sent["anyOf"][0] == {"$ref": "#/components/schemas/BookOut"}
    several = schema_of(document["paths"]["/books"]["post"]["requestBody"])["anyOf"][1]
    assert several == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Book"},
        "maxItems": 4,
    }


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/books", "get", "200 304 406 412 422"),
        ("/books", "post", "201 400 409 413 415 422"),
        ("/books", "patch", "200 400 409 413 415 422"),
        ("/books/{id}", "get", "200 304 400 404 412 422"),
        ("/books/{id}", "put", "200 204 400 404 409 412 413 415 422"),
        ("/books/{id}", "patch", "200 204 400 404 409 412 413 415 422"),
        ("/books/{id}", "delete", "204 400 404 409 412 422"),
        ("/strict/{id}", "delete", "204 400 404 409 412 422 428"),
        ("/authors/{author}/books", "get", "200 304 400 404 406 412 422"),
        ("/notes", "get", "200 304 401 403 406 412 422"),
        ("/open-notes/{id}", "delete", "204 400 401 403 404 409 412 422"),
        ("/open-notes/{id}", "get", "200 304 400 404 412 422"),
    ],
)
def test_every_answer_is_named(
    document: dict[str, Any], path: str, method: str, statuses: str
) -> None:
    answers = document["paths"][path][method]["responses"]
    assert " ".join(sorted(set(answers) - {"default"})) == statuses
    for status, answer in answers.items():
        if status not in ("default", "200", "201", "204", "304"):
            assert list(answer["content"]) == ["application/problem+json"]


def test_a_version_that_has_to_be_named_is_a_required_header(document: dict[str, Any]) -> None:
    def match_of(path: str) -> dict[str, Any]:
        operation = document["paths"][path]["put"]
        [found] = [each for each in operation["parameters"] if each["name"] == "If-Match"]
        return dict(found)

    assert match_of("/strict/{id}")["required"] is True
    assert "required" not in match_of("/books/{id}")


def test_every_operation_has_a_name(document: dict[str, Any]) -> None:
    names = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    assert len(names) == len(set(names))
    assert {"books_list", "books_update_many", "authors_books_create", "notes_delete"} <= set(names)
