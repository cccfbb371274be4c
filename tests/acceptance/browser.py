"""A Chromium that tests drive as people do: with the mouse's focus and the keyboard, with or without JavaScript."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

SECONDS = 60.0
"""Longest wait for a page; far more than any needs."""
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class Browser:
    """One tab, over the Chrome DevTools Protocol.

    Args:
        socket: The connection to the tab.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._has_loaded = False
        for domain in ("Page", "DOM", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = self._receive()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=SECONDS))
        if message.get("method") == "Page.loadEventFired":
            self._has_loaded = True
        return message

    def _loading(self, act: Callable[[], object]) -> None:
        """Do something that leads to another page, and wait for it."""
        self._has_loaded = False
        act()
        while not self._has_loaded:
            self._receive()

    def resize(self, width: int, height: int = 900) -> None:
        """Have a window of a size in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def switch_scripts(self, *, on: bool) -> None:
        """Have pages run scripts, or not."""
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def open(self, address: str) -> None:
        """Go to an address."""
        self._loading(lambda: self.call("Page.navigate", url=address))

    @property
    def address(self) -> str:
        """Where the tab is."""
        tree = self.call("Page.getFrameTree")["frameTree"]
        return str(tree["frame"]["url"])

    def _find(self, selector: str) -> int:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        found: int = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        assert found, f"{selector} is not on {self.address}: {self.html()}"
        return found

    def html(self) -> str:
        """Return the page as it is now."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        return str(self.call("DOM.getOuterHTML", nodeId=root)["outerHTML"])

    def type(self, name: str, text: str) -> None:
        """Type into a field of a form."""
        self.call("DOM.focus", nodeId=self._find(f"[name='{name}']"))
        self.call("Input.insertText", text=text)

    def press(self, selector: str = "main button") -> None:
        """Press a button, or follow a link, with the keyboard; wait for the page it leads to."""
        self.call("DOM.focus", nodeId=self._find(selector))

        def enter() -> None:
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
            self.call("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
            self.call("Input.dispatchKeyEvent", type="keyUp", **key)

        self._loading(enter)

    def check(self, name: str) -> None:
        """Check a box, with the space bar."""
        self.call("DOM.focus", nodeId=self._find(f"[name='{name}']"))
        key = {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=" ", **key)
        self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    def width(self) -> int:
        """Return how wide the page is, in CSS pixels; wider than the window, it scrolls sideways."""
        return int(self.call("Page.getLayoutMetrics")["cssContentSize"]["width"])

    def picture(self, path: Path) -> None:
        """Write a picture of the whole page."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def evaluate(self, source: str) -> Any:
        """Run a script and return its value."""
        result = self.call(
            "Runtime.evaluate", expression=source, awaitPromise=True, returnByValue=True
        )
        return result["result"].get("value")

    def forget(self) -> None:
        """Forget all cookies."""
        self.call("Network.clearBrowserCookies")


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Run a browser for the length of the block; the test is skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium")
    process = subprocess.Popen(
        [found, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_tab(profile, process), max_size=None, open_timeout=SECONDS) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        process.wait(timeout=SECONDS)


def _tab(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the address of the first tab, once the browser has one."""
    deadline = time.monotonic() + SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        assert process.poll() is None, "the browser has ended"
        assert time.monotonic() < deadline, "the browser has no tab"
        with contextlib.suppress(OSError, ValueError, LookupError, StopIteration):
            port = (profile / "DevToolsActivePort").read_text("utf-8").split()[0]
            with opener.open(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
                tabs = json.loads(answer.read())
            return str(next(tab for tab in tabs if tab["type"] == "page")["webSocketDebuggerUrl"])
        time.sleep(0.05)
