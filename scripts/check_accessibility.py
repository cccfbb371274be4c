#!/usr/bin/env python3
"""Have axe-core look at the account pages or the manual, in windows of three sizes, light and dark; it is no part of this repository.

    npm pack axe-core && tar xzf axe-core-*.tgz
    python3 scripts/check_accessibility.py package/axe.min.js [--manual] [--pictures DIR]

Makes a project with accounts, serves it on this machine, and goes through all of its pages in a headless Chromium, its page of the API
among them; or with ``--manual`` writes the manual into a folder and goes through that. Ends with 1 if axe finds anything, or a page is
wider than its window.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from openviper.auth.totp import code_at, step_at  # noqa: E402
from openviper.documentation.site import Site as Manual  # noqa: E402
from openviper.version import VERSION  # noqa: E402
from tests.acceptance.browser import Browser, chromium  # noqa: E402
from tests.acceptance.running import free_port, serving, succeed  # noqa: E402
from tests.acceptance.test_account_pages import PASSWORD, SIZES, Site  # noqa: E402

RUN = """
axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(
  found => JSON.stringify(found.violations.map(each => `${each.id}: ${each.nodes.map(node => node.html).join(" ")}`)))
"""


class Visit:
    """A walk through all pages, and what was found on the way.

    Args:
        browser: The browser.
        site: The site.
        axe: The source of axe-core.
        pictures: Where pictures of the pages go; nowhere if `None`.
    """

    def __init__(self, browser: Browser, site: Site, axe: str, pictures: Path | None) -> None:
        self._browser, self._site, self._axe, self._pictures = browser, site, axe, pictures
        self.pages = 0
        self.found: list[str] = []

    def look(self, path: str = "") -> None:
        """Look at a page of the site, or at the one that is there."""
        if path:
            self._browser.open(f"{self._site.address}{path}")
        self.pages += 1
        for mode in ("light", "dark"):
            scheme = {"name": "prefers-color-scheme", "value": mode}
            self._browser.call("Emulation.setEmulatedMedia", features=[scheme])
            for size in SIZES:
                self._look_at(f"{self.pages:02}-{mode}-{size}", size)

    def _look_at(self, name: str, size: int) -> None:
        self._browser.resize(size)
        self._browser.evaluate(f"{self._axe};0")
        faults: list[str] = json.loads(self._browser.evaluate(RUN))
        if self._browser.width() > size:
            faults.append(f"the page is {self._browser.width()} wide")
        self.found += [f"{name} {self._browser.address}: {fault}" for fault in faults]
        if self._pictures is not None:
            self._browser.picture(self._pictures / f"{name}.png")

    def manual(self, folder: Path) -> None:
        """Go through the manual in a folder."""
        for page in sorted(folder.rglob("*.html")):
            self._browser.open(page.as_uri())
            self.look()

    def send(self, **fields: str) -> None:
        """Fill in the form of the page that is there, send it, and look at what comes."""
        for name, text in fields.items():
            self._browser.evaluate(f"document.querySelector('[name={name}]').value = ''")
            self._browser.type(name, text)
        self._browser.press()
        self.look()

    def follow(self, mark: str) -> None:
        """Follow the link in the next mail that holds some words."""
        while mark not in (text := self._site.mail()):
            pass
        found = re.search(r"^http\S+", text, re.M)
        assert found is not None, text
        self._browser.open(found[0])
        self.look()

    def strangers(self) -> None:
        """Go through the pages for everybody."""
        others = ("/root/home", "/nope", "/open-api/docs")
        for path in (*others, "/accounts/logout", "/accounts/password/reset/x"):
            self.look(path)
        self.look("/accounts/login")
        self.send(username="nobody", password="wrong")
        self.look("/accounts/login/code")
        self.send(email="nobody@example.org")
        self.send(code="wrong")
        self.look("/accounts/sign-up")
        self.send(email="ann@example.org")
        self.follow("sign-up/")
        self.send(username="a b", new_password="short", new_password_again="other")
        self.send(username="ann", new_password=PASSWORD, new_password_again=PASSWORD)

    def members(self) -> None:
        """Go through the pages for who has logged in."""
        for name in ("confirm", "delete", "email/verify", "password"):
            self.look(f"/accounts/{name}")
        self.send(password="wrong", new_password="ann@example.org", new_password_again="other")
        self.look("/accounts/email")
        self.send(email="new@example.org")
        self.follow("email/change/")
        self.look("/accounts/two-factor")
        secret = re.search(r'class="accounts-key">([A-Z2-7]+)<', self._browser.html())
        assert secret is not None
        self.send(code=code_at(secret[1], step_at(time.time()) - 1))
        for name in ("", "/recovery-codes", "/end"):
            self.look(f"/accounts/two-factor{name}")
        self.look("/accounts/logout")
        self.send()
        self.look("/accounts/login")
        self.send(username="ann", password=PASSWORD)
        self.send(code="wrong")
        self._browser.check("remember_device")
        self.send(code=code_at(secret[1], step_at(time.time()) + 1))
        self.look("/accounts/sessions")
        self.look("/accounts/password/reset")
        self.send(email="ann@example.org")
        self.follow("password/reset/")


@contextmanager
def served(directory: Path) -> Iterator[Site]:
    """Serve a new project with accounts for the length of the block."""
    succeed("-m", "openviper", "create-project", "club", "--with", "accounts", cwd=directory)
    project, mails, port = directory / "club", directory / "mails", free_port()
    succeed("viperctl.py", "migrate", cwd=project)
    settings = {
        "EMAIL_BACKEND": "file",
        "EMAIL_FILE_PATH": str(mails),
        "RECENT_LOGIN_SECONDS": "3600",
        "TWO_FACTOR_DEVICE_DAYS": "30",
    }
    more = {f"OPENVIPER_{name}": value for name, value in settings.items()}
    words = ("viperctl.py", "start-server", "--port", str(port), "--no-reload")
    with serving(*words, cwd=project, port=port, **more) as address:
        yield Site(address, mails)


def main() -> int:
    """Look at all pages, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("axe", type=Path, help="the file axe.min.js")
    parser.add_argument("--manual", action="store_true", help="look at the manual instead")
    parser.add_argument("--pictures", type=Path, help="a directory for pictures of the pages")
    options = parser.parse_args()
    axe = options.axe.read_text("utf-8")
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, chromium(Path(name, "profile")) as browser:
        if options.manual:
            visit = Visit(browser, Site("", Path(name)), axe, options.pictures)
            Manual().build(Path(name, "manual"))
            visit.manual(Path(name, "manual", VERSION))
        else:
            with served(Path(name)) as site:
                visit = Visit(browser, site, axe, options.pictures)
                visit.strangers()
                visit.members()
    print("\n".join(visit.found) or f"nothing found on {visit.pages} pages")
    return 1 if visit.found else 0


if __name__ == "__main__":
    sys.exit(main())
