"""A project with its vendored framework, as `docs/how-to/vendor.md` tells it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.core.management.builtin_commands import BUILTIN
from openviper.core.management.command_lookup import find_builtin
from openviper.core.management.subcommands import build_parser
from openviper.vendoring.building import Tree
from openviper.vendoring.places import open_place
from openviper.vendoring.writing import write_folder
from scripts import bundle
from scripts.locked_down import CONDITIONS, Host
from tests.acceptance.running import (
    ROOT,
    TIMEOUT,
    fetch,
    free_port,
    run,
    serving,
    succeed,
    wait_for_server,
)

DOCS = ROOT / "docs/how-to"
WHERE = """
import sys
from openviper import JSONResponse, Request, Router

router = Router()


@router.get("/where")
async def where(request: Request) -> JSONResponse:
    import jinja2, openviper, uvicorn

    return JSONResponse([module.__file__ for module in (openviper, jinja2, uvicorn)])
"""
BARE = CONDITIONS[0]


@pytest.fixture
def project(tmp_path: Path, tree: Tree) -> Path:
    """A project with `vendor/`, used by an interpreter in which another OpenViper is installed too."""
    succeed("-m", "openviper", "create-project", "shop", cwd=tmp_path)
    write_folder(tree, tmp_path / "shop/vendor")
    (tmp_path / "shop/shop/views.py").write_text(WHERE)
    return tmp_path / "shop"


def places(text: str) -> set[str]:
    """Return the top folders of the modules that a page names."""
    return {str(Path(name).parents[1]) for name in json.loads(text)}


@pytest.mark.parametrize("words", [("--reload",), ("--workers", "2"), ("--no-reload",)])
def test_the_server_and_its_children_run_on_what_is_vendored(
    project: Path, words: tuple[str, ...]
) -> None:
    port = free_port()
    with serving(
        "viperctl.py", "start-server", "--port", str(port), *words, cwd=project, port=port
    ) as url:
        status, text = fetch(f"{url}/root/where")
    assert (status, places(text)) == (200, {str(project / "vendor")})


def test_another_asgi_server_runs_on_what_is_vendored(project: Path) -> None:
    port = free_port()
    words = ("-m", "uvicorn", "--app-dir", project, "shop.asgi:app", "--port", str(port))
    with serving(*words, cwd=project.parent, port=port) as url:
        _, text = fetch(f"{url}/root/where")
    found = {Path(name).parent.name: str(Path(name).parents[1]) for name in json.loads(text)}
    assert found["openviper"] == found["jinja2"] == str(project / "vendor")


def test_tests_run_on_what_is_vendored(project: Path) -> None:
    (project / "tests/test_smoke.py").write_text(
        "import openviper\n\n\ndef test_place():\n"
        f"    assert openviper.__file__.startswith({str(project / 'vendor')!r})\n"
    )
    assert "1 passed" in succeed("viperctl.py", "test", cwd=project)


def test_the_archive_is_used_where_there_is_no_folder(project: Path, tmp_path: Path) -> None:
    succeed("viperctl.py", "vendor", "--pyz", "openviper.pyz", cwd=project)
    (project / "vendor").rename(tmp_path / "elsewhere")
    printed = succeed("viperctl.py", "verify", cwd=project)
    assert printed.startswith(str(project / "openviper.pyz"))


def test_a_folder_of_that_name_that_is_something_else_is_left_alone(project: Path) -> None:
    (project / "vendor/VENDOR.json").unlink()
    code = "import openviper; print(openviper.__file__)"
    assert succeed("viperctl.py", "console", "-c", code, cwd=project).startswith(str(ROOT))


def test_no_app_is_taken_from_what_is_vendored(project: Path) -> None:
    refused = run("viperctl.py", "makemigrations", "sessions", cwd=project)
    assert "App 'sessions' not found" in refused.stderr


def set_check(project: Path, mode: str) -> None:
    settings = project / "shop/settings.py"
    text = re.sub(r"    VENDOR_CHECK.*\n", "", settings.read_text())
    settings.write_text(
        text.replace("    DEBUG: bool", f'    VENDOR_CHECK: str = "{mode}"\n    DEBUG: bool', 1)
    )


def test_a_changed_tree_is_warned_of_or_refused_at_the_start(project: Path) -> None:
    set_check(project, "refuse")
    succeed("viperctl.py", "migrate", cwd=project)
    with (project / "vendor/click/core.py").open("a") as file:
        file.write("# patched\n")
    refused = run("viperctl.py", "migrate", cwd=project)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: VENDOR_CHECK is 'refuse', and ")
    assert "changed: 'click/core.py'" in refused.stderr and refused.stderr.count("\n") == 1
    # What shows and mends it works all the same.
    assert run("viperctl.py", "verify", cwd=project).stdout == "changed: 'click/core.py'\n"
    set_check(project, "warn")
    warned = run("viperctl.py", "migrate", cwd=project)
    assert warned.returncode == 0 and "changed: 'click/core.py'" in warned.stderr


def test_openviper_from_elsewhere_is_refused(project: Path, tmp_path: Path) -> None:
    set_check(project, "refuse")
    (project / "vendor").rename(tmp_path / "elsewhere")
    refused = run("viperctl.py", "migrate", cwd=project)
    assert refused.returncode == 1 and "there is no VENDOR.json" in refused.stderr


def test_a_cache_that_was_planted_is_found_by_a_copy_from_elsewhere(
    project: Path, tmp_path: Path
) -> None:
    words = ("viperctl.py", "vendor", "--pyz", str(tmp_path / "trusted.pyz"))
    succeed(*words, cwd=project, PYTHONDONTWRITEBYTECODE="")
    cache = next((project / "vendor/openviper/__pycache__").glob("version.*.pyc"))
    code = "import marshal, sys; print(marshal.dumps(compile(\"VERSION = '6.6.6'\", 'x', 'exec')).hex())"
    planted = bytes.fromhex(succeed("-c", code, cwd=tmp_path).strip())
    cache.write_bytes(cache.read_bytes()[:16] + planted)
    assert succeed("viperctl.py", "version", cwd=project) == "OpenViper 6.6.6\n"
    found = run(tmp_path / "trusted.pyz", "verify", project / "vendor", cwd=tmp_path)
    assert found.returncode == 1 and "compiled from something else" in found.stdout


def test_a_project_is_made_by_nothing_but_the_folder(base: Path, tree: Tree) -> None:
    host = Host(base, BARE, tree=tree)  # Which makes its project so.
    assert host.run("verify").output.startswith(str(host.project / "vendor"))
    assert open_place(host.project / "vendor").read("VENDOR.json") == tree["VENDOR.json"]


def test_the_page_over_a_port_with_tls(base: Path, tree: Tree) -> None:
    host = Host(base, BARE, tree=tree)
    host.run("migrate")
    port = free_port()
    words = (
        "--port",
        str(port),
        "--certfile",
        str(base / "cert.pem"),
        "--keyfile",
        str(base / "key.pem"),
    )
    process = host.start("start-server", "--no-reload", *words)
    try:
        wait_for_server(process, port)  # It listens a little later than it says "startup complete".
        command = [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{port}",
            "-servername",
            "localhost",
        ]
        command += ["-CAfile", str(base / "cert.pem"), "-verify_return_error", "-quiet"]
        question = "GET /notes/all HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        answer = subprocess.run(
            command, input=question, capture_output=True, text=True, timeout=TIMEOUT
        )
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT)
    assert answer.stdout.startswith("HTTP/1.1 200") and answer.stdout.endswith("[]")
    assert host.outside() == []


def commands_of(page: str) -> Iterator[list[str]]:
    """Yield the command lines of a page, without comments."""
    for block in re.findall(
        r"^```sh\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL
    ):
        for line in block.splitlines():
            for command in re.split(r" && | \| ", line.partition("#")[0]):
                if command.strip():
                    yield command.split()


@pytest.mark.parametrize("page", ["vendor.md", "air-gapped.md"])
def test_every_command_of_the_pages_is_understood(page: str) -> None:
    checked = 0
    for words in commands_of(page):
        names = [os.path.basename(word) for word in words]
        if names[0] == "openviper" or (
            names[0] == "python3" and names[1] in ("vendor", "openviper.pyz")
        ):
            build_parser().parse_args(words[1 if names[0] == "openviper" else 2 :])
        elif "viperctl.py" in names:
            name, *rest = words[names.index("viperctl.py") + 1 :]
            assert name in BUILTIN
            find_builtin(name).create_parser("viperctl.py", name).parse_args(rest)
        elif "bundle.py" in names:
            bundle.parse(words[names.index("bundle.py") + 1 :])
        else:
            continue
        checked += 1
    assert checked >= 2, page


@pytest.mark.one_version
def test_the_bundle_is_the_same_twice_and_installs_without_a_network(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheels(wheels)
    version = "{}.{}".format(*sys.version_info[:2])
    words = ("--wheels", str(wheels), "--python", version)
    for name in ("one", "two"):
        succeed(ROOT / "scripts/bundle.py", tmp_path / name, *words, cwd=tmp_path)
    one, two = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two
    assert {"install.sh", "requirements.txt", "openviper.pyz", "sbom.cdx.json", "docs"} <= {
        path.parts[0] for path in one
    }
    install = ["sh", "install.sh", str(tmp_path / "env"), os.path.realpath(sys.executable)]
    apart = ["unshare", "-n", *install]
    can_part = os.geteuid() == 0 and subprocess.run(["unshare", "-n", "true"]).returncode == 0
    done = subprocess.run(
        apart if can_part else install,
        cwd=tmp_path / "one",
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("openviper, version ")
    (tmp_path / "one/LICENSE").write_text("another")
    refused = subprocess.run(
        install, cwd=tmp_path / "one", capture_output=True, text=True, timeout=600
    )
    assert refused.returncode != 0 and "LICENSE" in refused.stdout + refused.stderr


def make_wheels(folder: Path) -> None:
    """Make wheels of the packages that are installed here, without their compiled parts."""
    from openviper.vendoring.distributions import collect, with_record
    from openviper.vendoring.writing import zip_bytes

    for package in collect(()).packages:
        stem = f"{package.name.replace('-', '_')}-{package.version}"
        files = {
            name: content for name, content in package.files.items() if not name.endswith("/RECORD")
        }
        files[f"{stem}.dist-info/WHEEL"] = bundle.WHEEL.encode()
        content = zip_bytes(with_record(files, f"{stem}.dist-info"))
        (folder / f"{stem}-py3-none-any.whl").write_bytes(content)
