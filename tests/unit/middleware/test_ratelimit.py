"""Limits on how often somebody may ask."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.exceptions import ImproperlyConfigured
from openviper.http.views import View
from openviper.middleware import RateLimitMiddleware, rate_limit
from openviper.middleware.counters import CounterUnavailableError, MemoryCounter, hashed_key
from openviper.middleware.ratelimit import Limit, by_address, by_path, by_user
from openviper.testing import override_openviper_settings as override
from openviper.testing.responses import TestResponse


class Clock:
    """A time that tests set."""

    def __init__(self) -> None:
        self.now = 6000.0

    def __call__(self) -> float:
        return self.now


async def test_requests_beyond_the_limit_wait_for_the_window_to_pass() -> None:
    clock = Clock()
    limit = Limit(3, 60, MemoryCounter(), clock)
    assert [(await limit.take("a")).remaining for _ in range(3)] == [2, 1, 0]
    refused = await limit.take("a")
    assert (refused.remaining, refused.retry_after, refused.reset) == (0, 80, 60)
    assert (await limit.take("b")).remaining == 2
    clock.now += 150
    assert (await limit.take("a")).remaining == 2


async def test_the_window_slides_so_that_its_edge_gives_nothing_away() -> None:
    clock = Clock()
    limit = Limit(10, 60, MemoryCounter(), clock)
    clock.now += 59
    for _ in range(10):
        assert not (await limit.take("a")).retry_after
    clock.now += 2
    passed = [not (await limit.take("a")).retry_after for _ in range(10)]
    assert sum(passed) <= 1


async def test_a_process_counts_a_bounded_number_of_keys() -> None:
    counter = MemoryCounter(max_keys=10)
    for number in range(100):
        await counter.hit(str(number), 1, 60)
    assert len(counter._counts) == 10


def app_limited(**options: Any) -> OpenViper:
    """Return an application behind the middleware."""
    app = OpenViper(debug=False, middleware=[(RateLimitMiddleware, options)])
    app.get("/x")(lambda: "x")
    app.get("/y")(lambda: "y")
    return app


async def test_the_middleware_answers_429_with_what_clients_need() -> None:
    client = app_limited(max_requests=2, window_seconds=3600).test_client()
    first = await client.get("/x")
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("2", "1")
    await client.get("/y")
    refused = await client.get("/x")
    assert (refused.status_code, refused.json()["detail"]) == (429, "Too many requests.")
    assert 0 < int(refused.headers["retry-after"]) <= 3600 + 1800
    other = app_limited(max_requests=2, window_seconds=3600).test_client(client=("10.0.0.1", 1))
    assert (await other.get("/x")).status_code == 200


async def test_the_settings_are_read() -> None:
    with override(RATE_LIMIT_REQUESTS=1, RATE_LIMIT_WINDOW=3600, RATE_LIMIT_BY="path"):
        client = app_limited().test_client()
        statuses = [(await client.get(path)).status_code for path in ("/x", "/x", "/y")]
    assert statuses == [200, 429, 200]


async def test_the_setting_alone_limits_requests_and_refusals_have_security_headers() -> None:
    for by in ("ip", "user"):
        with override(RATE_LIMIT_REQUESTS=2, RATE_LIMIT_WINDOW=3600, RATE_LIMIT_BY=by):
            app = OpenViper(debug=False)
            app.get("/x")(lambda: "x")
            client = app.test_client()
            answers = [await client.get("/x") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert all(answer.headers["x-frame-options"] == "DENY" for answer in answers)
    free = OpenViper(debug=False)
    free.get("/x")(lambda: "x")
    assert "ratelimit-limit" not in (await free.test_client().get("/x")).headers


async def test_a_listed_middleware_without_a_number_is_a_mistake() -> None:
    with pytest.raises(ImproperlyConfigured, match="RATE_LIMIT_REQUESTS"):
        RateLimitMiddleware(OpenViper())


async def test_one_handler_may_have_a_limit_of_its_own() -> None:
    app = OpenViper(debug=False)

    @app.get("/login/{name}")
    @rate_limit(max_requests=1, window_seconds=3600)
    async def login(request: Request, name: str) -> str:
        return name

    app.get("/free")(lambda: "free")
    client = app.test_client()
    assert (await client.get("/login/a")).text == "a"
    refused = await client.get("/login/b")
    assert refused.status_code == 429 and "retry-after" in refused.headers
    assert (await client.get("/free")).status_code == 200


def told(response: TestResponse) -> list[str | None]:
    """Return what an answer says of a limit."""
    assert len([name for name, _ in response.headers.raw if name == b"ratelimit-limit"]) <= 1
    return [response.headers.get(f"ratelimit-{name}") for name in ("limit", "remaining")]


async def test_answers_tell_of_the_limit_of_which_least_is_left() -> None:
    options = {"max_requests": 4, "window_seconds": 3600}
    app = OpenViper(debug=False, middleware=[(RateLimitMiddleware, options)])

    @app.get("/own")
    @rate_limit(2, 3600)
    @rate_limit(50, 3600)
    async def own(request: Request) -> str:
        return "x"

    app.get("/other")(lambda: "x")
    client = app.test_client()
    answers = [await client.get(path) for path in ("/own", "/other", "/own", "/own", "/other")]
    assert list(map(told, answers)) == [["2", "1"], ["4", "2"], ["2", "0"], ["2", "0"], ["4", "0"]]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert all("ratelimit-reset" in answer.headers for answer in answers)


def request_of(address: str, user: Any = None) -> Request:
    """Return a request of somebody."""
    client = (address, 1) if address else None
    scope = {"type": "http", "path": "/p", "headers": [], "client": client, "user": user}
    return Request(scope)


def test_what_requests_are_counted_by() -> None:
    user = type("User", (), {"pk": 7})()
    assert by_address(request_of("1.2.3.4")) == "1.2.3.4"
    assert by_address(request_of("2001:db8:1:2::1")) == by_address(request_of("2001:db8:1:2:3::9"))
    assert by_address(request_of("")) == "unknown"
    assert by_user(request_of("1.2.3.4", user)) == "user:7"
    assert by_user(request_of("1.2.3.4")) == "1.2.3.4"
    assert by_path(request_of("1.2.3.4")) == "1.2.3.4 /p"
    assert hashed_key("a", "bc") != hashed_key("ab", "c")


@pytest.mark.parametrize(("requests", "seconds"), [(0, 60), (1, 0), (-1, 1)])
def test_a_limit_that_lets_nothing_through_is_a_mistake(requests: int, seconds: float) -> None:
    with pytest.raises(ValueError):
        Limit(requests, seconds, MemoryCounter())


@pytest.mark.parametrize("requests", [1, 2, 3, 10])
@pytest.mark.parametrize("begins", [0, 1, 29, 59])
@pytest.mark.parametrize("asked", [0, 1, 30])
async def test_who_waits_as_long_as_he_is_told_is_let_through_and_not_much_later_than_possible(
    requests: int, begins: int, asked: int
) -> None:
    clock = Clock()
    counter = MemoryCounter()
    limit = Limit(requests, 60, counter, clock)
    clock.now += begins
    verdicts = [await limit.take("a") for _ in range(requests + asked)]
    refused = next((each for each in verdicts if each.retry_after), await limit.take("a"))
    while refused.retry_after:
        sooner, clock.now = clock.now + refused.retry_after - 2, clock.now + refused.retry_after
        counted = dict(counter._counts)
        verdict = await limit.take("a")
        assert not verdict.retry_after
        counter._counts.clear()
        counter._counts.update(counted)
        clock.now = sooner
        assert refused.retry_after <= 2 or (await limit.take("a")).retry_after
        break


async def test_who_is_refused_again_and_again_may_ask_in_the_next_window_all_the_same() -> None:
    clock = Clock()
    limit = Limit(10, 60, MemoryCounter(), clock)
    for _ in range(1000):
        await limit.take("a")
    clock.now += 60 + 6
    assert not (await limit.take("a")).retry_after


async def test_a_clock_that_is_put_back_a_little_gives_nothing_away() -> None:
    clock = Clock()
    limit = Limit(3, 60, MemoryCounter(), clock)
    for _ in range(3):
        await limit.take("a")
    clock.now -= 1
    assert (await limit.take("a")).retry_after
    clock.now -= 86_400  # It was wrong before: nobody waits for a day.
    assert not (await limit.take("a")).retry_after


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:0DB8:0:0:ffff::2", True),
        ("2001:db8::", "2001:db8:0:0:1:2:3:4", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::1", "::2", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("no:address", "no:other", False),
    ],
)
def test_an_ipv6_client_is_its_network_however_it_is_written(
    one: str, other: str, is_same: bool
) -> None:
    assert (by_address(request_of(one)) == by_address(request_of(other))) is is_same


async def test_a_limit_finds_the_request_of_methods_and_of_handlers_without_one() -> None:
    app = OpenViper(debug=False)

    class Books(View):
        @rate_limit(max_requests=1, window_seconds=3600)
        async def get(self, request: Request) -> str:
            return "books"

    @app.get("/typed")
    @rate_limit(max_requests=1, window_seconds=3600)
    async def typed(page: int = 1) -> dict[str, int]:
        return {"page": page}

    app.router.add("/view", Books.as_view())
    client = app.test_client()
    for path, text in (("/view", "books"), ("/typed?page=7", '{"page":7}')):
        assert (await client.get(path)).text == text
        assert (await client.get(path)).status_code == 429


async def test_limits_of_one_counter_do_not_count_for_each_other() -> None:
    counter = MemoryCounter()
    options = [
        {"max_requests": most, "window_seconds": 3600, "counter": counter} for most in (9, 2)
    ]
    app = OpenViper(debug=False, middleware=[(RateLimitMiddleware, option) for option in options])
    app.get("/x")(lambda: "x")
    client = app.test_client()
    assert [(await client.get("/x")).status_code for _ in range(3)] == [200, 200, 429]


async def test_two_limits_of_one_handler_may_have_the_same_counter() -> None:
    counter = MemoryCounter()
    app = OpenViper(debug=False)

    @app.get("/")
    @rate_limit(3, 3600, counter=counter)
    @rate_limit(50, 7, counter=counter)
    async def handler(request: Request) -> str:
        return "x"

    client = app.test_client()
    statuses = [(await client.get("/")).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


class Failing:
    """A counter that can be out of reach."""

    def __init__(self) -> None:
        self.is_down = True
        self.asked = 0

    async def hit(self, key: str, window: int, seconds: int) -> tuple[int, int]:
        self.asked += 1
        if self.is_down:
            raise CounterUnavailableError("out of reach")
        return 1, 0


async def test_a_process_counts_for_itself_while_the_counter_is_out_of_reach(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = Failing()
    client = app_limited(max_requests=2, window_seconds=3600, counter=counter).test_client()
    statuses = [(await client.get("/x")).status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert counter.asked == 1, "the others do not wait for it"
    counter.is_down = False
    monkeypatch.setattr("openviper.middleware.counters.time.monotonic", lambda: 1e12)
    assert (await client.get("/x")).status_code == 200
    told = [each.getMessage() for each in caplog.records if each.name == "openviper.ratelimit"]
    assert [text.partition(":")[0] for text in told] == [
        "requests are counted by each process for itself meanwhile",
        "requests are counted by all processes together again",
    ]


@pytest.mark.parametrize("given", [(Clock, 60), ("5", 60), (5, "60"), (5.5, 60), (None, 60)])
def test_what_is_no_limit_is_named(given: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError, match="a limit is requests in seconds, .* not"):
        rate_limit(*given)
    with pytest.raises(ValueError, match="at least 1"):
        rate_limit(5, float("nan"))


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_a_key_that_is_no_text_is_an_error_and_not_another_one_each_time() -> None:
    async def slow_key(_request: Request) -> str:
        return "x"

    for key in (slow_key, lambda _request: None):
        app = OpenViper(debug=False)
        app.get("/")(rate_limit(1, 3600, key_func=key)(lambda request: "x"))  # type: ignore[arg-type]  # the mistake
        with pytest.raises(TypeError, match="counted by a text, not by"):
            await app.test_client(raise_app_exceptions=True).get("/")
    gc.collect()
