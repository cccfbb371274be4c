"""Uploaded files in tests."""

from __future__ import annotations

from io import BytesIO

from openviper.http.uploads import UploadFile


def make_upload(
    filename: str, content: bytes, content_type: str = "application/octet-stream"
) -> UploadFile:
    """Return what a view gets of an uploaded file."""
    return UploadFile(filename, content_type, BytesIO(content))
