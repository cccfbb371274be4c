"""The debug page."""

from __future__ import annotations

from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.exceptions import HTTPException
from openviper.http.debug_page import MAX_CALLS, MAX_MESSAGE, debug_details, render_debug_page
from openviper.http.masking import MASK, mask_secrets
from openviper.testing import override_openviper_settings


def failing(message: str = "no luck") -> Exception:
    """Return an error with a traceback and a cause."""
    try:
        try:
            raise KeyError("<inner>")
        except KeyError as cause:
            raise ValueError(message) from cause
    except ValueError as error:
        return error


def test_everything_is_escaped() -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/<script>",
        "query_string": b"q=<script>",
        "headers": [(b"x-a", b"<script>")],
    }
    page = render_debug_page(failing("<script>alert(1)</script>"), Request(scope))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_causes_and_source_are_shown_and_long_messages_are_cut() -> None:
    page = render_debug_page(failing("x" * 10_000))
    assert "Caused by: KeyError" in page
    assert "raise ValueError(message) from cause" in page
    assert "x" * MAX_MESSAGE in page
    assert "x" * (MAX_MESSAGE + 1) not in page


def test_errors_in_a_circle_end() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert render_debug_page(first).count("Caused by") == 1


def test_secrets_of_the_request_are_masked() -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"token=s3cr3t&page=2",
        "headers": [
            (b"authorization", b"Bearer s3cr3t"),
            (b"cookie", b"sessionid=s3cr3t"),
            (b"accept", b"text/html"),
        ],
    }
    page = render_debug_page(failing(), Request(scope))
    assert "s3cr3t" not in page
    assert page.count(MASK) == 3
    assert "text/html" in page


def test_keys_of_the_project_are_masked_wherever_they_appear() -> None:
    with override_openviper_settings(SECRET_KEY="a-long-key-of-this-project"):
        assert "a-long-key" not in render_debug_page(
            failing("signed with a-long-key-of-this-project")
        )
        masked = mask_secrets("password = 'x' at postgres://u:pw@h/d")
        assert masked == f"password = '{MASK}' at postgres://u:{MASK}@h/d"


class Mute(Exception):
    """Says nothing, and fails at it."""

    def __str__(self) -> str:
        raise LookupError


class Silent(Exception):
    """Says what is no text."""

    def __str__(self) -> str:
        return None  # type: ignore[return-value]  # the mistake this is about


class Unbound:
    """A proxy that stands for nothing yet."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("there is nothing")

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise RuntimeError


class Odd(str):
    """A text with methods of its own."""

    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError

    def replace(self, *_: Any) -> str:
        raise RuntimeError


def with_odd_variables() -> None:
    """Fail with variables that nothing can be asked."""
    session, token, number = Unbound(), Odd("odd" + "-token"), 7 / 2
    raise ValueError(f"it holds {str.__str__(token)}", len((session, number)))


@pytest.mark.parametrize(
    "fail",
    [Mute, Silent, lambda: ValueError("half \ud800"), with_odd_variables],
    ids=["mute", "silent", "half", "variables"],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*"])
@pytest.mark.parametrize("debug", [True, False])
async def test_whatever_an_error_and_its_variables_do_there_is_an_answer(
    fail: Any, accept: str, debug: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = OpenViper(debug=debug)

    @app.get("/x")
    async def view(request: Request) -> str:
        raise fail() or ValueError

    answer = await app.test_client().get("/x", headers={"accept": accept})
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "odd" + "-token" not in answer.text
    assert caplog.messages == ["GET /x failed"]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_a_detail_that_utf_8_has_not_keeps_its_status(accept: str) -> None:
    app = OpenViper()

    @app.post("/x")
    async def view(request: Request) -> str:
        raise HTTPException(409, f"there is no {await request.json()}")

    sent = b'"\\ud800\\u00fc"'
    answer = await app.test_client().post("/x", content=sent, headers={"accept": accept})
    assert (answer.status_code, "there is no" in answer.text) == (409, True)


def endless(depth: int = 0) -> int:
    """Call itself."""
    return endless(depth + 1)


def test_of_an_endless_recursion_both_ends_are_shown() -> None:
    try:
        endless()
    except RecursionError as error:
        page, details = render_debug_page(error), debug_details(error)
    assert page.count("in endless</p>") == MAX_CALLS - 1 and "in test_of_an_endless" in page
    assert f"{MAX_CALLS} of " in page
    assert len(details["frames"]) == MAX_CALLS


def test_programs_are_shown_no_more_than_people() -> None:
    try:
        api_key = "k3y-0f-mine"
        raise ValueError(f"no answer to {api_key}" + "x" * 10_000)
    except ValueError as error:
        message = debug_details(error)["message"]
    assert message.startswith(f"no answer to {MASK}") and len(message) <= MAX_MESSAGE


async def test_what_programs_get_is_masked_too() -> None:
    app = OpenViper(debug=True)

    @app.get("/x")
    async def view(request: Request) -> str:
        password = "hunter2hunter2"
        raise ValueError(f"{password} at postgres://u:{password}@h/d")

    answer = await app.test_client().get("/x", headers={"accept": "application/json"})
    assert answer.json()["detail"] == answer.json()["debug"]["message"]
    assert "hunter2" not in answer.text
