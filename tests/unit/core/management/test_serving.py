"""Serving: which application is meant, what is wrong with it, and what uvicorn is told."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.apps.server import options_of_settings
from openviper.core.management.base import CommandError
from openviper.core.management.server_arguments import ServerOptions
from openviper.core.management.serving import (
    NOT_LOADED,
    ApplicationMissing,
    address_of,
    application_candidates,
    banner,
    choose_application,
    import_application,
    normalise_target,
    telling_failure,
    uvicorn_options,
)
from openviper.testing import override_openviper_settings
from openviper.version import VERSION
from tests.projects import forget_modules, write


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory that modules are imported from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    yield tmp_path
    forget_modules(tmp_path)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("shop", "shop:app"),
        ("shop.asgi", "shop.asgi:app"),
        ("shop.asgi:application", "shop.asgi:application"),
        ("shop:", "shop:app"),
        ("shop.py", "shop:app"),
        ("./shop.py", "shop:app"),
        ("shop/asgi.py", "shop.asgi:app"),
        ("shop/asgi.py:application", "shop.asgi:application"),
        ("shop/../main.py", "main:app"),
        ("shop/asgi", "shop.asgi:app"),
    ],
)
def test_a_target_is_a_module_or_the_path_of_a_file(here: Path, target: str, name: str) -> None:
    assert normalise_target(target) == name


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("", "is neither a module, 'module:attribute' nor the path"),
        ("shop..asgi", "is neither"),
        ("1shop", "is neither"),
        ("shop:1app", "is neither"),
        ("shop:app.sub", "is neither"),
        ("shop:a:b", "is neither"),
        ("my-shop.py", "is neither"),
        ("class", "is neither"),
        ("../shop.py", "lies outside the working directory"),
        ("/etc/shop.py", "lies outside the working directory"),
    ],
)
def test_a_target_that_is_neither_is_named(here: Path, target: str, message: str) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        normalise_target(target)
    assert repr(target) in str(caught.value)


def test_an_application_is_imported(here: Path) -> None:
    write(here, {"srv_good.py": "def app(): pass\n"})
    assert import_application("srv_good:app").__name__ == "app"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(5)", "SystemExit: 5"),
        ("import srv_no_such_package", "ModuleNotFoundError: No module named 'srv_no_such"),
        ("x =", "SyntaxError"),
        ("other = 1", "module 'srv_bad' has no 'app'"),
        ("app = None", "module 'srv_bad' has no 'app'"),
        ("app = 5", "it is not callable"),
    ],
)
def test_an_application_that_cannot_be_used_is_one_error_with_code_3(
    here: Path, text: str, message: str
) -> None:
    write(here, {"srv_bad.py": text + "\n"})
    with pytest.raises(CommandError, match="cannot load application 'srv_bad:app'") as caught:
        import_application("srv_bad:app")
    assert message in str(caught.value)
    assert caught.value.returncode == NOT_LOADED
    assert not isinstance(caught.value, ApplicationMissing)


@pytest.mark.parametrize("target", ["srv_nowhere:app", "srv_pack.nowhere:app"])
def test_a_missing_module_lets_another_candidate_be_tried(here: Path, target: str) -> None:
    write(here, {"srv_pack/__init__.py": ""})
    with pytest.raises(ApplicationMissing, match="there is no such module") as caught:
        import_application(target)
    assert caught.value.returncode == NOT_LOADED


@pytest.mark.parametrize(
    ("module", "apps", "candidates"),
    [
        ("shop.settings", (), ["shop.asgi:app", "shop.app:app"]),
        ("shop.conf.settings", (), ["shop.asgi:app", "shop.app:app"]),
        ("settings", (), ["asgi:app", "app:app"]),
        ("_viperctl_settings", ("blog", "wiki"), ["blog.asgi:app", "blog.app:app"]),
    ],
)
def test_the_settings_say_where_the_application_may_be(
    monkeypatch: pytest.MonkeyPatch, module: str, apps: tuple[str, ...], candidates: list[str]
) -> None:
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", module)
    with override_openviper_settings(INSTALLED_APPS=apps):
        assert application_candidates() == candidates


def test_without_settings_the_directory_is_the_package(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "shop").mkdir()
    monkeypatch.chdir(here / "shop")
    assert application_candidates() == ["shop.asgi:app", "shop.app:app"]


def test_the_first_candidate_that_exists_is_chosen(here: Path) -> None:
    write(here, {"srv_second.py": "def app(): pass\n", "srv_third.py": "1 / 0\n"})
    targets = ["srv_first:app", "srv_second:app", "srv_third:app"]
    assert choose_application(targets) == "srv_second:app"


def test_a_candidate_that_exists_and_is_wrong_ends_the_search(here: Path) -> None:
    write(here, {"srv_one.py": "1 / 0\n", "srv_two.py": "def app(): pass\n"})
    with pytest.raises(CommandError, match="'srv_one:app': ZeroDivisionError"):
        choose_application(["srv_one:app", "srv_two:app"])


def test_all_candidates_are_listed_where_none_exists(here: Path) -> None:
    with pytest.raises(
        CommandError, match="no application found; tried srv_a:app, srv_b:app"
    ) as caught:
        choose_application(["srv_a:app", "srv_b:app"])
    assert caught.value.returncode == NOT_LOADED


@pytest.mark.parametrize(
    ("options", "start", "end"),
    [
        ({}, "http://127.0.0.1:", "/"),
        ({"host": "::1"}, "http://[::1]:", "/"),
        ({"host": "localhost", "root_path": "/shop"}, "http://localhost:", "/shop/"),
        ({"certfile": "x.pem"}, "https://127.0.0.1:", "/"),
        ({"uds": "/run/x.sock"}, "unix:/run/x.sock", ""),
    ],
)
def test_the_address_has_the_port_that_the_socket_has_got(
    options: dict[str, Any], start: str, end: str
) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = "" if "uds" in options else str(bound.getsockname()[1])
        assert address_of(ServerOptions(**options), bound) == f"{start}{port}{end}"


def test_the_banner_says_what_where_and_how_to_end_it() -> None:
    assert banner("http://x/").splitlines() == [
        f"OpenViper {VERSION}",
        "http://x/",
        "Quit with CTRL-C.",
    ]


@pytest.mark.parametrize(
    ("level", "expected"),
    [("DEBUG", "debug"), ("INFO", "info"), ("WARNING", "info"), ("CRITICAL", "info")],
)
def test_uvicorn_never_says_less_than_info(level: str, expected: str) -> None:
    with override_openviper_settings(LOG_LEVEL=level):
        assert uvicorn_options(ServerOptions(), reload=False)["log_level"] == expected


@pytest.mark.parametrize(
    ("options", "reload", "name", "value"),
    [
        ({}, False, "timeout_graceful_shutdown", 10),
        ({}, True, "timeout_graceful_shutdown", 1),
        ({"timeout_graceful": 0}, True, "timeout_graceful_shutdown", 0),
        ({"workers": 3}, False, "workers", 3),
        ({"limit_concurrency": 7}, False, "limit_concurrency", 7),
        ({"backlog": 9}, False, "backlog", 9),
        ({"access_log": False}, False, "access_log", False),
        ({"root_path": "/x"}, False, "root_path", "/x"),
        ({"certfile": "c", "keyfile": "k"}, False, "ssl_keyfile", "k"),
        ({}, False, "proxy_headers", False),
        ({}, False, "server_header", False),
        ({}, False, "ws_max_size", 1048576),
    ],
)
def test_uvicorn_is_told_what_the_options_say(
    options: dict[str, Any], reload: bool, name: str, value: object
) -> None:
    assert uvicorn_options(ServerOptions(**options), reload)[name] == value


@pytest.mark.parametrize("size", [1000, 2**26])
def test_the_longest_message_of_a_websocket_is_what_the_settings_say(size: int) -> None:
    with override_openviper_settings(WEBSOCKET_MAX_SIZE=size):
        assert uvicorn_options(ServerOptions(), reload=False)["ws_max_size"] == size
        assert options_of_settings()["ws_max_size"] == size


@pytest.mark.parametrize(
    ("kind", "message", "told"),
    [
        ("lifespan", "lifespan.startup.failed", True),
        ("lifespan", "lifespan.startup.complete", False),
        ("lifespan", "lifespan.shutdown.failed", False),
        ("http", "lifespan.startup.failed", False),
    ],
)
async def test_only_a_failed_start_leaves_word(
    tmp_path: Path, kind: str, message: str, told: bool
) -> None:
    sent: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": message})

    async def send(event: Any) -> None:
        sent.append(event)

    failure = tmp_path / "failed"
    await telling_failure(application, failure)({"type": kind}, None, send)
    assert failure.exists() is told
    assert sent == [{"type": message}]


async def test_a_worker_that_does_not_start_ends_its_parent_whatever_version_of_uvicorn_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Parent:
        pid = 4_194_400

        def is_alive(self) -> bool:
            return True

    ended: list[tuple[int, int]] = []
    monkeypatch.setattr("multiprocessing.parent_process", Parent)
    monkeypatch.setattr("os.kill", lambda *words: ended.append(words))

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.failed"})

    async def send(event: Any) -> None: ...

    await telling_failure(application, tmp_path / "failed")({"type": "lifespan"}, None, send)
    assert ended == [(Parent.pid, signal.SIGTERM)]


def test_a_module_that_was_not_found_is_not_remembered(here: Path) -> None:
    with pytest.raises(ApplicationMissing):
        import_application("srv_late:app")
    assert "srv_late" not in sys.modules
