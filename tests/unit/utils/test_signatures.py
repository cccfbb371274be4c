"""Projects load although names in their annotations exist for the type checker only."""

from __future__ import annotations

import sys
from typing import Any, ForwardRef

import pytest

from openviper import OpenViper, Router
from openviper.routing.binding import HandlerError
from openviper.tasks import actor
from openviper.testing import OpenViperTestClient
from openviper.utils.signatures import own_annotations, signature_of

HEADS = ["from __future__ import annotations\n"]
if sys.version_info >= (3, 14):
    HEADS.append("")  # There, annotations wait until they are asked for (PEP 649).

SOURCE = """
import dataclasses
from typing import TYPE_CHECKING

from openviper import JSONResponse, Router
from openviper.cache import cached
from openviper.conf import Settings
from openviper.db import Model
from openviper.db.fields import CharField
from openviper.http.views import View
from openviper.middleware.base import BaseMiddleware
from openviper.tasks import actor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nowhere import Answer, ASGIApp, Note, Request

router = Router()


@dataclasses.dataclass(frozen=True)
class ProjectSettings(Settings):
    PROJECT_NAME: str = "Shop"
    SHOP_NOTE: Note | None = None


class Post(Model):
    title: CharField[Note] = CharField(max_length=10)


@router.get("/plain/{number}")
async def plain(request: Request, number: int):
    return {"number": number}


@router.get("/answered")
async def answered(request: Request) -> JSONResponse:
    return JSONResponse({"answered": True})


class Shown(View):
    async def get(self, request: Request) -> JSONResponse:
        return JSONResponse({"shown": True})


class Passing(BaseMiddleware):
    async def __call__(self, scope: Request, receive: Sequence[Note], send: ASGIApp) -> None:
        await self.app(scope, receive, send)


@cached(ttl=5)
async def doubled(number: Answer) -> list[Answer]:
    return [number, number]


@actor
async def remember(note: Note, others: Sequence[Note] = ()) -> None: ...


async def wanting(note: Note): ...


def known_and_not(first: int, second: list[Note], *rest: Note) -> dict[str, Answer]: ...
"""


@pytest.fixture(params=HEADS, ids=["as texts", "when asked for"][: len(HEADS)])
def project(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a module in which some names are for the type checker only."""
    name = f"ov_deferred_{HEADS.index(request.param)}"
    module = type(sys)(name)
    monkeypatch.setitem(sys.modules, name, module)
    # Not the annotations of this file's own head.
    exec(compile(request.param + SOURCE, f"{name}.py", "exec", dont_inherit=True), vars(module))
    return vars(module)


def test_settings_with_such_a_type_are_settings(project: dict[str, Any]) -> None:
    made = project["ProjectSettings"]()
    assert (made.PROJECT_NAME, made.SHOP_NOTE) == ("Shop", None)
    assert "SHOP_NOTE" in own_annotations(project["ProjectSettings"])


async def test_handlers_views_and_middleware_answer(project: dict[str, Any]) -> None:
    router = Router()
    router.include_router(project["router"])
    router.add("/shown", project["Shown"].as_view())
    app = OpenViper(debug=True, middleware=[project["Passing"]])
    app.include_router(router)
    async with OpenViperTestClient(app) as client:
        assert (await client.get("/plain/3")).json() == {"number": 3}
        assert (await client.get("/answered")).json() == {"answered": True}
        assert (await client.get("/shown")).json() == {"shown": True}


async def test_a_function_is_cached(project: dict[str, Any]) -> None:
    assert await project["doubled"](3) == [3, 3]


def test_a_task_is_one_whose_arguments_are_not_checked(project: dict[str, Any]) -> None:
    call = project["remember"].message("text", others=["a"])
    assert (call["args"], call["kwargs"]) == (("text",), {"others": ["a"]})
    assert actor(project["wanting"]) is not None


def test_a_handler_whose_parameter_has_to_be_read_is_refused_by_name(
    project: dict[str, Any],
) -> None:
    with pytest.raises(HandlerError, match=r"wanting.*annotation 'Note' means nothing"):
        app = OpenViper()
        app.include_router(Router())
        app.get("/wanting")(project["wanting"])


def test_what_is_known_is_itself_and_the_rest_is_text(project: dict[str, Any]) -> None:
    signature = signature_of(project["known_and_not"])
    written = [one.annotation for one in signature.parameters.values()]
    assert written[0] in (int, "int")
    assert written[1:] == ["list[Note]", "Note"]
    assert signature.return_annotation == "dict[str, Answer]"
    assert not any(isinstance(one, ForwardRef) for one in written)


@pytest.mark.parametrize("thing", [3, "text"])
def test_what_cannot_be_called_has_no_signature(thing: Any) -> None:
    with pytest.raises(TypeError):
        signature_of(thing)


def test_a_plain_function_is_as_inspect_sees_it() -> None:
    def plain(first: int, *, second: str = "") -> None: ...

    assert list(signature_of(plain).parameters) == ["first", "second"]
