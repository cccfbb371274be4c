"""A page of another site cannot act for a user, in a browser that has the user's cookies."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.running import free_port, serving

SECONDS = 90.0
APPLICATION = """
from pathlib import Path

from openviper import HTMLResponse, OpenViper, Request

app = OpenViper()
directory = Path(__file__).parent
done = []


@app.get("/pages/{name}")
async def page(request: Request, name: str) -> HTMLResponse:
    return HTMLResponse(template=name, template_dir=directory)


@app.post("/act")
async def act(request: Request) -> HTMLResponse:
    done.append((await request.form()).get("who", ""))
    return HTMLResponse(f"<title>done for {done[-1]}</title>")


@app.get("/done")
async def shown(request: Request) -> HTMLResponse:
    return HTMLResponse(f"<title>{done}</title>")
"""
FORM = """<title>waiting</title>
<form method="post" action="{address}/act" enctype="{kind}">{field}<input name="who" value="{who}"></form>
<script>document.querySelector("form").submit();</script>"""
KINDS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


@pytest.fixture(scope="module")
def browser() -> str:
    """The browser."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium")
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The application in a server: its address and directory."""
    directory = tmp_path_factory.mktemp("site")
    (directory / "main.py").write_text(APPLICATION, "utf-8")
    port = free_port()
    run = ("-m", "openviper", "run", "main.py", "--port", str(port), "--no-reload")
    with serving(*run, cwd=directory, port=port) as address:
        yield address, directory


def title_of(browser: str, address: str, profile: Path) -> str:
    """Return the title of the page at which a browser ends up."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000")
    result = subprocess.run(
        [browser, *options, f"--user-data-dir={profile}", "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    found = re.search(r"<title>(.*?)</title>", result.stdout, re.S)
    assert found is not None, result.stderr
    return html.unescape(found.group(1))


def test_only_forms_of_ours_do_something(
    browser: str, site: tuple[str, Path], tmp_path: Path
) -> None:
    address, directory = site
    own = FORM.format(address=address, kind=KINDS[1], field="{{ csrf_field() }}", who="us")
    (directory / "own.html").write_text(own, "utf-8")
    profile = tmp_path / "profile"
    assert title_of(browser, f"{address}/pages/own.html", profile) == "done for us"
    # A page of another origin: a file, whose origin is `null`, and the same server under another name.
    elsewhere = address.replace("127.0.0.1", "localhost")
    for kind in KINDS:
        forged = FORM.format(address=address, kind=kind, field="", who="them")
        (directory / "forged.html").write_text(forged, "utf-8")
        assert title_of(browser, f"{elsewhere}/pages/forged.html", profile) == "403 Forbidden"
        assert title_of(browser, f"file://{directory}/forged.html", profile) == "403 Forbidden"
    assert title_of(browser, f"{address}/done", profile) == "['us']"
