"""Random requests to every kind of parameter and body: no error of ours, and answers that fit the document.

`scripts/fuzz_api.py` does the same with schemathesis, which is not among the packages of the tests.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator

from openviper.api import Info, build_document
from openviper.api.examples import example_of
from tests.unit.api.kinds import app

DOCUMENT: dict[str, Any] = build_document(app.router.routes, Info())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
TEXTS = [
    *("", "0", "1", "-1", "5", "101", "x", "red", "cat", "on", "true", "1.5", "1e400", "NaN", "\0"),
    *("2026-11-30", "2026-11-30T10:00:00Z", "10:00", "PT1H", "AA==", "é", "\U0001f40d", "a" * 200),
    *("00000000-0000-4000-8000-000000000000", "..", "%00", "a/b", "'\"<>&", "9" * 500, "{}", "[]"),
]
VALUES: list[Any] = [
    *TEXTS,
    None,
    True,
    0,
    1,
    2**70,
    1.5,
    [],
    {},
    [[]],
    {"kind": "cat"},
    [1],
    {"": {}},
]


def operations() -> Iterator[tuple[str, str]]:
    for path, item in DOCUMENT["paths"].items():
        for method in item:
            yield method, path


def changed(value: Any, chance: random.Random) -> Any:
    """Return a value that fits, with something else somewhere, or not."""
    if chance.random() < 0.15:
        return chance.choice(VALUES)
    if isinstance(value, dict):
        kept = {key: changed(item, chance) for key, item in value.items() if chance.random() < 0.9}
        return kept if chance.random() < 0.9 else {**kept, chance.choice(TEXTS): 1}
    if isinstance(value, list):
        return [changed(item, chance) for item in value] * chance.choice([0, 1, 1, 2])
    return value


def text_for(parameter: dict[str, Any], chance: random.Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(TEXTS)
    example = example_of(parameter["schema"], SCHEMAS)
    return example if isinstance(example, str) else json.dumps(example)


def request_for(
    path: str, told: dict[str, Any], chance: random.Random
) -> tuple[str, dict[str, Any]]:
    """Return the address of a request, and the rest of it."""
    query, headers = [], {}
    for parameter in told.get("parameters", ()):
        name, text = parameter["name"], text_for(parameter, chance)
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(text or "x", safe=""))
        elif chance.random() < 0.8 and parameter["in"] == "query":
            query.append(f"{quote(name)}={quote(text)}")
        elif parameter["in"] == "header" and text.isprintable() and text.isascii():
            headers[name] = text
    content = told.get("requestBody", {}).get("content", {})
    body = body_for(content, chance)
    return f"{path}?{'&'.join(query)}", {"headers": headers, **body}


def body_for(content: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    if not content:
        return {}
    kind = next(iter(content))
    value = changed(example_of(content[kind]["schema"], SCHEMAS), chance)
    if kind == "application/json":
        return {"json": value}
    fields = value if isinstance(value, dict) else {"x": str(value)}
    texts = {key: str(item) for key, item in fields.items()}
    if kind == "multipart/form-data" and chance.random() < 0.7:
        texts.pop("doc", None)
        return {"data": texts, "files": {"doc": ("a.txt", b"a", "text/plain")}}
    return {"data": texts}


@pytest.mark.parametrize(("method", "path"), list(operations()))
async def test_every_answer_is_one_of_the_document(method: str, path: str) -> None:
    told = DOCUMENT["paths"][path][method]
    chance = random.Random(f"{method} {path}")  # noqa: S311 - the same each time
    client = app.test_client()
    statuses = set()
    for _ in range(60):
        address, rest = request_for(path, told, chance)
        answer = await client.request(method.upper(), address, **rest)
        statuses.add(answer.status_code)
        # An address that no route has is no answer of the operation.
        if answer.status_code not in (404, 400):
            assert str(answer.status_code) in told["responses"], (address, rest, answer.text)
            schema = schema_of_answer(told["responses"][str(answer.status_code)])
            validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
            assert validator.is_valid(answer.json()), answer.text
    assert statuses & {200, 404, 422}


def schema_of_answer(told: dict[str, Any]) -> dict[str, Any]:
    (content,) = told["content"].values()
    schema: dict[str, Any] = content["schema"]
    return schema


def test_every_schema_is_one() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
