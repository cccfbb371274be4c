"""Patterns of hosts."""

from __future__ import annotations

import itertools

import pytest

from openviper import Router
from openviper.routing.hosts import NO_HOST, is_label, parse_host
from openviper.routing.table import Table


def router_for(host: str, answer: str, path: str = "/x") -> Router:
    """Return a router of one host with one route, named like the answer."""
    router = Router(host=host)
    router.add(path, lambda **rest: answer, name=answer)
    return router


def table_of(*routers: Router) -> Table:
    """Return the table of an application with these routers."""
    outer = Router()
    for router in routers:
        outer.include_router(router)
    return outer.compiled()


def found(table: Table, host: str | None, path: str = "/x") -> tuple[str, dict[str, object]] | None:
    """Return the name of the route that answers, and its parameters."""
    outcome = table.find("GET", path, host)
    return (outcome[0].name, outcome[1]) if isinstance(outcome, tuple) else None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("{Tenant}.Example.org", "{Tenant}.example.org"),
        ("API-{Name:slug}.x", "api-{Name:slug}.x"),
        ("localhost", "localhost"),
        ("[::1]", "[::1]"),
        ("10.0.0.1", "10.0.0.1"),
        ("_sip.example.org", "_sip.example.org"),
    ],
)
def test_the_form_in_which_hosts_are_compared(pattern: str, text: str) -> None:
    assert parse_host(pattern).text == text


def test_no_pattern_is_that_of_every_host() -> None:
    assert parse_host("") is NO_HOST
    assert Router().host == ""


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("example.org:8000", "'org:8000' in host 'example.org:8000' is in no host name"),
        ("https://example.org", "'https://example' in host 'https://example.org' is in no host"),
        ("example.org/x", "'org/x' in host"),
        ("bücher.example", "'bücher' in host 'bücher.example' is in no host name"),
        ("a b.example", "'a b' in host"),
        ("a\0b", r"'a\x00b' in host"),
        ("*.example.org", "'*' in host"),
        (".example.org", "host '.example.org' has an empty label"),
        ("a..example", "host 'a..example' has an empty label"),
        ("example.org..", "host 'example.org..' has an empty label"),
        (".", "host '.' has an empty label"),
        ("{x:path}.example.org", "holds one label, so it is no path"),
        ("{x:integer}.example.org", "unknown converter 'integer'"),
        ("{x.example.org", "unbalanced braces"),
        ("{a}{b}.example.org", "nothing stands between"),
    ],
)
def test_a_pattern_that_no_host_has_is_refused_with_the_router(pattern: str, word: str) -> None:
    with pytest.raises(ValueError) as caught:
        Router(host=pattern)
    assert word in str(caught.value)


def test_a_parameter_of_the_host_and_of_the_path_are_not_one() -> None:
    router = Router(host="{id}.example.org")
    with pytest.raises(ValueError) as caught:
        router.add("/x/{id:int}", lambda id: id)
    assert str(caught.value) == (
        "parameter 'id' occurs in host '{id}.example.org' and in path '/x/{id:int}'"
    )


def test_capitals_in_the_name_of_a_parameter_stay() -> None:
    table = table_of(router_for("{TenantName}.Example.org", "shop"))
    assert found(table, "acme.EXAMPLE.org") == ("shop", {"TenantName": "acme"})


def test_hosts_whose_parameters_are_called_differently_are_one_host() -> None:
    table = table_of(
        router_for("{tenant}.example.org", "a", "/a"), router_for("{t}.example.org", "b", "/b/{n}")
    )
    assert found(table, "x.example.org", "/a") == ("a", {"tenant": "x"})
    assert found(table, "x.example.org", "/b/5") == ("b", {"t": "x", "n": "5"})


def test_the_narrower_host_goes_first_whatever_the_order() -> None:
    hosts = ("www.example.org", "{n:int}.example.org", "{x}.example.org", "{x}.{y}.org")
    expected = {
        "www.example.org": hosts[0],
        "7.example.org": hosts[1],
        "seven.example.org": hosts[2],
        "a.b.org": hosts[3],
    }
    for order in itertools.permutations(hosts):
        table = table_of(*(router_for(host, host) for host in order))
        for host, name in expected.items():
            outcome = found(table, host)
            assert outcome is not None and outcome[0] == name, (order, host)


@pytest.mark.parametrize(
    "host", [None, "", ".", "example.org", "a.b.example.org", ".example.org", "a.example.org.evil"]
)
def test_other_hosts_get_what_is_for_every_host(host: str | None) -> None:
    general = Router()
    general.add("/x", lambda request: "x", name="general")
    table = table_of(router_for("{tenant}.example.org", "own"), general)
    assert found(table, host) == ("general", {})
    assert found(table, "a.example.org.") == ("own", {"tenant": "a"})


def test_a_host_that_lacks_the_method_leaves_it_to_every_host() -> None:
    general = Router()
    general.add("/x", lambda request: "x", ["POST"], name="general")
    table = table_of(router_for("api.example.org", "own"), general)
    outcome = table.find("POST", "/x", "api.example.org")
    assert isinstance(outcome, tuple) and outcome[0].name == "general"
    assert table.find("DELETE", "/x", "api.example.org") == {"GET", "POST"}
    assert table.find("DELETE", "/x", "other.example.org") == {"POST"}


def test_the_host_of_an_included_router_wins_over_that_around_it() -> None:
    outer, inner, plain = Router(host="outer.example"), Router(host="inner.example"), Router()
    inner.add("/i", lambda request: "x", name="i")
    plain.add("/p", lambda request: "x", name="p")
    outer.include_router(inner)
    outer.include_router(plain)
    table = outer.compiled()
    assert found(table, "inner.example", "/i") == ("i", {})
    assert found(table, "outer.example", "/i") is None
    assert found(table, "outer.example", "/p") == ("p", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", True), ("a-b_1", True), ("", False), ("a.b", False), ("a:1", False), ("é", False)],
)
def test_what_a_label_is(text: str, expected: bool) -> None:
    assert is_label(text) is expected


@pytest.mark.parametrize("tenant", ["evil.com", "a:b", "a@b", "é", "a b", "a\n", "a%2e"])
def test_an_address_of_another_host_is_not_built(tenant: str) -> None:
    router = router_for("{tenant}.example.org", "shop")
    with pytest.raises(ValueError) as caught:
        router.url_for("shop", tenant=tenant)
    assert str(caught.value) == f"{tenant!r} of route 'shop' is no label of a host"


@pytest.mark.parametrize("tenant", ["a", "A-b_1", "7"])
def test_an_address_of_a_host_is_read_back(tenant: str) -> None:
    router = router_for("{tenant}.example.org", "shop", "/x/{n:int}")
    address = router.url_for("shop", tenant=tenant, n=5)
    assert address == f"//{tenant}.example.org/x/5"
    host, _, path = address[2:].partition("/")
    assert found(router.compiled(), host, f"/{path}") == (
        "shop",
        {"tenant": tenant.lower(), "n": 5},
    )
