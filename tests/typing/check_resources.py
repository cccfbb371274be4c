"""What type checkers know of resources."""

from __future__ import annotations

from typing import assert_type

from openviper import Request
from openviper.api import Resource, resource
from openviper.db import CursorPage
from openviper.db.fields import CharField, ForeignKey
from openviper.db.models import Model
from openviper.db.query import QuerySet
from openviper.http.permissions import IsAuthenticated, IsOwner
from openviper.http.responses import Response
from openviper.serializers import ModelSerializer


class Writer(Model):
    name = CharField(max_length=10)


class Novel(Model):
    title = CharField(max_length=10)
    writer = ForeignKey(Writer)


class NovelOut(ModelSerializer[Novel]):
    class Meta:
        model = Novel
        fields = ["id", "title"]


def visible(request: Request) -> QuerySet[Novel]:
    return Novel.objects.filter(title__startswith="A")


async def visible_later(request: Request) -> QuerySet[Novel]:
    return Novel.objects.all()


writers = resource(Writer, permission=IsAuthenticated)
novels = resource(
    Novel,
    "/novels",
    serializer=NovelOut,
    actions={"list", "read", "delete"},
    filters={"title": ["icontains"]},
    ordering=["title"],
    queryset=visible,
    permission={"list": "openviper.auth.IsAuthenticated", "delete": IsOwner("writer")},
    create_with=lambda request: {"writer": request.user},
    parent=writers,
    bulk=10,
    formats=["json", "csv"],
)
assert_type(writers, Resource[Writer])
assert_type(novels, Resource[Novel])
resource(Novel, queryset=visible_later)
resource(Novel, queryset=lambda request: Novel.objects)
resource(Novel, actions={"lst"})  # type: ignore[arg-type]  # no action
resource(Novel, formats=["html"])  # type: ignore[list-item]  # no format of lists
resource(Novel, filter=["title"])  # type: ignore[call-arg]  # no argument


@novels.action("delete")
async def retire(request: Request, id: int) -> Response:
    novel = await novels.get_object(request)
    assert_type(novel, Novel)
    return Response(None, 204)


async def pages_by_cursor_keep_the_model() -> None:
    page = await Novel.objects.filter(title="x").cursor_page("abc", 10)
    assert_type(page, CursorPage[Novel])
    assert_type(page.items, list[Novel])
    assert_type(page.next_cursor, str | None)
    assert_type(await Novel.objects.cursor_page(), CursorPage[Novel])
