"""What a client writes into an address reaches a query: pages, cursors and keys that are none are his mistake, not ours."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Model
from openviper.exceptions import InvalidPage, MultipleObjectsReturned, NotFound, QueryError
from openviper.testing import OpenViperTestClient
from openviper.testing import override_openviper_settings as override
from tests.integration.db.support import database

EVERY_DATABASE = True


class Salary(Model):
    _app_name = "addresses"

    name = CharField(max_length=20)
    amount = IntegerField(default=0)


app = OpenViper(debug=False)


@app.get("/salaries")
async def salaries(request: Request) -> dict[str, Any]:
    query = request.query_params
    number, size = query.get("page", "1"), query.get("size", "2")
    page = await Salary.objects.order_by("-amount").paginate(
        _number(number), _number(size), query.get("after")
    )
    return {"names": [salary.name for salary in page], "after": page.next_cursor}


@app.get("/salaries/{key}")
async def salary(request: Request, key: str) -> dict[str, Any]:
    return {"name": (await Salary.objects.get_or_404(pk=key)).name}


def _number(text: str) -> Any:
    """Return what a careless project makes of a number in an address."""
    try:
        return int(text)
    except ValueError:
        return text


@asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[OpenViperTestClient]:
    async with database(folder, Salary):
        await Salary.objects.bulk_create(
            [Salary(name=f"n{number}", amount=number * 1000) for number in range(5)]
        )
        async with OpenViperTestClient(app) as client:
            yield client


async def test_pages_follow_each_other(tmp_path: Path) -> None:
    async with asking(tmp_path) as client:
        answer = (await client.get("/salaries")).json()
        names = answer["names"]
        while answer["after"] is not None:
            answer = (await client.get(f"/salaries?after={answer['after']}")).json()
            names += answer["names"]
        assert names == ["n4", "n3", "n2", "n1", "n0"]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("page=0", "page_number=0 is not a number of at least 1"),
        ("page=-3", "page_number=-3 is not"),
        ("page=two", "page_number='two' is not"),
        ("size=0", "page_size=0 is not"),
        ("size=1.5", "page_size='1.5' is not"),
        ("after=", "the cursor does not belong to this query"),
        ("after=nonsense", "the cursor does not belong"),
        ("after=%C3%A9", "the cursor does not belong"),
        ("after=%00", "the cursor does not belong"),
        ("after=" + "A" * 20_000, "the cursor does not belong"),
    ],
)
async def test_a_page_that_is_none_is_a_bad_request(
    tmp_path: Path, query: str, detail: str
) -> None:
    async with asking(tmp_path) as client:
        answer = await client.get(f"/salaries?{query}")
        assert answer.status_code == 400
        assert detail in answer.json()["detail"]


async def test_a_page_behind_the_last_one_is_empty(tmp_path: Path) -> None:
    async with asking(tmp_path) as client:
        for number in ("99", "9" * 18, "9" * 40):
            answer = await client.get(f"/salaries?page={number}")
            assert (answer.status_code, answer.json()["names"]) == (200, [])


async def test_no_letter_of_a_cursor_may_change(tmp_path: Path) -> None:
    async with asking(tmp_path):
        ordered = Salary.objects.order_by("-amount")
        cursor = (await ordered.paginate(page_size=2)).next_cursor
        assert cursor is not None
        forged = [
            cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
            for place in range(len(cursor))
        ]
        body = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        forged += [cursor + "==", f" {cursor}", f"{cursor}\n", cursor[:-1], cursor * 2]
        forged += [
            base64.urlsafe_b64encode(changed).decode().rstrip("=")
            for changed in (body[:16] + b"[9000,1]", body + b" ", body[1:], body[:16], b"")
        ]
        for wrong in forged:
            with pytest.raises(InvalidPage):
                await ordered.paginate(page_size=2, cursor=wrong)
        same = await ordered.paginate(page_size=2, cursor=cursor)
        assert [one.name for one in same] == ["n2", "n1"]


async def test_a_cursor_is_that_of_one_order_and_one_model(tmp_path: Path) -> None:
    async with asking(tmp_path):
        cursor = (await Salary.objects.order_by("-amount").paginate(page_size=2)).next_cursor
        for other in (
            Salary.objects.order_by("amount"),
            Salary.objects.order_by("-amount", "name"),
            Salary.objects.order_by("name"),
            Salary.objects.all(),
        ):
            with pytest.raises(InvalidPage, match="does not belong"):
                await other.paginate(page_size=2, cursor=cursor)
        for wrong in (5, b"x", ["x"]):
            given: Any = wrong
            with pytest.raises(InvalidPage, match="does not belong"):
                await Salary.objects.order_by("-amount").paginate(cursor=given)


async def test_a_cursor_of_a_former_secret_key_is_good_until_that_key_is_forgotten(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path):
        ordered = Salary.objects.order_by("-amount")
        with override(SECRET_KEY="former"):
            cursor = (await ordered.paginate(page_size=2)).next_cursor
        with override(SECRET_KEY="new", SECRET_KEY_FALLBACKS=("", "other", "former")):
            page = await ordered.paginate(page_size=2, cursor=cursor)
            assert [one.name for one in page] == ["n2", "n1"]
        with override(SECRET_KEY="new", SECRET_KEY_FALLBACKS=("", "other")):
            last = await ordered.paginate(page_size=2, cursor=page.next_cursor)
            assert [one.name for one in last] == ["n0"]
            with pytest.raises(InvalidPage, match="does not belong"):
                await ordered.paginate(page_size=2, cursor=cursor)


def test_it_is_an_error_of_queries_and_values_too() -> None:
    assert issubclass(InvalidPage, (QueryError,)) and issubclass(InvalidPage, (ValueError,))
    error = InvalidPage("page_number=0")
    assert (error.status_code, error.detail) == (400, "page_number=0")


@pytest.mark.parametrize(
    "key",
    [
        "99",
        "-1",
        "0",
        "x",
        "1.5",
        "9" * 30,
        "%F0%9F%98%80",
        "1%20OR%201=1",
        "None",
        "true",
    ],
)
async def test_a_key_that_is_none_is_not_found(tmp_path: Path, key: str) -> None:
    async with asking(tmp_path) as client:
        answer = await client.get(f"/salaries/{key}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "Salary not found.")


async def test_get_or_404(tmp_path: Path) -> None:
    async with asking(tmp_path) as client:
        first = await Salary.objects.get_or_404(name="n0")
        assert (await client.get(f"/salaries/{first.pk}")).json() == {"name": "n0"}
        richer = Salary.objects.filter(amount__gt=0)
        with pytest.raises(NotFound, match="Salary not found"):
            await richer.get_or_404(pk=first.pk)
        with pytest.raises(MultipleObjectsReturned):
            await richer.get_or_404()
        with pytest.raises(NotFound):
            await Salary.objects.get_or_404(name="n\x000")
