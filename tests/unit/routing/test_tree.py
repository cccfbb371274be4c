"""The tree of routes, compared with trying each route in order of how specific it is."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from openviper.exceptions import MethodNotAllowed, NotFound
from openviper.routing import Router
from openviper.routing.converters import CONVERTERS, parse_parameter
from openviper.routing.paths import below_root, sanitize_request_path
from openviper.routing.route import Route
from openviper.routing.router import with_automatic
from openviper.routing.segments import parse_path, parse_segment
from openviper.routing.tree import Node

SEGMENTS = (
    "a",
    "b",
    "{}",
    "{:int}",
    "{:slug}",
    "{:float}",
    "{:path}",
    "x-{}",
    "{}.txt",
    "{:int}-{:int}",
)
TEXTS = ("a", "b", "5", "5-6", "1.5", "x-1", "a.txt", "5.txt", "a-b", "é", "")


def handler(**values: Any) -> str:
    """Answer with nothing."""
    return ""


def some_path(dice: random.Random) -> str:
    """Return a pattern with parameters of its own."""
    numbers = itertools.count()
    path = ""
    for _ in range(dice.randrange(0, 4)):
        segment = dice.choice(SEGMENTS)
        while "{}" in segment or "{:" in segment:
            segment = segment.replace("{}", f"{{p{next(numbers)}}}", 1) if "{}" in segment else segment.replace("{:", f"{{p{next(numbers)}:", 1)  # fmt: skip
        path += f"/{segment}"
    return path or "/"


@pytest.mark.parametrize("seed", range(25))
def test_the_tree_finds_what_trying_each_route_finds(seed: int) -> None:
    dice = random.Random(seed)
    routes: dict[Any, Route] = {}
    for _ in range(8):
        path = some_path(dice)
        if path.count(":path}") > 1:
            continue
        route = Route(path, ["GET"], handler)
        shape = tuple(segment.shape for segment in route.segments)
        routes.setdefault(shape, route)
    tree = Node[Route]()
    for route in routes.values():
        tree.add(route)
    for _ in range(150):
        path = "/" + "/".join(dice.choice(TEXTS) for _ in range(dice.randrange(1, 5)))
        if path != "/" and (path.endswith("/") or "//" in path):
            continue
        found = tree.find(path[1:].split("/"))
        fitting = sorted(
            (route for route in routes.values() if route.match(path) is not None),
            key=lambda route: route.specificity,
        )
        assert [match[0]["GET"].specificity for match in found] == [
            route.specificity for route in fitting
        ], path
        for place, values in found:
            route = place["GET"]
            assert route.name_values(values) == route.match(path), path


@pytest.mark.parametrize("kind", CONVERTERS)
def test_each_type_reads_what_it_says_and_its_reader_agrees(kind: str) -> None:
    converter = CONVERTERS[kind]
    read = converter.reader()
    texts = ("a", "7", "007", "1.5", "1.", ".5", "-1", "+1", "é", "٣", "½", "", " ", "1 ", "a b", "\n", "7\n", "0" * 18, "9" * 19, "00000000-0000-0000-0000-00000000000A", "a_b-c", "1e5", "1_0")  # fmt: skip
    for text in texts:
        value = converter.read(text)
        assert read(text) == (None if value is None else (value,)), text
        if value is not None:
            assert all(converter.alphabet.match(letter) for letter in text), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id", ("id", "str")),
        ("id:", ("id", "str")),
        ("id:int", ("id", "int")),
        ("é:slug", ("é", "slug")),
    ],
)
def test_what_stands_in_braces(text: str, expected: tuple[str, str]) -> None:
    assert parse_parameter(text, "/x") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' in path '/x' is not a valid parameter name"),
        ("1a", "'1a' in path '/x' is not a valid parameter name"),
        ("a b", "'a b' in path '/x' is not a valid parameter name"),
        (":int", "'' in path '/x' is not a valid parameter name"),
        (
            "a:number",
            "unknown converter 'number' in path '/x'; known: str, int, float, uuid, slug, path",
        ),
        ("a: int", "unknown converter ' int' in path '/x'"),
        ("a:int:int", "unknown converter 'int:int' in path '/x'"),
    ],
)
def test_what_cannot_stand_in_braces_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_parameter(text, "/x")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/{a", "unbalanced braces in path '/{a'"),
        ("/a}", "unbalanced braces in path '/a}'"),
        ("/{{a}}", "unbalanced braces in path"),
        ("/{a}{b}", "nothing stands between 'a' and 'b'"),
        ("/{a}/{a}", "parameter 'a' occurs twice in path '/{a}/{a}'"),
        ("/{a}-{a}", "parameter 'a' occurs twice in path '/{a}-{a}'"),
        ("/{a:path}/{b:path}", "has two parameters that may hold slashes; one can be told"),
        ("/{a:path}{b:int}", "a path parameter shares its segment with another one"),
        ("/{a:uuid}-{b:int}", "'a' could hold the '-' beside it"),
        ("/{a:int}7{b:int}", "'a' could hold the '7' beside it"),
        ("/{a:slug}-{b}-{c:int}", "it is not clear where 'a' ends and 'b' begins"),
    ],
)
def test_a_pattern_that_cannot_be_is_named(path: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_path(path)
    assert message in str(caught.value) and repr(path) in str(caught.value)


def test_a_segment_without_parameters_matches_itself_only() -> None:
    segment = parse_segment("a.b", "/a.b")
    assert segment.is_literal and segment.match("a.b") == () and segment.match("axb") is None
    framed = parse_segment("a{x}a", "/a{x}a")
    assert [framed.match(text) for text in ("a", "aa", "aba", "aab", "baa")] == [
        None, None, ("b",), None, None,
    ]  # fmt: skip


# Paths of requests


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/a", "", "/a"),
        ("/api/a", "/api", "/a"),
        ("/api", "/api", "/"),
        ("/api/", "/api", "/"),
        ("/apiary", "/api", "/apiary"),
        ("/a", "/api", "/a"),
        ("/", "/api", "/"),
    ],
)
def test_the_path_below_the_prefix(path: str, root: str, expected: str) -> None:
    assert below_root({"path": path, "root_path": root}) == expected
    assert below_root({"path": path, "root_path": root} if root else {"path": path}) == expected


@pytest.mark.parametrize(
    "path", ["/a", "/é/\U0001f40d", "/a b", "/a..b/...", "/100%", "/%zz", "/a%20b", "/"]
)
def test_a_path_in_its_normal_form_stays(path: str) -> None:
    assert sanitize_request_path(path) == path
    assert sanitize_request_path(f"/{path}".replace("/", "//")) in (path, f"{path}")


# Methods


def test_what_is_answered_without_a_handler_of_its_own() -> None:
    assert with_automatic({"POST"}) == {"POST", "OPTIONS"}
    assert with_automatic({"GET"}) == {"GET", "HEAD", "OPTIONS"}
    assert with_automatic(set()) == {"OPTIONS"}


@pytest.mark.parametrize("path", ["/a", "/a/7", "/b/7/c"])
def test_another_method_is_told_what_the_path_has(path: str) -> None:
    router = Router()
    for pattern in ("/a", "/a/{id:int}", "/b/{rest:path}/c"):
        router.add(pattern, handler, ["GET", "PUT"])
    with pytest.raises(MethodNotAllowed) as caught:
        router.resolve("DELETE", path)
    assert caught.value.allowed == ["GET", "HEAD", "OPTIONS", "PUT"]
    with pytest.raises(NotFound):
        router.resolve("DELETE", path + "/nope")


def test_mounted_applications_are_listed_once_and_their_routes_last() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing."""

    router = Router()
    router.mount("/sub", app, "sub")
    router.add("/sub/own", handler)
    (mount,) = router.mounts
    assert mount.app is app
    assert router.resolve("GET", "/sub/own")[0].handler is handler
    for path, rest in (("/sub/other/deep", "other/deep"), ("/sub/own/more", "own/more")):
        route, params = router.resolve("TRACE", path)
        assert route.handler is mount and params == {"path": rest}
    assert router.url_for("sub", path="a/b/") == "/sub/a/b/"
    assert router.url_for("sub-root") == "/sub"


def test_a_large_router_is_searched_in_time_that_does_not_depend_on_its_size() -> None:
    router = Router()
    for number in range(200):
        router.add(f"/app{number}/{{id:int}}/x", handler, name=f"r{number}")
    table = router.compiled()
    for number in (0, 100, 199):
        found = table.find("GET", f"/app{number}/5/x", None)
        assert isinstance(found, tuple) and found[0].name == f"r{number}"
    assert table.find("GET", "/app200/5/x", None) == set()
