"""What an application says of its API itself."""

from __future__ import annotations

from typing import Any

import pytest

from openviper import OpenViper
from openviper.exceptions import ImproperlyConfigured
from openviper.testing import override_openviper_settings as override


async def test_the_arguments_of_an_application_win_over_the_setting() -> None:
    app = OpenViper(middleware=[], title="Shop", version="2", openapi_url="/a.json", docs_url="/d")

    @app.get("/books")
    async def books() -> str:
        return ""

    with override(OPENAPI={"version": "1", "description": "What we sell.", "docs_url": "/e"}):
        client = app.test_client()
        document = (await client.get("/a.json")).json()
        assert document["info"] == {
            "title": "Shop",
            "version": "2",
            "description": "What we sell.",
        }
        assert list(document["paths"]) == ["/books"]
        assert app.get_openapi_schema() == document
        assert (await client.get("/d")).status_code == 200
        assert (await client.get("/e")).status_code == 404


def test_an_argument_that_is_none_is_refused() -> None:
    make: Any = OpenViper
    with pytest.raises(TypeError, match="no argument 'openapi_ur'; did you mean 'openapi_url'"):
        make(openapi_ur="/x")
    with pytest.raises(TypeError, match="no argument 'theme'$"):
        make(theme="dark")


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(ImproperlyConfigured, match="must begin with '/'"):
        OpenViper(openapi_url="x").get_openapi_schema()
