"""The client against a real server that keeps its promises, and one that does not."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from openviper.ai.http import (
    ConnectFailedError,
    HttpClient,
    Patience,
    ProtocolError,
    Route,
    Timeouts,
    TransportError,
    TransportTimeoutError,
    parse_endpoint,
)
from openviper.ai.http.connecting import parse_proxy
from tests.ai_server import (
    AIServer,
    chunk,
    endless,
    head_of,
    kept,
    raw,
    raw_then_hang,
    with_content,
)
from tests.smtp_server import make_certificate

BODY = b'{"model": "llama3.2", "messages": [{"role": "user", "content": "x"}], "stream": false}'


@pytest.fixture
def server() -> Iterator[AIServer]:
    """Run a server that speaks plain HTTP."""
    with AIServer() as running:
        yield running


def client_of(server: AIServer, **options: object) -> HttpClient:
    """Return a client of a server."""
    return HttpClient(Route(parse_endpoint(server.url), **options))  # type: ignore[arg-type]  # of a test


def patience(connect: float = 10, first: float = 30, total: float = 60) -> Patience:
    """Return the time of a call."""
    return Patience(Timeouts(connect, first, total))


async def fetch(client: HttpClient, limit: Patience | None = None) -> tuple[int, bytes]:
    """Send a request and return what came."""
    given = limit or patience()
    async with client.request("POST", "/api/chat", patience=given, body=BODY) as answer:
        return answer.status, await answer.read()


async def until(condition: object) -> None:
    """Wait in the event loop until something is so."""
    assert callable(condition)
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_connection_is_used_again(server: AIServer) -> None:
    client = client_of(server)
    for _ in range(5):
        status, body = await fetch(client)
        assert status == 200 and b"You said: x" in body
    assert server.connections == 1


async def test_requests_at_once_have_connections_of_their_own(server: AIServer) -> None:
    client = client_of(server)
    answers = await asyncio.gather(*(fetch(client) for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    await fetch(client)
    assert server.connections <= 20


async def test_what_is_sent(server: AIServer) -> None:
    endpoint = parse_endpoint(f"{server.url}/api")
    client = HttpClient(Route(endpoint), headers={"X-Team": "blue"})
    async with client.request("POST", "/chat", patience=patience(), body=BODY) as answer:
        await answer.read()
    (asked,) = server.asked
    assert asked.path == "/api/chat" and asked.body == BODY
    assert asked.headers["host"] == f"localhost:{server.port}"
    assert asked.headers["x-team"] == "blue"
    assert asked.headers["accept-encoding"] == "identity"
    assert "cookie" not in asked.headers


async def test_a_header_that_could_hold_another_is_refused_and_not_shown() -> None:
    for value in ("hunter2\r\nX: 1", "hunter2\n", "hünter2", "hunter2\0"):
        with pytest.raises(ValueError, match="'Authorization'") as caught:
            HttpClient(Route(parse_endpoint("https://host")), headers={"Authorization": value})
        assert "nter2" not in str(caught.value)
    with pytest.raises(ValueError, match="'X Y'"):
        HttpClient(Route(parse_endpoint("https://host")), headers={"X Y": "1"})


async def test_a_path_that_could_hold_a_header_is_refused(server: AIServer) -> None:
    client = client_of(server)
    for path in ("", "chat", "/a b", "/a\r\nX: 1", "/ä", "http://evil/"):
        with pytest.raises(ValueError, match="path"):
            async with client.request("GET", path, patience=patience()):
                pass
    assert server.connections == 0


async def test_a_connection_that_the_server_has_closed_is_replaced(server: AIServer) -> None:
    client = client_of(server)
    await fetch(client)
    # Closed without a word, when the next request has just been sent.
    server.next(raw())
    status, _ = await fetch(client)
    assert status == 200 and server.connections == 2


async def test_a_fresh_connection_without_an_answer_is_an_error(server: AIServer) -> None:
    server.next(raw())
    with pytest.raises(TransportError, match="ended before the answer") as caught:
        await fetch(client_of(server))
    assert caught.value.is_safe_to_repeat


async def test_what_nobody_asked_for_ends_a_connection(server: AIServer) -> None:
    body = b"{}"
    first = head_of(200, {"Content-Length": "2"}) + body
    server.next(kept(first + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"))
    client = client_of(server)
    with contextlib.suppress(ProtocolError):
        await fetch(client)
    status, body = await fetch(client)
    assert status == 200 and b"You said" in body and server.connections == 2


@pytest.mark.parametrize(
    "data",
    [
        head_of(200, {"Content-Length": "2", "Connection": "close"}) + b"{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_a_server_may_say_that_it_closes(server: AIServer, data: bytes) -> None:
    server.next(kept(data))
    client = client_of(server)
    assert await fetch(client) == (200, b"{}")
    await fetch(client)
    assert server.connections == 2


async def test_an_answer_without_length_ends_with_the_connection(server: AIServer) -> None:
    server.next(raw(head_of(200, {}), b"abc", b"def"))
    assert await fetch(client_of(server)) == (200, b"abcdef")


async def test_interim_answers_are_passed_over(server: AIServer) -> None:
    final = head_of(200, {"Content-Length": "2"}) + b"{}"
    server.next(kept(head_of(100, {}) + head_of(103, {"Link": "x"}) + final))
    assert await fetch(client_of(server)) == (200, b"{}")


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_nothing_is_followed(server: AIServer, code: int) -> None:
    where = {"Location": f"{server.url}/elsewhere", "Content-Length": "0"}
    server.next(kept(head_of(code, where)))
    assert await fetch(client_of(server)) == (code, b"")
    assert len(server.asked) == 1


BROKEN = {
    "not http": raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "cut in the status line": raw(b"HTTP/1.1 20"),
    "cut in the head": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "cut in the content": raw(head_of(200, {"Content-Length": "100"}) + b"{"),
    "cut in a chunk": raw(head_of(200, {"Transfer-Encoding": "chunked"}) + b"5\r\nab"),
    "cut between chunks": raw(head_of(200, {"Transfer-Encoding": "chunked"}) + chunk(b"ab")),
    "more than announced": raw(head_of(200, {"Content-Length": "1"}) + b"{}}}}"),
    "two framings": raw(
        head_of(200, {"Content-Length": "1", "Transfer-Encoding": "chunked"})
        + b"1\r\n{\r\n0\r\n\r\n"
    ),
    "compressed": raw(head_of(200, {"Content-Length": "1", "Content-Encoding": "br"}) + b"x"),
    "another protocol": raw(head_of(101, {"Upgrade": "x"})),
    "interim answers for ever": endless(b"", head_of(100, {})),
    "headers for ever": endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
    "a status line for ever": endless(b"HTTP/1.1 200 ", b"x" * 1000),
    "a size for ever": endless(head_of(200, {"Transfer-Encoding": "chunked"}), b"0" * 1000),
    "content for ever": endless(head_of(200, {}), b"x" * 100_000),
    "chunks for ever": endless(
        head_of(200, {"Transfer-Encoding": "chunked"}), chunk(b"x" * 50_000)
    ),
    "chunks of one byte for ever": endless(
        head_of(200, {"Transfer-Encoding": "chunked"}), chunk(b"x") * 1000
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_an_error_in_bounded_memory(server: AIServer, name: str) -> None:
    server.next(BROKEN[name])
    client = HttpClient(Route(parse_endpoint(server.url)), max_bytes=1_000_000)
    with pytest.raises(ProtocolError):
        await fetch(client)
    # The next request has a connection of its own.
    status, _ = await fetch(client)
    assert status == 200 and server.connections == 2


async def test_a_chunk_of_a_thousand_gigabytes_is_no_reason_to_wait_for_it(
    server: AIServer,
) -> None:
    head = head_of(200, {"Transfer-Encoding": "chunked"})
    server.next(endless(head + b"fffffffffff\r\n", b"x" * 100_000))
    client = HttpClient(Route(parse_endpoint(server.url)), max_bytes=1_000_000)
    with pytest.raises(ProtocolError, match="more than 1000000 bytes"):
        await fetch(client)


async def test_lines_are_cut_as_they_were_sent(server: AIServer) -> None:
    pieces = [b"one\r\ntw", b"o\n\nth", b"ree"]
    server.next(
        raw(head_of(200, {"Transfer-Encoding": "chunked"}), *map(chunk, pieces), b"0\r\n\r\n")
    )
    client = client_of(server)
    async with client.request("GET", "/", patience=patience()) as answer:
        lines = [line async for line in answer.lines(10)]
    assert lines == [b"one", b"two", b"", b"three"]


@pytest.mark.parametrize("content", [b"x" * 11, b"x" * 11 + b"\n", b"a\n" + b"y" * 100_000])
async def test_a_line_has_a_length(server: AIServer, content: bytes) -> None:
    server.next(with_content(content))
    with pytest.raises(ProtocolError, match="line of more than 10 bytes"):
        async with client_of(server).request("GET", "/", patience=patience()) as answer:
            [line async for line in answer.lines(10)]


async def test_a_silent_server_has_its_time(server: AIServer) -> None:
    server.next(raw_then_hang())
    with pytest.raises(TransportTimeoutError, match="the first token was not done within 0.2 s"):
        await fetch(client_of(server), patience(first=0.2))
    await until(lambda: server.closed == 1)


async def test_a_server_that_stops_in_the_middle_has_its_time(server: AIServer) -> None:
    server.next(raw_then_hang(head_of(200, {"Content-Length": "5"}) + b"ab"))
    with pytest.raises(TransportTimeoutError, match="the answer was not done within 0.2 s"):
        await fetch(client_of(server), patience(total=0.2))


async def test_a_server_that_takes_nothing_has_its_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = HttpClient(Route(parse_endpoint(url)))
        with pytest.raises(TransportTimeoutError):
            async with client.request(
                "POST", "/", patience=patience(first=0.3), body=b"x" * 50_000_000
            ):
                pass


async def test_nobody_listening_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = HttpClient(Route(parse_endpoint(f"http://127.0.0.1:{port}")))
    with pytest.raises(ConnectFailedError) as caught:
        await fetch(client)
    assert str(caught.value) == f"connecting to 127.0.0.1:{port} failed: Connection refused"
    assert caught.value.is_safe_to_repeat


@pytest.mark.usefixtures("unknown_names")
async def test_an_unknown_host_is_an_error() -> None:
    client = HttpClient(Route(parse_endpoint("https://nothing.invalid")))
    with pytest.raises(ConnectFailedError, match=r"nothing\.invalid"):
        await fetch(client)


async def test_a_cancelled_request_closes_its_connection(server: AIServer) -> None:
    server.next(raw_then_hang(head_of(200, {"Content-Length": "5"})))
    task = asyncio.create_task(fetch(client_of(server)))
    await until(lambda: server.asked)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: server.closed == 1)


async def test_an_answer_that_is_left_unread_closes_its_connection(server: AIServer) -> None:
    server.next(raw_then_hang(head_of(200, {"Content-Length": "5"}) + b"ab"))
    async with client_of(server).request("GET", "/", patience=patience()) as answer:
        async for _ in answer.pieces():
            break
    await until(lambda: server.closed == 1)


def test_kept_connections_end_with_their_event_loop(server: AIServer) -> None:
    client = client_of(server)
    for number in (1, 2, 3):
        # A ResourceWarning is an error in these tests.
        assert asyncio.run(fetch(client))[0] == 200
        gc.collect()
        assert server.connections == number
        with server.changed:
            assert server.changed.wait_for(lambda number=number: server.closed == number, 60)  # type: ignore[misc]  # mypy cannot infer the type of this lambda


async def test_close_lets_go_of_connections(server: AIServer) -> None:
    client = client_of(server)
    await fetch(client)
    await client.close()
    await until(lambda: server.closed == 1)
    await fetch(client)
    assert server.connections == 2


def test_threads_have_connections_of_their_own(server: AIServer) -> None:
    client = client_of(server)
    statuses: list[int] = []

    def work() -> None:
        async def several() -> None:
            statuses.extend([(await fetch(client))[0] for _ in range(10)])

        asyncio.run(several())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * 40 and server.connections == 4


# TLS


async def test_a_certificate_is_verified(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with AIServer(certificate) as server:
        status, _ = await fetch(client_of(server, ca_file=str(certificate.ca)))
        assert status == 200
        with pytest.raises(ConnectFailedError, match="certificate of localhost:"):
            await fetch(client_of(server))


async def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "llm.example.org")
    with AIServer(certificate) as server:
        with pytest.raises(ConnectFailedError, match="certificate"):
            await fetch(client_of(server, ca_file=str(certificate.ca)))
        assert not server.asked


async def test_a_server_without_tls_is_noticed(server: AIServer) -> None:
    route = Route(parse_endpoint(f"https://localhost:{server.port}"))
    with pytest.raises(ConnectFailedError, match="encryption with localhost:"):
        await fetch(HttpClient(route))


async def test_a_missing_file_of_authorities_is_named(server: AIServer) -> None:
    route = Route(parse_endpoint("https://localhost"), ca_file="/nowhere/ca.pem")
    with pytest.raises(ConnectFailedError, match="'/nowhere/ca.pem'"):
        await fetch(HttpClient(route))


# Where the address comes from data


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254"])
async def test_public_only_reaches_no_other_address(server: AIServer, host: str) -> None:
    route = Route(parse_endpoint(f"https://{host}:{server.port}"), public_only=True)
    with pytest.raises(ConnectFailedError, match="is not a public host"):
        await fetch(HttpClient(route))
    assert server.connections == 0


async def test_localhost_that_is_not_this_machine_gets_nothing_unencrypted(
    server: AIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(host: str, port: int, deadline: object) -> object:
        return [(socket.AF_INET, ("192.0.2.1", port))]

    monkeypatch.setattr("openviper.ai.http.connecting.resolve", elsewhere)
    with pytest.raises(ConnectFailedError, match="is not this machine"):
        await fetch(client_of(server))


# Proxies


@contextlib.asynccontextmanager
async def proxy(*, answer: bytes | None = None) -> AsyncIterator[tuple[str, list[str]]]:
    """Run a proxy that forwards; yield its address and the heads it was sent."""
    heads: list[str] = []
    tasks: set[asyncio.Task[None] | None] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head.decode())
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split()
            if answer is not None:
                writer.write(answer)
                await reader.read()
                writer.close()
                return
            authority = target.removeprefix("http://").split("/")[0]
            host, _, port = authority.rpartition(":")
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = "/" + target.removeprefix("http://").partition("/")[2]
                far_writer.write(head.replace(target.encode(), path.encode(), 1))
            async with asyncio.TaskGroup() as group:
                group.create_task(pump(reader, far_writer))
                group.create_task(pump(far_reader, writer))

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield f"127.0.0.1:{running.sockets[0].getsockname()[1]}", heads
        await asyncio.gather(*filter(None, tasks))


async def test_https_goes_through_a_tunnel_and_is_verified(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with AIServer(certificate) as server:
        async with proxy() as (where, heads):
            client = client_of(
                server,
                ca_file=str(certificate.ca),
                proxy=parse_proxy(f"http://me:hunter%402@{where}"),
            )
            assert [(await fetch(client))[0] for _ in range(2)] == [200, 200]
            await client.close()
        (head,) = heads
        assert head.startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic bWU6aHVudGVyQDI=" in head
        # The password of the proxy is not the server's business.
        assert "proxy-authorization" not in server.asked[0].headers


async def test_http_goes_through_a_proxy(server: AIServer) -> None:
    async with proxy() as (where, heads):
        client = client_of(server, proxy=parse_proxy(f"http://{where}"))
        assert (await fetch(client))[0] == 200
        await client.close()
    assert heads[0].startswith(f"POST http://localhost:{server.port}/api/chat HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "refuses localhost:443 with status 407",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\nforged", "before the encryption"),
        (b"what?\r\n\r\n", "does not speak HTTP"),
        (b"", "was not done"),
    ],
)
async def test_a_bad_proxy_is_an_error(said: bytes, error: str) -> None:
    async with proxy(answer=said) as (where, _):
        route = Route(parse_endpoint("https://localhost"), proxy=parse_proxy(f"http://{where}"))
        with pytest.raises(TransportError, match=error):
            await fetch(HttpClient(route), patience(connect=0.5))


@pytest.mark.parametrize(
    "url",
    ["socks5://h:1", "https://h:1", "h:1", "http://", "http://u:hunter2@", "http://u:hunter2@h:x"],
)
def test_the_address_of_a_proxy_is_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        parse_proxy(url)
    assert "hunter2" not in str(caught.value)


def test_the_password_of_a_proxy_is_in_no_repr() -> None:
    route = Route(parse_endpoint("https://h"), proxy=parse_proxy("http://u:hunter2@p:1"))
    assert "dTpodW50ZXIy" not in repr(route) and "hunter2" not in repr(route)
    assert repr(HttpClient(route)) == "HttpClient('https://h')"


def test_a_proxy_cannot_be_told_to_reach_public_hosts_only() -> None:
    with pytest.raises(ValueError, match="public_only"):
        Route(parse_endpoint("https://h"), proxy=parse_proxy("http://p:1"), public_only=True)
