"""A handler's parameter that is a model is looked up by the path; what is not there is a 404."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import pytest

from openviper import OpenViper
from openviper.db.fields import CharField, SlugField
from openviper.db.models import Model
from openviper.exceptions import ImproperlyConfigured
from openviper.http import By, Provide
from openviper.routing import HandlerError, Router
from openviper.testing import OpenViperTestClient
from tests.integration.db.support import database

EVERY_DATABASE = True


class Volume(Model):
    _app_name = "handlers"

    title = CharField(max_length=40)
    isbn = CharField(max_length=13, unique=True)
    slug = SlugField(unique=True)


app = OpenViper(debug=False)


@app.get("/volumes/{volume}")
async def by_key(volume: Volume) -> dict[str, str]:
    return {"title": volume.title}


@app.get("/slugs/{volume:slug}")
async def by_slug(volume: Volume) -> dict[str, str]:
    return {"title": volume.title}


@app.get("/isbn/{volume}")
async def by_isbn(volume: Annotated[Volume, By("isbn")]) -> dict[str, str]:
    return {"title": volume.title}


def title_of(volume: Volume) -> str:
    return volume.title.upper()


@app.get("/titles/{volume:int}")
async def by_provider(title: Annotated[str, Provide(title_of)]) -> str:
    return title


@asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[OpenViperTestClient]:
    async with database(folder, Volume):
        await Volume.objects.create(title="Notes", isbn="9780000000001", slug="the-notes")
        async with OpenViperTestClient(app) as client:
            yield client


async def test_a_model_is_looked_up_by_its_key_its_slug_or_another_field(tmp_path: Path) -> None:
    async with asking(tmp_path) as client:
        key = (await Volume.objects.get(slug="the-notes")).pk
        for path in (f"/volumes/{key}", "/slugs/the-notes", "/isbn/9780000000001"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()) == (200, {"title": "Notes"}), path
        assert (await client.get(f"/titles/{key}")).text == "NOTES"


@pytest.mark.parametrize(
    "path",
    [
        "/volumes/999999999",
        "/volumes/abc",
        "/volumes/99999999999999999999999",
        "/volumes/%F0%9F%98%80",
        "/slugs/none",
        "/isbn/x' OR 1=1",
        "/titles/999999",
    ],
)
async def test_what_is_not_there_is_not_found(tmp_path: Path, path: str) -> None:
    async with asking(tmp_path) as client:
        assert (await client.get(path)).status_code == 404


async def without_path(volume: Volume) -> str:
    return ""


async def without_field(volume: Annotated[Volume, By("author")]) -> str:
    return ""


def test_a_model_that_cannot_be_looked_up_is_an_error_of_the_program() -> None:
    router = Router()
    router.get("/volumes")(without_path)
    with pytest.raises(ImproperlyConfigured, match="looked up by a parameter of the path"):
        router.compile()
    with pytest.raises(HandlerError, match="no field 'author'"):
        Router().get("/{volume}")(without_field)
