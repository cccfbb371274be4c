"""What a server can be told on the command line."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import pytest

from openviper.core.management.base import CommandError, CommandParser, UsageError
from openviper.core.management.server_arguments import ServerOptions, add_server_arguments


def parsed(*words: str, short: bool = False) -> ServerOptions:
    """Return the options of a command line."""
    parser = CommandParser(prog="serve", add_help=not short)
    add_server_arguments(parser, short=short)
    return ServerOptions.from_parsed(vars(parser.parse_args(words)))


def test_the_defaults_of_the_command_line_are_those_of_the_options() -> None:
    assert parsed() == ServerOptions()


def test_short_names_are_there_where_they_are_wanted() -> None:
    assert parsed("-h", "::1", "-p", "0", "-w", "3", short=True) == ServerOptions(
        "::1", 0, workers=3
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "65536"], "65536 is not between 0 and 65535"),
        (["--port", "-1"], "-1 is not between"),
        (["--port", "http"], "'http' is not a whole number"),
        (["--workers", "0"], "must be at least 1, not 0"),
        (["--backlog", "0"], "must be at least 1"),
        (["--limit-concurrency", "none"], "'none' is not a whole number"),
        (["--timeout-graceful", "-5"], "must be at least 0"),
        (["--worker", "x"], "'x' is not a whole number"),
    ],
)
def test_a_value_that_cannot_be_is_a_usage_error(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed(*words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--keyfile", "key.pem"], "--keyfile needs --certfile"),
        (["--root-path", "shop"], "--root-path must begin with '/', not 'shop'"),
        (
            ["--uds", "s", "--port", "80"],
            "--uds listens on a Unix socket, so --host and --port say",
        ),
        (["--uds", "s", "--host", "0.0.0.0"], "--uds listens on a Unix socket"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parsed(*words)


@pytest.mark.parametrize(
    ("words", "debug", "reload"),
    [
        ([], True, True),
        ([], False, False),
        (["--workers", "2"], True, False),
        (["--reload"], False, True),
        (["--reload", "--workers", "2"], True, True),
        (["--no-reload"], True, False),
    ],
)
def test_reload_follows_debug_unless_asked_for_or_several_workers_are(
    words: list[str], debug: bool, reload: bool
) -> None:
    assert parsed(*words).wants_reload(debug) is reload


def test_open_requests_get_ten_seconds_and_one_at_a_reload() -> None:
    assert ServerOptions().graceful_seconds(reload=False) == 10
    assert ServerOptions().graceful_seconds(reload=True) == 1
    assert parsed("--timeout-graceful", "0").graceful_seconds(reload=False) == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate, its key, another key and one with a passphrase."""
    folder = tmp_path_factory.mktemp("tls")
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=localhost"]
    for name, more in (
        ("own", ["-nodes"]),
        ("other", ["-nodes"]),
        ("locked", ["-passout", "pass:x"]),
    ):
        files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
        subprocess.run([*request, *more, *files], check=True, capture_output=True)
    return folder


def test_a_certificate_with_its_key_is_accepted(certificate: Path) -> None:
    pair = ServerOptions(certfile=f"{certificate}/own.pem", keyfile=f"{certificate}/own.key")
    pair.check_certificate()
    ServerOptions().check_certificate()


@pytest.mark.parametrize(
    ("certfile", "keyfile", "message"),
    [
        ("own.pem", "other.key", "cannot use the certificate of .*own.pem' and .*other.key'"),
        ("nowhere.pem", None, "cannot read .*nowhere.pem"),
        ("own.pem", "nowhere.key", "cannot read .*nowhere.key"),
        ("own.key", None, "cannot use the certificate"),
        ("locked.pem", "locked.key", "the key has a passphrase"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_explained(
    certificate: Path, certfile: str, keyfile: str | None, message: str
) -> None:
    key = str(certificate / keyfile) if keyfile else None
    options = ServerOptions(certfile=str(certificate / certfile), keyfile=key)
    with pytest.raises(CommandError, match=message):
        options.check_certificate()


def test_the_parser_shows_every_option() -> None:
    parser = argparse.ArgumentParser()
    add_server_arguments(parser)
    help_text = parser.format_help()
    for name in ServerOptions.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in help_text
