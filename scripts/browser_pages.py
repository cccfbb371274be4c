#!/usr/bin/env python3
"""Drive the upload, event and WebSocket pages in a headless browser: what no client of ours can stand in for.

Not part of the tests, as it needs Chromium, and the package `websockets` for uvicorn. It serves three pages, opens each in
the browser, and looks at the title that the page's script has set.

    python3 scripts/browser_pages.py                          finds chromium on the PATH
    python3 scripts/browser_pages.py --browser /usr/bin/chromium
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import uvicorn  # noqa: E402

from openviper import EventSourceResponse, HTMLResponse, OpenViper, Request, WebSocket  # noqa: E402
from openviper.conf import Settings, settings  # noqa: E402
from openviper.http import ServerSentEvent  # noqa: E402

DOCS = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "streaming.md"
UPLOAD = """<!doctype html><title>waiting</title>
<script>
const form = new FormData();
form.append("note", "ä \\" quote");
form.append("document", new File([new Uint8Array(300000).fill(7)], 'na"me ä.bin'));
fetch("/upload", {method: "POST", body: form}).then(answer => answer.text()).then(text => { document.title = text; });
</script>"""
EXPECTED = {
    "/upload.html": 'ä " quote|na"me ä.bin|300000|7',
    "/ticks.html": '{"tick":3}',
    "/chat.html": '{"room":"lobby","text":"hello"}',
}


def application() -> OpenViper:
    """Return what the pages talk to."""
    app = OpenViper(debug=False)
    pages = dict(
        re.findall(
            r'^```html title="(\w+\.html)"\n(.*?)^```$', DOCS.read_text("utf-8"), re.M | re.S
        )
    )
    pages["upload.html"] = UPLOAD

    @app.get("/{name}")
    async def html(request: Request, name: str) -> HTMLResponse:  # noqa: ARG001 - what a handler takes
        return HTMLResponse(pages.get(name, ""))

    @app.post("/upload")
    async def upload(request: Request) -> str:
        form, files = await request.form(), await request.files()
        document = files["document"]
        values = set(await document.read())
        return f"{form['note']}|{document.original_filename}|{document.size}|{values.pop()}"

    @app.get("/ticks")
    async def ticks(_request: Request) -> EventSourceResponse:
        async def events():  # type: ignore[no-untyped-def]  # a generator of events
            for number in range(1, 4):
                yield ServerSentEvent({"tick": number}, event="tick", id=str(number))

        return EventSourceResponse(events)

    @app.websocket("/rooms/{room}")
    async def chat(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_json({"room": room, "text": text})

    return app


def title(browser: str, address: str) -> str:
    """Return the title of a page once its script has done its work."""
    command = [
        browser,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=8000",
        "--dump-dom",
        address,
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=90).stdout
    found = re.search(r"<title>(.*?)</title>", dom, re.S)
    return found.group(1).replace("&quot;", '"') if found else ""


def main() -> int:
    """Open every page and return the exit code."""
    parser = argparse.ArgumentParser(description="Drive the pages in a headless browser.")
    default = shutil.which("chromium") or shutil.which("google-chrome") or ""
    parser.add_argument("--browser", default=default, help="the program (default: chromium)")
    options = parser.parse_args()
    if not options.browser:
        parser.error("no chromium was found; name one with --browser")
    settings.configure(Settings(DEBUG=False, INSTALLED_APPS=()))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(application(), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        failed = 0
        for path, expected in EXPECTED.items():
            shown = title(options.browser, f"http://127.0.0.1:{port}{path}")
            ok = shown == expected
            failed += not ok
            print(f"{'ok  ' if ok else 'FAIL'} {path}: {shown!r}")
        server.should_exit = True
        thread.join(10)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
