"""What a route is told is done, or refused where it is written: nothing is accepted and then never answers."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from openviper import OpenViper, Request, Router
from openviper.exceptions import ImproperlyConfigured, NotFound
from openviper.http.connection import Connection
from openviper.http.limits import BodyLimits
from openviper.http.negotiation import preferred_type
from openviper.http.permissions import BasePermission
from openviper.http.views import View, action
from openviper.middleware import cors_policy
from openviper.routing import include
from openviper.routing.route import WEBSOCKET, Route


def view(request: Request) -> str:
    """Answer something."""
    return "ok"


# Methods


@pytest.mark.parametrize("methods", ["GET", "get", "GET,POST", ""])
def test_a_text_is_not_taken_for_a_list_of_methods(methods: str) -> None:
    with pytest.raises(TypeError) as caught:
        Router().add("/a", view, methods=methods)
    assert str(caught.value) == f"the methods of '/a' are a list such as [{methods!r}], not a text"


def test_a_route_without_methods_is_refused() -> None:
    with pytest.raises(ValueError, match="^the route '/a' has no method that it answers$"):
        Router().add("/a", view, methods=[])
    with pytest.raises(ValueError, match="^the route '/a' has no method that it answers$"):
        Route("/a", (), view)


@pytest.mark.parametrize(
    "method",
    ["GET ", " GET", "GET POST", "GÉT", "", "GET\n", "GET/1.1", "(GET)", "GET\0", "\ud800"],
)
def test_what_no_request_can_ask_for_is_no_method(method: str) -> None:
    with pytest.raises(ValueError) as caught:
        Router().add("/a", view, methods=["POST", method])
    assert str(caught.value) == f"{method.upper()!r} of the route '/a' is no method of HTTP"


def test_methods_of_other_protocols_are_allowed() -> None:
    router = Router()
    router.add("/dav", view, methods=["propfind", "M-SEARCH", "PROPFIND"])
    assert router.routes[0].methods == ("PROPFIND", "M-SEARCH")
    assert router.resolve("PROPFIND", "/dav")[0] is router.routes[0]


def test_web_sockets_are_no_method_that_a_client_is_told() -> None:
    router = Router()
    router.websocket("/ws")(lambda websocket: None)
    assert router.find(WEBSOCKET, "/ws") == (router.routes[0], {})
    assert router.find("GET", "/ws") == set()


def test_a_class_based_view_answers_the_methods_it_has() -> None:
    class Things(View):
        """Answers two methods."""

        async def get(self, request: Request) -> str:
            """Answer."""
            return "get"

        async def delete(self, request: Request) -> str:
            """Answer."""
            return "delete"

    router = Router()
    router.add("/things", Things.as_view())
    assert {"GET", "DELETE"} <= set(router.routes[0].methods)
    assert "POST" not in router.routes[0].methods


@pytest.mark.parametrize("word", ["get", "post", "put", "patch", "delete", "options"])
def test_the_short_words_register_their_method_alone(word: str) -> None:
    router = Router()
    handler = getattr(router, word)("/a", name="it")(view)
    (route,) = router.routes
    assert handler is view
    assert (route.methods, route.name, route.handler) == ((word.upper(),), "it", view)


def test_any_registers_every_method_that_browsers_send() -> None:
    router = Router()
    router.any("/a")(view)
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert isinstance(router.find(method, "/a"), tuple), method
    assert router.find("TRACE", "/a") == set(router.routes[0].methods)


# Options


def test_a_misspelt_option_is_refused_with_the_one_it_means() -> None:
    options: dict[str, Any] = {"permision": "authenticated"}
    with pytest.raises(TypeError) as caught:
        Router().add("/a", view, **options)
    assert str(caught.value) == (
        "the route '/a' has no option 'permision'; did you mean 'permission'?"
    )


def test_an_option_that_is_like_none_is_told_which_there_are() -> None:
    options: dict[str, Any] = {"zzz": 1}
    with pytest.raises(TypeError) as caught:
        Router().get("/a", **options)(view)
    assert str(caught.value) == (
        "the route '/a' has no option 'zzz'; known: limits, cancel_on_disconnect, permission"
    )


@pytest.mark.parametrize("word", ["get", "post", "put", "patch", "delete", "options"])
def test_an_application_refuses_them_too(word: str) -> None:
    options: dict[str, Any] = {"cancel_on_disconect": True}
    with pytest.raises(TypeError, match="'cancel_on_disconnect'"):
        getattr(OpenViper(), word)("/a", **options)(view)


def test_options_reach_the_route() -> None:
    router, limits = Router(), BodyLimits(json=10)
    router.add("/a", view, limits=limits, cancel_on_disconnect=True)
    (route,) = router.routes
    assert (route.limits, route.cancel_on_disconnect) == (limits, True)


def test_a_route_that_was_refused_leaves_nothing_behind() -> None:
    router = Router()
    options: dict[str, Any] = {"zzz": 1}
    attempts: list[Callable[[], None]] = [
        lambda: router.add("/a", view, **options),
        lambda: router.add("/{x", view),
        lambda: router.add("/a", view, methods=["G T"]),
        lambda: router.mount("/{x}", OpenViper()),
        lambda: router.include_router(router),
    ]
    for register in attempts:
        with pytest.raises((TypeError, ValueError)):
            register()
    assert router.routes == []


# Handlers, applications and routers


@pytest.mark.parametrize("handler", [None, "views.show", 5, object()])
def test_what_cannot_be_called_is_no_handler(handler: Any) -> None:
    with pytest.raises(TypeError) as caught:
        Router().add("/a", handler)
    assert str(caught.value) == f"the handler of '/a' cannot be called: {handler!r}"


@pytest.mark.parametrize("app", [None, "project.asgi:app"])
def test_what_cannot_be_called_is_not_mounted(app: Any) -> None:
    with pytest.raises(TypeError) as caught:
        Router().mount("/a", app)
    assert str(caught.value) == f"what is mounted at '/a' cannot be called: {app!r}"


@pytest.mark.parametrize("inner", [None, "blog.routes", OpenViper, [Router()]])
def test_only_routers_are_included(inner: Any) -> None:
    for mount in (Router().include_router, include):
        with pytest.raises(TypeError) as caught:
            mount(inner)
        assert str(caught.value) == f"only a Router can be included, not {inner!r}"


def test_a_text_is_not_taken_for_a_list_of_tags() -> None:
    tags: Any = "blog"
    with pytest.raises(TypeError, match=r"^the tags of a router are a list such as \['blog'\]"):
        Router(tags=tags)


@pytest.mark.parametrize("permission", [5, b"x", (), view, object])
def test_what_is_no_permission_is_refused_where_it_is_written(permission: Any) -> None:
    for register in (
        lambda: Router(permission=permission),
        lambda: Router().add("/a", view, permission=permission),
        lambda: Router().websocket("/a", permission=permission)(view),
    ):
        with pytest.raises(TypeError) as caught:
            register()
        assert str(caught.value) == f"{permission!r} is not a permission"


def test_a_permission_that_cannot_be_imported_is_refused_where_it_is_written() -> None:
    with pytest.raises(ImportError, match="no_such_module"):
        Router().add("/a", view, permission="no_such_module.Rule")


class Allowing(BasePermission):
    """Allows everybody."""

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        """Allow."""
        return True


class Refusing(BasePermission):
    """Refuses everybody, and notes that it was asked."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        """Refuse."""
        self.seen.append("permission")
        return False


def test_tags_and_permissions_go_down_to_the_routes_of_included_routers() -> None:
    outer_one, inner_one, own = Allowing(), Allowing(), Allowing()
    outer = Router(tags=["a"], permission=outer_one)
    plain, guarded = Router(tags=["b"]), Router(permission=inner_one)
    plain.add("/plain", view)
    guarded.add("/guarded", view)
    guarded.add("/own", view, permission=own)
    outer.include_router(plain)
    outer.include_router(guarded)
    found = {route.path: (route.tags, route.permission) for route in outer.routes}
    assert found == {
        "/plain": (("a", "b"), outer_one),
        "/guarded": (("a",), inner_one),
        "/own": (("a",), own),
    }


# Patterns that no request has


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/a?x=1", "'?' is in no path"),
        ("/a/{id:int}?page={page}", "'?' is in no path"),
        ("/a#part", "'#' is in no path"),
        ("/a\0b", r"'\x00' is in no path"),
        ("/a\ud800b", r"'\ud800' is in no path"),
        ("/a//b", "it has the segment ''"),
        ("/{x}//b", "it has the segment ''"),
        ("/a/../b", "it has the segment '..'"),
        ("/a/./b", "it has the segment '.'"),
        ("/..", "it has the segment '..'"),
    ],
)
def test_a_pattern_that_no_request_has_is_refused(path: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        Router().add(path, view)
    assert str(caught.value) == f"no request has the path {path!r}: {why}"


@pytest.mark.parametrize("path", ["/a%20b", "/caf%C3%A9", "/{x}/%2f", "/a%00"])
def test_patterns_are_written_decoded(path: str) -> None:
    with pytest.raises(ValueError) as caught:
        Router().add(path, view)
    assert str(caught.value) == f"path {path!r} is percent-encoded; patterns are written decoded"


@pytest.mark.parametrize(
    ("pattern", "request_path"),
    [
        ("/a b", "/a b"),
        ("/café/{x}", "/café/1"),
        ("/100%", "/100%"),
        ("/\u05d0\u05d1", "/\u05d0\u05d1"),
        ("/\U0001f40d", "/\U0001f40d"),
        ("/a..b", "/a..b"),
        ("/...", "/..."),
        ("/.well-known/x", "/.well-known/x"),
        ("no-slash", "/no-slash"),
        ("//a//", "/a"),
        ("", "/"),
    ],
)
def test_odd_patterns_that_requests_do_have_are_found(pattern: str, request_path: str) -> None:
    router = Router()
    router.add(pattern, lambda **rest: "x")
    assert router.resolve("GET", request_path)[0] is router.routes[0]


def test_a_prefix_is_looked_at_when_the_routes_are_put_together() -> None:
    for prefix, word in (
        ("/{x", "unbalanced braces"),
        ("/a%20", "decoded"),
        ("/{id}", "'id' occurs"),
    ):
        router = Router(prefix=prefix)
        router.add("/{id}", view)
        with pytest.raises(ValueError, match=word):
            router.compile()


def test_a_router_may_be_included_twice_and_has_routes_at_both_places() -> None:
    inner, outer = Router(), Router()
    inner.add("/x", view, name="x")
    outer.include_router(inner, "/one", "one")
    outer.include_router(inner, "/two", "two")
    inner.add("/later", view, name="later")
    assert [route.name for route in outer.routes] == ["one:x", "one:later", "two:x", "two:later"]
    assert outer.url_for("two:later") == "/two/later"


def test_a_router_that_no_application_holds_any_more_is_not_kept() -> None:
    inner = Router()
    outer = Router()
    outer.include_router(inner)
    gone = weakref.ref(outer)
    del outer
    gc.collect()
    assert gone() is None
    inner.add("/x", view)
    assert len(inner.routes) == 1


# The order of what wraps a handler


async def test_who_may_not_is_refused_before_any_middleware_of_routes() -> None:
    seen: list[str] = []

    def middleware(handler: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(request: Request) -> Any:
            seen.append("middleware")
            return handler(request)

        return wrapped

    app = OpenViper(debug=False)
    app.router.add("/a", view, middlewares=[middleware], permission=Refusing(seen))
    answer = await app.test_client().get("/a")
    assert answer.status_code in (401, 403)
    assert seen == ["permission"]


def test_every_mistake_of_handlers_is_told_at_once() -> None:
    router = Router()
    router.add("/a/{id}", lambda request, idd: "x")
    router.add("/b/{name}", lambda request, nam, more: "x")
    with pytest.raises(ImproperlyConfigured) as caught:
        router.compile()
    message = str(caught.value)
    assert "wants 'idd', which the path '/a/{id}' does not have; did you mean 'id'?" in message
    assert "wants 'nam', which the path '/b/{name}' does not have; did you mean 'name'?" in message


def a_handler(request: Request) -> str:
    """Be decorated."""
    return ""


@pytest.mark.parametrize(
    "word", ["get", "post", "put", "patch", "delete", "options", "any", "websocket"]
)
def test_a_decorator_without_its_path_is_a_mistake_and_no_route_that_is_missing(word: str) -> None:
    with pytest.raises(TypeError, match="a_handler"):
        getattr(Router(), word)(a_handler)
    if word != "any":
        with pytest.raises(TypeError, match="a_handler"):
            getattr(OpenViper(), word)(a_handler)


@pytest.mark.parametrize("what", [a_handler, "404", None, 4.04, [404], NotFound()])
def test_a_handler_of_errors_is_for_a_class_or_a_status(what: Any) -> None:
    with pytest.raises(TypeError, match="takes a class of exceptions or a status"):
        OpenViper().exception_handler(what)


def test_other_decorators_without_what_they_need_are_mistakes_too() -> None:
    for odd in (a_handler, "https://a.example", None):
        with pytest.raises(TypeError, match="takes a CORSPolicy"):
            cors_policy(odd)  # type: ignore[arg-type]  # what the test is about
    for odd in (a_handler, "POST"):
        with pytest.raises(TypeError, match="methods of an action"):
            action(odd)  # type: ignore[arg-type]  # what the test is about


async def test_work_after_the_answer_is_a_function() -> None:
    async def later() -> None:
        """Be called too soon."""

    request = Request({"type": "http", "headers": []})
    coroutine = later()
    for odd in (coroutine, None, "later"):
        with pytest.raises(TypeError, match="takes a function"):
            request.after_response(odd)  # type: ignore[arg-type]  # what the test is about
    coroutine.close()
    with pytest.raises(TypeError, match="not a text"):
        preferred_type(request, "text/html")
