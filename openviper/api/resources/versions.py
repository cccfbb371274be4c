"""Versions of what an address shows: entity tags, and the conditions of requests on them (RFC 9110, 8.8.3 and 13)."""

from __future__ import annotations

import base64
import hashlib

from openviper.exceptions import HTTPException
from openviper.http.conditions import etag_list, evaluate
from openviper.http.request import Request
from openviper.http.responses import JSONResponse
from openviper.utils.datastructures import Headers

TAG_BYTES = 16
"""Length of what a tag is made of."""


def version_of(content: object) -> str:
    """Return the strong tag of what is sent as JSON.

    Raises:
        TypeError: If something in it has no form in JSON.
    """
    digest = hashlib.sha256(JSONResponse(content).body).digest()[:TAG_BYTES]
    return f'"{base64.urlsafe_b64encode(digest).decode().rstrip("=")}"'


def is_conditional(request: Request) -> bool:
    """Return whether a request is for one version only, or for all but one."""
    return "if-match" in request.headers or "if-none-match" in request.headers


def check_version(request: Request, tag: str, *, is_required: bool) -> None:
    """Check that a request that changes something means the version that there is.

    Args:
        request: The request.
        tag: The tag of the version that there is.
        is_required: Whether it has to say which version it means.

    Raises:
        HTTPException: 412 if it means another one, 428 if it has to say and does not (RFC 6585, 3).
    """
    headers = request.headers
    if is_required and "if-match" not in headers:
        raise HTTPException(
            428, "Say in If-Match which version you mean: the ETag of what you have read."
        )
    if evaluate(_with_strong_tags(headers), request.method, tag) == "failed":
        raise HTTPException(412, "This was changed since you have read it; read it again.")


def _with_strong_tags(headers: Headers) -> Headers:
    """Return headers in which the tags of `If-Match` are as they were made.

    Whoever compresses an answer on its way, our middleware or a server in front, makes its tag a weak one. There are no weak tags
    but these, so each stands for the one version that its strong tag stands for.
    """
    tags = ",".join(headers.getlist("if-match"))
    if "W/" not in tags:
        return headers
    strong = ", ".join(tag.removeprefix("W/") for tag in etag_list(tags))
    others = [(name, value) for name, value in headers.raw if name != b"if-match"]
    return Headers([*others, (b"if-match", strong.encode("latin-1"))])


def refuse_conditions(request: Request) -> None:
    """Refuse a condition on a version where a request is about no single one.

    Raises:
        HTTPException: 400 if there is one.
    """
    if "if-match" in request.headers:
        raise HTTPException(400, "If-Match has no meaning here: this is about no single version.")
