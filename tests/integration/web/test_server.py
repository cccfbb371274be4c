"""`openviper run` with uvicorn in a process of its own."""

from __future__ import annotations

import http.client
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.web.serving import APP, command, free_port, run, server


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Yield the port of a running server."""
    directory = tmp_path_factory.mktemp("served")
    (directory / "main.py").write_text(APP)
    port = free_port()
    with server(command("run", "main.py", "--port", str(port), "--no-reload"), directory, port):
        yield port


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    """Yield a connection that is kept alive."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    yield connection
    connection.close()


Answer = tuple[http.client.HTTPResponse, bytes]


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    **headers: str,
) -> Answer:
    """Return an answer with its body."""
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response, response.read()


def test_pages_come_with_their_length_and_careful_headers(
    connection: http.client.HTTPConnection,
) -> None:
    response, body = ask(connection, "GET", "/items/42")
    assert (response.status, json.loads(body)) == (200, {"id": 42})
    assert response.headers["content-length"] == str(len(body))
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"


def test_one_connection_serves_many_requests(connection: http.client.HTTPConnection) -> None:
    ask(connection, "GET", "/")
    first = connection.sock
    for method in ("HEAD", "DELETE", "OPTIONS", "GET"):
        for path in ("/", "/nowhere", "/stream"):
            ask(connection, method, path)
    assert first is not None
    assert connection.sock is first


def test_head_has_the_headers_of_get_and_no_body(connection: http.client.HTTPConnection) -> None:
    response, body = ask(connection, "HEAD", "/items/42")
    assert (response.status, body) == (200, b"")
    assert response.headers["content-length"] == str(len(b'{"id":42}'))


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("GET", "/items/x", 404, None),
        ("DELETE", "/echo", 405, "OPTIONS, POST"),
        ("OPTIONS", "/", 204, "GET, HEAD, OPTIONS"),
        ("GET", "/%2e%2e/etc/passwd", 400, None),
        ("GET", "/a%252fb", 400, None),
    ],
)
def test_what_cannot_be_answered_says_why(
    connection: http.client.HTTPConnection, method: str, path: str, status: int, allow: str | None
) -> None:
    response, _ = ask(connection, method, path)
    assert (response.status, response.headers["allow"]) == (status, allow)


def test_another_host_is_refused(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "GET", "/", host="evil.example")[0].status == 400


def test_a_body_arrives_whole_and_one_that_is_too_long_is_refused(
    connection: http.client.HTTPConnection,
) -> None:
    sent = bytes(range(256)) * 4096
    assert ask(connection, "POST", "/echo", sent)[1] == sent
    connection.putrequest("POST", "/echo")
    connection.putheader("content-length", str(11 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_streams_and_parts_of_files_arrive(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "GET", "/stream")[1] == b"01234"
    response, body = ask(connection, "GET", "/file", range="bytes=1-6")
    assert (response.status, body) == (206, APP.encode()[1:7])


def test_a_client_that_goes_away_does_no_harm(
    port: int, connection: http.client.HTTPConnection
) -> None:
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nshort"
        )
    assert ask(connection, "GET", "/")[0].status == 200


# Starting and stopping


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a directory with an application."""
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_after_its_shutdown_hooks(
    project: Path, number: signal.Signals
) -> None:
    port = free_port()
    with server(
        command("run", "main:app", "--port", str(port), "--no-reload"), project, port
    ) as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=120)
    assert "opened" in output
    assert "closed" in output
    assert "Traceback" not in output


def test_reload_serves_and_stops_on_a_signal(project: Path) -> None:
    port = free_port()
    with server(
        command("run", "main", "--port", str(port), "--reload", "--workers", "3"), project, port
    ) as process:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        assert ask(connection, "GET", "/")[0].status == 200
        connection.close()
        process.terminate()
        output, _ = process.communicate(timeout=120)
    assert "one worker" in output
    assert "Traceback" not in output


def test_several_workers_share_the_port(project: Path) -> None:
    port = free_port()
    with server(
        command("run", "main", "--port", str(port), "--no-reload", "--workers", "2"), project, port
    ) as process:
        seen = set()
        for _ in range(40):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            seen.add(json.loads(ask(connection, "GET", "/")[1])["pid"])
            connection.close()
        assert process.pid not in seen
        assert 1 <= len(seen) <= 2  # The kernel decides who gets a connection.


def test_a_failing_start_says_why_and_exits_with_3(project: Path) -> None:
    broken = "\n@app.on_startup\ndef broken() -> None:\n    raise RuntimeError('no disk')\n"
    (project / "broken.py").write_text(APP + broken)
    result = run(command("run", "broken", "--port", str(free_port()), "--no-reload"), project)
    assert result.returncode == 3
    assert "RuntimeError: no disk" in result.stderr


@pytest.mark.parametrize(
    ("target", "text", "code"),
    [
        ("nowhere", "'nowhere:app'", 3),
        ("main:nothing", "has no 'nothing'", 3),
        ("main:os", "not callable", 3),
        ("faulty", "ZeroDivisionError", 3),
        ("../main.py", "outside the working directory", 1),
        ("a-b", "'a-b'", 1),
    ],
)
@pytest.mark.parametrize("reload", ["--reload", "--no-reload"])
def test_a_target_that_cannot_be_served_is_one_line_before_the_banner(
    project: Path, target: str, text: str, code: int, reload: str
) -> None:
    (project / "faulty.py").write_text("1 / 0\n")
    result = run(command("run", target, reload), project)
    assert result.returncode == code
    assert result.stdout == ""
    assert text in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_a_port_that_cannot_be_used_is_one_line(project: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        result = run(command("run", "main", "--port", taken), project)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: port {taken} on 127.0.0.1 is in use")
    assert result.stderr.count("\n") == 1


def test_a_port_that_is_none_is_a_usage_error(project: Path) -> None:
    result = run(command("run", "main", "--port", "99999"), project)
    assert result.returncode == 2
    assert "99999 is not between 0 and 65535" in result.stderr
