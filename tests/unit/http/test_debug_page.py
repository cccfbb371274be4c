"""The debug page."""

from __future__ import annotations

from openviper import Request
from openviper.http.debug_page import MAX_MESSAGE, render_debug_page
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
