"""A project that was made with accounts, in a browser: every flow, with and without scripts, on small and large windows."""

from __future__ import annotations

import email
import email.policy
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.auth.totp import code_at, step_at
from tests.acceptance.browser import Browser, chromium
from tests.acceptance.running import free_port, serving, succeed

pytestmark = pytest.mark.one_version

PASSWORD = "correct horse 7 battery"
OTHER = "staple 8 of another kind"
SIZES = (360, 800, 1400)
SECONDS = 60.0


class Site:
    """A project that serves its account pages, and the mails that it sends.

    Attributes:
        address: Where it is.
    """

    def __init__(self, address: str, mails: Path) -> None:
        self.address = address
        self._mails = mails
        self._read: set[Path] = set()

    def mail(self) -> str:
        """Return the next mail, as text, once it is there."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for path in sorted(self._mails.glob("*.eml")):
                if path not in self._read:
                    self._read.add(path)
                    return _text_of(path)
            time.sleep(0.02)
        raise AssertionError("there is no mail")

    def link(self) -> str:
        """Return the link in the next mail."""
        found = re.search(r"^http\S+", self.mail(), re.M)
        assert found is not None
        return found[0]


def _text_of(path: Path) -> str:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None and message.get_body(("html",)) is not None
    text: str = body.get_content()
    return text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project made with accounts, in a server."""
    directory = tmp_path_factory.mktemp("site")
    succeed("-m", "openviper", "create-project", "club", "--with", "accounts", cwd=directory)
    project, mails, port = directory / "club", directory / "mails", free_port()
    succeed("viperctl.py", "migrate", cwd=project)
    words = ("viperctl.py", "start-server", "--port", str(port), "--no-reload")
    more = {
        "OPENVIPER_EMAIL_BACKEND": "file",
        "OPENVIPER_EMAIL_FILE_PATH": str(mails),
        "OPENVIPER_SESSION_TIMEOUT": "3600",
        "OPENVIPER_TWO_FACTOR_DEVICE_DAYS": "30",
    }
    with serving(*words, cwd=project, port=port, **more) as address:
        yield Site(address, mails)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser."""
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


def is_on(browser: Browser, path: str) -> bool:
    """Return whether the browser shows a page of the site."""
    return re.sub(r"^http://[^/]+|\?.*", "", browser.address) == path


def looked_at(browser: Browser, pictures: Path, name: str) -> None:
    """Look at a page in windows of three sizes: nothing may stick out at the side."""
    for size in SIZES:
        browser.resize(size)
        browser.picture(pictures / f"{name}-{size}.png")
        assert browser.width() <= size, f"{name} is wider than {size}"


def sign_up(browser: Browser, site: Site, name: str, pictures: Path) -> None:
    browser.open(f"{site.address}/root/home")
    browser.press("a[href='/accounts/sign-up']")
    looked_at(browser, pictures, "sign-up")
    browser.type("email", f"{name}@example.org")
    browser.press()
    looked_at(browser, pictures, "told")
    browser.open(site.link())
    browser.type("username", name)
    browser.type("new_password", PASSWORD)
    browser.type("new_password_again", "something else")
    browser.press()
    assert "The two passwords differ." in browser.html()
    looked_at(browser, pictures, "finish-sign-up")
    browser.type("new_password", PASSWORD)
    browser.type("new_password_again", PASSWORD)
    browser.press()
    assert is_on(browser, "/accounts"), browser.address
    looked_at(browser, pictures, "overview")


def log_out(browser: Browser, site: Site) -> None:
    browser.open(f"{site.address}/accounts/logout")
    browser.press()
    assert "You are logged out." in browser.html()


def log_in(browser: Browser, site: Site, name: str, password: str) -> None:
    browser.open(f"{site.address}/accounts/login")
    browser.type("username", name)
    browser.type("password", password)
    browser.press()


def second_factor(browser: Browser, site: Site, pictures: Path) -> tuple[str, list[str]]:
    browser.open(f"{site.address}/accounts/two-factor")
    looked_at(browser, pictures, "two-factor")
    found = re.search(r'class="accounts-key">([A-Z2-7]+)<', browser.html())
    assert found is not None and "<svg" in browser.html()
    browser.type("code", code_at(found[1], step_at(time.time()) - 1))
    browser.press()
    looked_at(browser, pictures, "recovery-codes-shown")
    codes = re.findall(r"<li><code>([a-z2-7-]+)</code>", browser.html())
    assert len(codes) == 10
    assert "turned on" in site.mail()
    return found[1], codes


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_all_that_people_do_with_their_accounts(
    browser: Browser, site: Site, tmp_path: Path, scripts: bool
) -> None:
    browser.switch_scripts(on=scripts)
    browser.forget()
    name = "ann" if scripts else "bea"
    sign_up(browser, site, name, tmp_path)
    log_out(browser, site)

    log_in(browser, site, name, "wrong")
    assert "The name or the password is wrong." in browser.html()
    looked_at(browser, tmp_path, "login")
    log_in(browser, site, f"{name}@example.org", PASSWORD)
    assert is_on(browser, "/accounts")

    secret, codes = second_factor(browser, site, tmp_path)
    log_out(browser, site)
    log_in(browser, site, name, PASSWORD)
    assert is_on(browser, "/accounts/login/second-factor")
    looked_at(browser, tmp_path, "second-factor")
    browser.check("remember_device")
    browser.type("code", code_at(secret, step_at(time.time()) + 1))
    browser.press()
    assert is_on(browser, "/accounts")
    log_out(browser, site)
    log_in(browser, site, name, PASSWORD)
    assert is_on(browser, "/accounts"), "the device is not remembered"
    browser.open(f"{site.address}/accounts/sessions")
    assert "Forget this device" in browser.html()

    browser.open(f"{site.address}/accounts/password")
    browser.type("password", PASSWORD)
    browser.type("new_password", OTHER)
    browser.type("new_password_again", OTHER)
    browser.press()
    assert "Your password is changed." in browser.html()
    looked_at(browser, tmp_path, "changed")
    assert "was changed" in site.mail()
    log_out(browser, site)

    browser.open(f"{site.address}/accounts/login")
    browser.press("a[href='/accounts/password/reset']")
    browser.type("email", f"{name}@example.org")
    browser.press()
    browser.open(site.link())
    browser.type("new_password", PASSWORD)
    browser.type("new_password_again", PASSWORD)
    browser.press()
    assert is_on(browser, "/accounts/login")
    assert "was reset" in site.mail()

    browser.press("a[href='/accounts/login/code']")
    browser.type("email", f"{name}@example.org")
    browser.press()
    found = re.search("log in: ([0-9 ]{9})", site.mail())
    assert found is not None
    browser.type("code", found[1])
    browser.press()
    browser.type("code", codes[0])
    browser.press()
    assert is_on(browser, "/accounts")

    browser.open(f"{site.address}/accounts/email")
    looked_at(browser, tmp_path, "email")
    browser.type("email", f"{name}2@example.org")
    browser.press()
    links = [text for text in (site.mail(), site.mail()) if "Follow this link" in text]
    found = re.search(r"^http\S+", links[0], re.M)
    assert found is not None
    browser.open(found[0])
    looked_at(browser, tmp_path, "change-email")
    browser.press()
    assert f"{name}2@example.org" in browser.html()
    assert "was changed" in site.mail()

    browser.open(f"{site.address}/accounts/sessions")
    assert "this one" in browser.html()
    looked_at(browser, tmp_path, "sessions")

    browser.open(f"{site.address}/accounts/two-factor/end")
    looked_at(browser, tmp_path, "end-two-factor")
    browser.press()
    assert "The second factor is off." in browser.html()
    assert "turned off" in site.mail()

    browser.open(f"{site.address}/accounts/delete")
    looked_at(browser, tmp_path, "delete")
    browser.check("understood")
    browser.press()
    assert "Your account is deleted." in browser.html()
    assert "was deleted" in site.mail()
    log_in(browser, site, name, PASSWORD)
    assert "The name or the password is wrong." in browser.html()
