"""The pages of the documentation with uploads, events and WebSockets, in a browser that talks to a server.

No client of ours can stand in for a browser: how it writes a form with files, when it connects to events again, and what it
demands of a WebSocket.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.running import free_port, serving

DOCS = Path(__file__).resolve().parents[2] / "docs" / "how-to"
SECONDS = 90.0
EXPECTED = {
    "requests": {"upload.html": '["name__.pdf","large.bin"]'},
    "streaming": {
        "ticks.html": '{"tick":3}',
        "chat.html": '{"room":"lobby","text":"hello"}',
    },
}
SERVING = """
import asyncio

from openviper import HTMLResponse, Response

done: dict[str, asyncio.Event] = {}


@app.get("/pages/{name}")
async def shown(request: Request, name: str) -> HTMLResponse:
    done[name] = asyncio.Event()
    return HTMLResponse(template=name, template_dir=directory)


@app.get("/held/{name}")
async def held(request: Request, name: str) -> Response:
    await asyncio.wait_for(done[name].wait(), 60)
    return Response(None, 204)


@app.get("/done/{name}")
async def let_go(request: Request, name: str) -> Response:
    done[name].set()
    return Response(None, 204)
"""
WATCHING = """<img src="/held/PAGE"><script>
const tell = () => { if (document.title === EXPECTED) fetch("/done/PAGE"); };
new MutationObserver(tell).observe(document.querySelector("title"), {childList: true});
</script>"""
"""Keeps the page from being loaded, which the browser waits for, until its script has done its work."""
CHOOSING = """<script>
const chosen = new DataTransfer();
chosen.items.add(new File(["%PDF-1.7"], 'na"me ä.pdf'));
chosen.items.add(new File([new Uint8Array(3000000).fill(7)], "large.bin"));
form.querySelector("input[type=file]").files = chosen.files;
form.requestSubmit();
</script>"""
"""Does what a user would do on the page."""


def blocks(name: str) -> list[tuple[str, str, str]]:
    """Return language, title and content of the titled blocks of a page of the documentation."""
    text = (DOCS / f"{name}.md").read_text("utf-8")
    return re.findall(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', text, re.M | re.S)


def application(name: str) -> str:
    """Return the application of a page, which serves the pages in it too."""
    source = "".join(content for _, title, content in blocks(name) if title == name)
    return f"from pathlib import Path\n\ndirectory = Path(__file__).parent\n{source}{SERVING}"


@pytest.fixture(scope="module")
def browser() -> str:
    """The browser."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium")
    return found


@pytest.fixture(scope="module", params=["requests", "streaming"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, Path]]:
    """A page's application in a server: the page's name, the address, and the application's directory."""
    name: str = request.param
    directory = tmp_path_factory.mktemp(name)
    (directory / "main.py").write_text(application(name), "utf-8")
    for language, title, content in blocks(name):
        if language == "html":
            watching = WATCHING.replace("PAGE", title)
            more = watching.replace("EXPECTED", json.dumps(EXPECTED[name][title]))
            more += CHOOSING if title == "upload.html" else ""
            (directory / title).write_text(content + more, "utf-8")
    port = free_port()
    run = ("-m", "openviper", "run", "main.py", "--port", str(port), "--no-reload")
    with serving(*run, cwd=directory, port=port) as address:
        yield name, address, directory


def title_of(browser: str, address: str, profile: Path) -> str:
    """Return the title of a page once its script has done its work."""
    options = (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={profile}",
        "--timeout=60000",
        "--dump-dom",
    )
    result = subprocess.run(
        [browser, *options, address], capture_output=True, text=True, timeout=SECONDS
    )
    found = re.search(r"<title>(.*?)</title>", result.stdout, re.S)
    assert found is not None, result.stderr
    return html.unescape(found.group(1))


def test_the_pages_do_in_a_browser_what_they_say(
    browser: str, served: tuple[str, str, Path], tmp_path: Path
) -> None:
    name, address, directory = served
    for page, expected in EXPECTED[name].items():
        shown = title_of(browser, f"{address}/pages/{page}", tmp_path / page)
        assert shown == expected
    if name == "requests":
        assert (directory / "large.bin").read_bytes() == b"\x07" * 3_000_000
