"""Remembered devices: browsers that are not asked for the second factor for some days, until somebody forgets them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openviper.auth import (
    end_two_factor,
    forget_devices,
    hashers,
    is_device_remembered,
    list_devices,
    password_changed,
    remember_device,
)
from openviper.auth.audit import find_events
from openviper.auth.closing import close_account
from openviper.auth.devices import clear_remembered_devices
from openviper.auth.models import AuthToken, RememberedDevice, User
from openviper.auth.tokens import create_token, find_token_user
from openviper.http.request import Request
from openviper.testing import override_openviper_settings as override
from tests.integration.auth.test_two_factor import SECOND, with_second_factor
from tests.integration.auth.visitors import JSON, OTHER_PASSWORD, Visitor, app_code, user, visited
from tests.integration.auth.web import PASSWORD

BOX = "Do not ask again on this device"


def device_cookie(visitor: Visitor) -> str:
    """Return the name of the cookie of a device."""
    (name,) = [name for name in visitor.cookies if "_device_" in name]
    return name


async def remembered(app: Any, secret: str, step: int = 0) -> Visitor:
    """Return somebody who has had the browser remembered, and has logged out."""
    visitor = Visitor(app)
    await visitor.log_in()
    done = await visitor.fill_in(SECOND, code=app_code(secret, step), remember_device="on")
    assert done.status_code == 303 and await visitor.name() == "ann"
    await visitor.fill_in("/accounts/logout")
    return visitor


async def is_asked(visitor: Visitor, password: str = PASSWORD) -> bool:
    """Return whether a login asks for the second factor."""
    answer = await visitor.log_in(password=password)
    assert answer.status_code == 303
    return bool(answer.headers["location"] == SECOND)


async def test_a_remembered_device_is_not_asked_and_another_one_is(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        secret, codes = await with_second_factor()
        visitor = await remembered(app, secret)
        assert not await is_asked(visitor) and await visitor.name() == "ann"
        other = Visitor(app)
        assert await is_asked(other) and BOX in (await other.page(SECOND)).text
        # Whoever does not want it is asked the next time.
        await other.fill_in(SECOND, code=codes[0])
        await other.fill_in("/accounts/logout")
        assert await is_asked(other)
        said = [event.event for event in await find_events(events=("two_factor",))]
        assert said.count("two_factor.device_remembered") == 1


async def test_the_cookie_is_for_the_server_alone_and_ends(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        secret, _ = await with_second_factor()
        visitor = Visitor(app, base_url="https://testserver")
        await visitor.log_in()
        done = await visitor.fill_in(SECOND, code=app_code(secret), remember_device="on")
        (cookie,) = [text for text in done.headers.getlist("set-cookie") if "_device_" in text]
        for attribute in ("HttpOnly", "Secure", "Path=/", f"Max-Age={30 * 86400}", "SameSite=Lax"):
            assert attribute in cookie
        value = cookie.partition("=")[2].partition(";")[0]
        rows = repr(await RememberedDevice.objects.all().values())
        assert value not in rows and value.partition(".")[0] not in rows


async def test_without_the_setting_nothing_is_offered_nor_remembered(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        secret, _ = await with_second_factor()
        visitor = Visitor(app)
        await visitor.log_in()
        assert BOX not in (await visitor.page(SECOND)).text
        fields = (await visitor.get(SECOND, headers=JSON)).json()["fields"]
        assert [field["name"] for field in fields] == ["code"]
        await visitor.fill_in(SECOND, code=app_code(secret), remember_device="on")
        assert await RememberedDevice.objects.count() == 0
        assert await list_devices(await user()) == []


async def test_a_setting_that_is_turned_down_holds_at_once(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        secret, _ = await with_second_factor()
        visitor = await remembered(app, secret)
        await RememberedDevice.objects.all().update(
            created_at=datetime.now(UTC) - timedelta(days=8)
        )
        for days, asked in ((0, True), (7, True), (9, False)):
            with override(TWO_FACTOR_DEVICE_DAYS=days):
                assert len(await list_devices(await user())) == int(not asked)
                assert await is_asked(visitor) is asked


End = Callable[[User], Awaitable[object]]


async def _new_password(owner: User) -> None:
    await owner.set_password(PASSWORD)  # The same one is stored under another salt.
    await owner.save()


async def _over(_owner: User) -> None:
    await RememberedDevice.objects.all().update(expires_at=datetime.now(UTC))
    assert await clear_remembered_devices() == 1


@pytest.mark.parametrize("end", [_new_password, _over, forget_devices, password_changed])
async def test_it_ends(tmp_path: Path, end: End) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        secret, _ = await with_second_factor()
        visitor = await remembered(app, secret)
        await end(await user())
        assert await list_devices(await user()) == []
        assert await is_asked(visitor)


@pytest.mark.parametrize("end", [end_two_factor, close_account])
async def test_nothing_is_left_of_it_without_second_factor_or_account(
    tmp_path: Path, end: End
) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        await remembered(app, (await with_second_factor())[0])
        await end(await user())
        assert await RememberedDevice.objects.count() == 0


async def test_a_reset_and_a_code_by_mail_find_the_device_as_logins_do(tmp_path: Path) -> None:
    from tests.integration.auth.test_account_attacks import ENTER, code_for, reset_link

    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        visitor = await remembered(app, (await with_second_factor())[0])
        done = await visitor.fill_in(ENTER, code=await code_for(visitor))
        assert done.headers["location"] == "/" and await visitor.name() == "ann"
        await visitor.fill_in("/accounts/logout")
        await visitor.new_passwords(await reset_link(visitor), OTHER_PASSWORD)
        assert await is_asked(visitor, OTHER_PASSWORD)


async def test_no_cookie_but_ours_counts(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        secret, _ = await with_second_factor()
        bobs, _ = await with_second_factor("bob")
        visitor = await remembered(app, secret)
        name = device_cookie(visitor)
        good = visitor.cookies[name]
        bob = Visitor(app)
        await bob.log_in("bob")
        await bob.fill_in(SECOND, code=app_code(bobs), remember_device="on")
        text, _, signature = good.partition(".")
        for wrong in (
            "", "x", good[:-1], f"{good}0", f"{text}.", f".{signature}", f"{text}A.{signature}", text,
            bob.cookies[device_cookie(bob)], "%00", "é", "x" * 9000,
        ):  # fmt: skip
            thief = Visitor(app, headers={"cookie": f"{name}={wrong}"})
            scope = {"type": "http", "headers": [(b"cookie", f"{name}={wrong}".encode())]}
            assert not await is_device_remembered(Request(scope), await user()), wrong
            assert await thief.name() == ""
        # One that a sub-domain has tossed beside it neither helps nor hinders.
        both = f"{name}=x; {name}={good}".encode()
        scope = {"type": "http", "headers": [(b"cookie", both)]}
        assert await is_device_remembered(Request(scope), await user())
        assert not await is_device_remembered(Request(scope), await user("bob"))


async def test_two_people_with_one_browser_have_a_cookie_each(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        secret, _ = await with_second_factor()
        bobs, _ = await with_second_factor("bob")
        visitor = await remembered(app, secret)
        first = await visitor.log_in("bob")
        assert first.headers["location"] == SECOND
        await visitor.fill_in(SECOND, code=app_code(bobs), remember_device="on")
        await visitor.fill_in("/accounts/logout")
        assert not await is_asked(visitor)
        await visitor.fill_in("/accounts/logout")
        assert (await visitor.log_in("bob")).headers["location"] == "/"


async def test_devices_are_listed_and_forgotten_on_the_page(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        secret, codes = await with_second_factor()
        here = await remembered(app, secret)
        assert not await is_asked(here)
        there = Visitor(app, headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
        await there.log_in()
        await there.fill_in(SECOND, code=codes[0], remember_device="on")
        listed = (await here.get("/accounts/sessions", headers=JSON)).json()["devices"]
        assert [each["is_current"] for each in listed] == [False, True]
        assert listed[0]["device"] == "Firefox, Linux"
        page = (await here.page("/accounts/sessions")).text
        assert page.count("Forget this device") == 2 and "Firefox, Linux" in page

        for wrong in ("x", "-1", "9" * 18, "²", "1 or 1"):
            assert (await here.fill_in("/accounts/sessions", device=wrong)).status_code == 404
        number = str(listed[0]["id"])
        done = await here.send("/accounts/sessions", device=number)
        assert done.json()["forgotten"] == 1
        assert (await here.send("/accounts/sessions", device=number)).status_code == 404
        await there.fill_in("/accounts/logout")
        assert await is_asked(there) and await here.name() == "ann"


async def test_nobody_forgets_the_devices_of_others(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        visitor = await remembered(app, (await with_second_factor())[0])
        bob = Visitor(app)
        await bob.log_in("bob")
        number = str((await RememberedDevice.objects.get()).pk)
        assert (await bob.fill_in("/accounts/sessions", device=number)).status_code == 404
        await bob.fill_in("/accounts/sessions")
        assert not await is_asked(visitor)


async def test_ending_all_other_sessions_forgets_all_other_devices(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        secret, codes = await with_second_factor()
        here = await remembered(app, secret)
        there = Visitor(app)
        await there.log_in()
        await there.fill_in(SECOND, code=codes[0], remember_device="on")
        await is_asked(here)
        done = await here.send("/accounts/sessions")
        assert (done.json()["ended"], done.json()["forgotten"]) == (1, 1)
        assert await is_asked(there)
        await here.fill_in("/accounts/logout")
        assert not await is_asked(here)


async def test_a_device_is_remembered_where_sessions_cannot_be_listed(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30, SESSION_STORE="cookie") as app:
        visitor = await remembered(app, (await with_second_factor())[0])
        assert not await is_asked(visitor)
        page = (await visitor.page("/accounts/sessions")).text
        assert "cannot be listed" in page and "Forget this device" in page
        number = str((await RememberedDevice.objects.get()).pk)
        assert (await visitor.fill_in("/accounts/sessions", device=number)).status_code == 303


async def test_a_password_that_is_hashed_anew_ends_neither_devices_nor_tokens(
    tmp_path: Path,
) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        visitor = await remembered(app, (await with_second_factor())[0])
        raw, _ = await create_token(await user())
        before = (await user()).password
        hashers.SCRYPT_LN = 5
        assert not await is_asked(visitor)
        assert (await user()).password != before
        assert await find_token_user(raw) == await user()
        await visitor.fill_in("/accounts/logout")
        assert not await is_asked(visitor)
        assert await AuthToken.objects.count() == 1


async def test_where_no_cookie_can_be_sent_nothing_is_remembered(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30):
        request = Request({"type": "http", "headers": []})
        assert not await remember_device(request, await user())
        assert await RememberedDevice.objects.count() == 0
