"""Parts of records, of which clients choose the fields."""

from __future__ import annotations

from typing import Any

from openviper.api.selecting import PREFIX, Parts


def ref(name: str) -> dict[str, str]:
    return {"$ref": PREFIX + name}


def record(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def test_a_part_is_of_parts_and_may_hold_itself() -> None:
    schemas = {
        "BookOut": record(
            author=ref("Author"), sequel={"anyOf": [ref("BookOut"), {"type": "null"}]}
        ),
        "Author": record(name={"type": "string"}),
        "BookPart": record(),
        "Page": record(results={"type": "array", "items": ref("BookOut")}),
    }
    before = dict(schemas)
    parts = Parts(schemas)
    both = {"anyOf": [ref("BookOut"), ref("BookPart_")]}
    assert parts.allowed(ref("BookOut"), {"BookOut"}) == both
    assert parts.allowed(ref("Page"), {"BookOut"}) == ref("Page")
    assert parts.allowed(ref("Page"), {"BookOut"}) == ref("Page")
    assert schemas["Page"] == record(results={"type": "array", "items": both})
    assert {name: schemas[name] for name in ("BookOut", "Author", "BookPart")} == {
        name: before[name] for name in ("BookOut", "Author", "BookPart")
    }
    assert schemas["BookPart_"] == {
        "type": "object",
        "properties": {
            "author": ref("AuthorPart"),
            "sequel": {"anyOf": [ref("BookPart_"), {"type": "null"}]},
        },
    }
    assert schemas["AuthorPart"]["properties"] == {"name": {"type": "string"}}
