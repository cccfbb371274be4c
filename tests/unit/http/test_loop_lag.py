"""Long bodies do not stop the loop."""

from __future__ import annotations

import asyncio
import gc

import pytest

from openviper import OpenViper, Request
from openviper.exceptions import HTTPException
from openviper.http import BodyLimits
from openviper.http.json_body import read_json

LONG = BodyLimits(json=10_000_000, form=10_000_000, body=10_000_000)


def app_with_limits(limits: BodyLimits | None) -> OpenViper:
    """Return an application that reads JSON and forms."""
    app = OpenViper(debug=False)
    options = {} if limits is None else {"limits": limits}

    @app.post("/json", **options)
    async def json(request: Request) -> int:
        return len(await request.json())

    @app.post("/form", **options)
    async def form(request: Request) -> int:
        return len(await request.form())

    return app


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/form", b"a=" + b"%41" * 3_000_000),
        ("/json", b"[" + b"{}," * 3_000_000 + b"{}]"),
        ("/json", b"[" + (b"9" * 4300 + b",") * 2_000 + b"1]"),
    ],
)
async def test_nine_megabytes_are_refused_at_once_by_default(path: str, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"} if path == "/form" else {}
    response = await app_with_limits(None).test_client().post(path, content=body, headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/form", b"a=" + b"%41" * 600_000),
        ("/form", b"a=" + b"%ffb" * 400_000),
        ("/json", b"[" + b"{}," * 600_000 + b"{}]"),
        ("/json", b"[" + (b"9" * 4000 + b",") * 2000 + b"1]"),
        ("/json", b"[" + b"1.5," * 1_200_000 + b"1]"),
    ],
)
async def test_other_requests_go_on_while_a_long_body_is_parsed(path: str, body: bytes) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    client = app_with_limits(LONG).test_client()
    headers = {"content-type": "application/x-www-form-urlencoded"} if path == "/form" else {}
    beside = asyncio.ensure_future(other())
    try:
        response = await client.post(path, content=body, headers=headers, timeout=60)
    finally:
        beside.cancel()
    assert response.status_code in (200, 400)
    assert turns >= 3


async def test_the_collector_is_on_again_after_a_long_text() -> None:
    assert gc.isenabled()
    assert len(await read_json(b"[" + b"[]," * 200_000 + b"[]]")) == 200_001
    assert gc.isenabled()
    gc.disable()
    try:
        await read_json(b"[" + b"[]," * 200_000 + b"[]]")
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "body", [b"[" * 500_000, b"9" * 300_000, b"\xff" * 300_000, b'{"a":' * 100_000]
)
async def test_long_texts_that_are_no_json_are_client_errors(body: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        await read_json(body)
    assert caught.value.status_code == 400
