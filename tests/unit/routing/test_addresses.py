"""Addresses that are built lead back to their route with the same values, or are not built."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import unquote

import pytest

from openviper import Router
from openviper.http.redirects import RedirectResponse
from openviper.routing.route import Route


def build(pattern: str, **params: Any) -> str:
    """Return the address of a route."""
    return Route(pattern, ["GET"], lambda **rest: "x", "page").build_url(params)


@pytest.mark.parametrize(
    ("pattern", "params", "address"),
    [
        ("/a b/{x}", {"x": "c d"}, "/a%20b/c%20d"),
        ("/café", {}, "/caf%C3%A9"),
        ("/@{name}", {"name": "me"}, "/%40me"),
        ("/a:b@c/x", {}, "/a:b@c/x"),
        ("/100%", {}, "/100%25"),
        ("/{x}", {"x": "\U0001f40d"}, "/%F0%9F%90%8D"),
        ("/{x}", {"x": "\u202eabc"}, "/%E2%80%AEabc"),
        ("/{x}", {"x": "a?b#c&d"}, "/a%3Fb%23c%26d"),
        ("/{x}", {"x": "\\evil.com"}, "/%5Cevil.com"),
        ("/{x}", {"x": "100%"}, "/100%25"),
        ("/{x}", {"x": "a\nb"}, "/a%0Ab"),
        ("/f/{x:path}", {"x": "a/b c/d"}, "/f/a/b%20c/d"),
        ("/f/{x:path}", {"x": "dir/"}, "/f/dir/"),
        ("/n/{x:int}", {"x": 0}, "/n/0"),
        ("/n/{x:float}", {"x": 2.5}, "/n/2.5"),
        ("/", {}, "/"),
    ],
)
def test_addresses_are_percent_encoded(pattern: str, params: dict[str, Any], address: str) -> None:
    assert build(pattern, **params) == address


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("/{x:path}", "/evil.com"),
        ("/{x:path}", "/evil.com/a"),
        ("/f/{x:path}", "/a"),
        ("/f/{x:path}", "a//b"),
        ("/f/{x:path}", "a/./b"),
        ("/f/{x:path}", "a/."),
        ("/f/{x}/b", "."),
        ("/f/.{x}", "."),
        ("/f/{x}", "a%2Fb"),
        ("/f/{x}", "%2e%2e"),
        ("/f/{x}", "%252e%252e"),
        ("/f/{x}", "\ud800"),
        ("/f/{x}", "a\udfffb"),
        ("/f/{x:path}", "a\\..\\b"),
    ],
)
def test_an_address_that_would_be_refused_or_lead_elsewhere_is_not_built(
    pattern: str, value: str
) -> None:
    path = pattern.replace("{x:path}", value).replace("{x}", value)
    with pytest.raises(ValueError) as caught:
        build(pattern, x=value)
    assert str(caught.value) == f"{path!r} of route 'page' is no path that can be asked for"


@pytest.mark.parametrize(
    ("pattern", "value", "kind"),
    [
        ("/{x}", "", "str"),
        ("/{x}", "a/b", "str"),
        ("/{x}", "..", "str"),
        ("/{x}", "\0", "str"),
        ("/{x:int}", -1, "int"),
        ("/{x:int}", 10**18, "int"),
        ("/{x:int}", True, "int"),
        ("/{x:int}", "٣", "int"),
        ("/{x:int}", "5\n", "int"),
        ("/{x:float}", 1e30, "float"),
        ("/{x:float}", float("nan"), "float"),
        ("/{x:float}", "1.", "float"),
        ("/{x:slug}", "a b", "slug"),
        ("/{x:slug}", "é", "slug"),
        ("/{x:uuid}", "0", "uuid"),
        ("/f/{x:path}", "a/../b", "path"),
        ("/f/{x:path}", "", "path"),
    ],
)
def test_a_value_that_does_not_fit_is_named(pattern: str, value: Any, kind: str) -> None:
    with pytest.raises(ValueError) as caught:
        build(pattern, x=value)
    assert str(caught.value) == f"{str(value)!r} does not fit 'x' ({kind}) of route 'page'"


def test_none_is_no_value() -> None:
    for params in ({}, {"x": None}):
        with pytest.raises(ValueError, match="^route 'page' needs a value for 'x'$"):
            build("/{x}", **params)


def test_a_parameter_that_the_route_does_not_have_is_not_dropped() -> None:
    with pytest.raises(ValueError, match="^route 'page' has no parameter 'page_number'$"):
        build("/{x}", x="a", page_number=2)
    with pytest.raises(ValueError, match="^route 'page' has no parameter 'x'$"):
        build("/", x="a")


def test_a_parameter_may_be_called_like_an_argument_of_ours() -> None:
    router = Router()
    router.add("/{name}/{self}", lambda **rest: "x", name="page")
    assert router.url_for("page", **{"name": "a", "self": "b"}) == "/a/b"


PATTERNS = (
    "/{x}",
    "/a/{x}",
    "/{x:path}",
    "/a/{x:path}",
    "/{x:path}/edit",
    "/{x}.html",
    "/a-{x}-b",
    "/{x:slug}/{y}",
    "/{x:slug}-{y:slug}",
    "/{x:int}-{y}",
)
PIECES = (
    "a",
    "/",
    ".",
    "..",
    "-",
    "%",
    "%2f",
    "%2e",
    " ",
    "é",
    "\\",
    "\0",
    "?",
    "#",
    "\n",
    "5",
    "//",
)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_built_is_found_again_with_the_same_values(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(60):
        router = Router()
        pattern = dice.choice(PATTERNS)
        router.add(pattern, lambda **rest: "x", name="page")
        (route,) = router.routes
        values = {
            name: "".join(dice.choice(PIECES) for _ in range(dice.randrange(1, 5)))
            for name in route.names
        }
        try:
            address = router.url_for("page", **values)
        except ValueError:
            continue
        assert address.isascii() and not address.startswith("//"), (pattern, values)
        found, params = router.resolve("GET", unquote(address))
        expected = {name: text.removesuffix("/") for name, text in values.items()}
        converted = {name: str(value) for name, value in params.items()}
        assert (found, converted) == (route, expected), (pattern, values)


def test_a_redirect_takes_parameters_of_named_routes_only() -> None:
    for url in ("/there", "https://testserver/x", "blog:post"):
        with pytest.raises(ValueError) as caught:
            RedirectResponse(url, statuscode=303, id=5)
        assert str(caught.value) == (
            f"{url!r} is not the name of a route here, so nothing takes 'statuscode', 'id'"
        )
    assert RedirectResponse("/there", 303).status_code == 303
