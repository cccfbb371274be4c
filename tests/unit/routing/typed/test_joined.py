"""Lists in headers, cookies and paths: several values in one text, parted by commas."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from openviper import OpenViper
from openviper.api import Info, build_document
from openviper.http import Cookie, Header

app = OpenViper(middleware=[], debug=False)


@app.get("/header")
async def header(x_tags: Annotated[list[str], Header()]) -> dict[str, Any]:
    return {"tags": x_tags}


@app.get("/cookie")
async def cookie(tags: Annotated[list[int], Cookie()]) -> dict[str, Any]:
    return {"tags": tags}


@app.get("/path/{tags}")
async def path(tags: list[int]) -> dict[str, Any]:
    return {"tags": tags}


@pytest.mark.parametrize(
    ("sent", "tags"),
    [
        ("a", ["a"]),
        ("a, b,,c ,", ["a", "b", "c"]),
        ('"a,b", W/"c\\",d"', ['"a,b"', 'W/"c\\",d"']),
        ('a, "open, b', ["a", '"open, b']),
        ("", []),
    ],
)
async def test_a_header_is_a_list_of_elements(sent: str, tags: list[str]) -> None:
    answer = await app.test_client().get("/header", headers={"x-tags": sent})
    assert answer.json() == {"tags": tags}


async def test_a_cookie_and_a_path_are_lists_of_elements() -> None:
    client = app.test_client()
    answer = await client.get("/cookie", headers={"cookie": "tags=1,2"})
    assert answer.json() == {"tags": [1, 2]}
    assert (await client.get("/path/1,2")).json() == {"tags": [1, 2]}
    assert (await client.get("/path/7")).json() == {"tags": [7]}
    wrong = await client.get("/path/1,x")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/path/tags/1")


def test_the_document_says_so_where_it_is_not_understood() -> None:
    paths = build_document(app.router.routes, Info())["paths"]
    told = [paths[name]["get"]["parameters"][0] for name in ("/header", "/cookie", "/path/{tags}")]
    assert [each.get("explode") for each in told] == [None, False, None]
