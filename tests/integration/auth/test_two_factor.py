"""The second factor: no way to log in goes around it, and no code is good twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.auth import (
    SecondFactorRequired,
    begin_two_factor,
    check_second_factor,
    confirm_two_factor,
    count_recovery_codes,
    end_two_factor,
    has_two_factor,
    login,
    new_recovery_codes,
)
from openviper.auth.models import AnonymousUser, RecoveryCode, TOTPDevice, User
from openviper.auth.views import jwt_routes
from openviper.testing import OpenViperTestClient
from tests.integration.auth.visitors import (
    OTHER_PASSWORD,
    Visitor,
    app_code,
    turn_on_second_factor,
    user,
    visited,
)
from tests.integration.auth.web import PASSWORD

SECOND = "/accounts/login/second-factor"


async def with_second_factor(name: str = "ann") -> tuple[str, list[str]]:
    """Give a user a second factor; return the secret and the recovery codes."""
    owner = await user(name)
    setup = await begin_two_factor(owner)
    codes = await confirm_two_factor(owner, app_code(setup.secret, -1))
    assert codes is not None
    return setup.secret, codes


async def test_it_counts_once_a_code_was_right(tmp_path: Path) -> None:
    async with visited(tmp_path):
        ann = await user()
        assert not await has_two_factor(ann)
        setup = await begin_two_factor(ann)
        assert await begin_two_factor(ann) == setup
        assert not await has_two_factor(ann)
        assert await confirm_two_factor(ann, "000000x") is None
        codes = await confirm_two_factor(ann, app_code(setup.secret))
        assert codes is not None and len(set(codes)) == 10
        assert await has_two_factor(ann)
        assert await confirm_two_factor(ann, app_code(setup.secret, 1)) is None
        with pytest.raises(ValueError, match="has a second factor already"):
            await begin_two_factor(ann)
        with pytest.raises(ValueError, match="not saved"):
            await begin_two_factor(User(username="x"))


async def test_neither_the_secret_nor_the_codes_can_be_read_from_the_tables(tmp_path: Path) -> None:
    async with visited(tmp_path):
        setup = await begin_two_factor(await user())
        assert setup.secret not in repr(setup)
        codes = await confirm_two_factor(await user(), app_code(setup.secret))
        assert codes is not None
        stored = repr(list(await TOTPDevice.objects.all().values()))
        stored += repr(list(await RecoveryCode.objects.all().values()))
        assert setup.secret not in stored and "enc2$" in stored
        assert not any(code in stored or code.replace("-", "") in stored for code in codes)


async def test_a_code_of_the_app_is_good_once(tmp_path: Path) -> None:
    async with visited(tmp_path):
        secret, _ = await with_second_factor()
        ann, code = await user(), app_code(secret)
        tried = await asyncio.gather(*(check_second_factor(ann, code) for _ in range(8)))
        assert sorted(tried) == [False] * 7 + [True]
        # Nor one that stands for an earlier moment.
        assert not await check_second_factor(ann, app_code(secret, -1))
        assert await check_second_factor(ann, app_code(secret, 1))


async def test_a_recovery_code_is_good_once_however_it_is_written(tmp_path: Path) -> None:
    async with visited(tmp_path):
        _, codes = await with_second_factor()
        ann = await user()
        written = codes[0].upper().replace("-", " ").replace("O", "0").replace("L", "1")
        tried = await asyncio.gather(*(check_second_factor(ann, written) for _ in range(8)))
        assert sorted(tried) == [False] * 7 + [True]
        assert await count_recovery_codes(ann) == 9
        again = await new_recovery_codes(ann)
        assert not await check_second_factor(ann, codes[1])
        assert await check_second_factor(ann, again[1])


async def test_nobody_elses_recovery_code_is_good(tmp_path: Path) -> None:
    async with visited(tmp_path):
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        _, codes = await with_second_factor()
        await with_second_factor("bob")
        assert not await check_second_factor(await user("bob"), codes[0])
        assert await check_second_factor(await user("ann"), codes[0])


@pytest.mark.parametrize("code", ["", "0", "\ud800", "\0", "x" * 100_000, "ａａａａ"])
async def test_what_is_no_code_is_wrong(tmp_path: Path, code: str) -> None:
    async with visited(tmp_path):
        await with_second_factor()
        assert not await check_second_factor(await user(), code)


async def test_who_has_none_is_never_right(tmp_path: Path) -> None:
    async with visited(tmp_path):
        setup = await begin_two_factor(await user())
        assert not await check_second_factor(await user(), app_code(setup.secret))
        assert not await end_two_factor(await user())


async def test_once_ended_a_new_one_has_another_secret(tmp_path: Path) -> None:
    async with visited(tmp_path):
        secret, codes = await with_second_factor()
        assert await end_two_factor(await user())
        assert not await has_two_factor(await user())
        assert not await check_second_factor(await user(), codes[0])
        assert (await begin_two_factor(await user())).secret != secret


async def test_the_password_alone_does_not_log_in(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        owner = Visitor(app)
        await owner.log_in()
        secret, codes = await turn_on_second_factor(owner)
        assert await owner.name() == "ann"

        visitor = Visitor(app)
        for path in ("/accounts/login?next=/members", "/login"):
            first = await visitor.fill_in(path, username="ann", password=PASSWORD)
            assert await visitor.name() == ""
        # A page of the project's own that knows of no second factor: back to where one can be shown.
        assert (first.status_code, first.headers["location"]) == (303, "/accounts/login")
        assert (await visitor.get("/members")).status_code == 401
        done = await visitor.fill_in(f"{SECOND}?next=/members", code=app_code(secret))
        assert (done.status_code, done.headers["location"]) == (303, "/members")
        assert await visitor.name() == "ann"

        other = Visitor(app)
        first = await other.log_in()
        assert (first.status_code, first.headers["location"]) == (303, SECOND)
        assert (await other.fill_in(SECOND, code=codes[3])).status_code == 303
        assert await other.name() == "ann"


async def test_a_used_code_does_not_log_a_second_browser_in(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        secret, _ = await with_second_factor()
        code, answers = app_code(secret), []
        for _ in range(2):
            visitor = Visitor(app)
            await visitor.log_in()
            answers.append((await visitor.fill_in(SECOND, code=code)).status_code)
        assert answers == [303, 401]


async def test_the_second_step_needs_the_first(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        secret, _ = await with_second_factor()
        visitor = Visitor(app)
        assert (await visitor.page(SECOND)).headers["location"] == "/accounts/login"
        answer = await visitor.fill_in(SECOND, code=app_code(secret))
        assert answer.status_code == 401 and await visitor.name() == ""


async def test_the_first_step_is_over_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visited(tmp_path) as app:
        secret, _ = await with_second_factor()
        monkeypatch.setattr("openviper.auth.login_steps.PENDING_SECONDS", -1)
        visitor = Visitor(app)
        await visitor.log_in()
        answer = await visitor.fill_in(SECOND, code=app_code(secret))
        assert answer.status_code == 401 and "Too much time has passed" in answer.text


async def test_a_new_password_ends_the_first_step(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        secret, _ = await with_second_factor()
        visitor = Visitor(app)
        await visitor.log_in()
        ann = await user()
        await ann.set_password(OTHER_PASSWORD)
        await ann.save()
        assert (await visitor.fill_in(SECOND, code=app_code(secret))).status_code == 401


async def test_a_planted_session_is_not_taken_along_to_the_second_step(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        await with_second_factor()
        attacker = Visitor(app)
        await attacker.get("/set/cart/1")
        planted = attacker.cookies["sessionid"]
        victim = Visitor(app)
        victim.cookies["sessionid"] = planted
        await victim.log_in()
        assert victim.cookies["sessionid"] != planted
        assert (await attacker.page(SECOND)).headers["location"] == "/accounts/login"


async def test_guessing_codes_gets_slower_and_slower(tmp_path: Path) -> None:
    async with visited(tmp_path, LOGIN_FAILURES_PER_ACCOUNT=3) as app:
        secret, _ = await with_second_factor()
        statuses = []
        for number in range(4):
            # The right password again and again does not forgive the codes, nor does another address.
            visitor = Visitor(app, client=(f"192.0.2.{number}", 1))
            await visitor.log_in()
            statuses.append((await visitor.fill_in(SECOND, code="000000")).status_code)
        assert statuses == [401, 401, 401, 429]
        late = await visitor.fill_in(SECOND, code=app_code(secret))
        assert late.status_code == 429 and "retry-after" in late.headers
        assert await visitor.name() == ""


async def test_names_that_people_type_do_not_hold_up_second_factors(tmp_path: Path) -> None:
    async with visited(tmp_path, LOGIN_FAILURES_PER_ACCOUNT=3) as app:
        secret, _ = await with_second_factor()
        for name in (str((await user()).pk), "second-factor"):
            for _ in range(4):
                await Visitor(app).log_in(name, "wrong")
        visitor = Visitor(app)
        await visitor.log_in()
        assert (await visitor.fill_in(SECOND, code=app_code(secret))).status_code == 303


async def test_login_refuses_who_has_not_shown_it(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        await with_second_factor()

        @app.get("/enter/{shown}")
        async def enter(request: Request, shown: str) -> str:
            await login(request, await user(), second_factor_shown=shown == "yes")
            return "in"

        visitor = Visitor(app)
        refused = await visitor.get("/enter/no")
        assert refused.status_code == 401
        assert refused.json()["detail"]["code"] == "second_factor_required"
        assert await visitor.name() == ""
        assert (await visitor.get("/enter/yes")).text == "in"
        assert issubclass(SecondFactorRequired, Exception)


async def test_tokens_need_it_too(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        for path, handler, methods in jwt_routes:
            app.router.add(f"/api{path}", handler, methods)
        secret, _ = await with_second_factor()
        client = OpenViperTestClient(app)

        async def ask(**values: Any) -> Any:
            body = {"username": "ann", "password": PASSWORD, **values}
            return await client.post("/api/jwt/login", json=body)

        without = await ask()
        assert without.status_code == 401
        assert without.json()["detail"]["code"] == "second_factor_required"
        assert (await ask(code="000000x")).status_code == 401
        assert (await ask(code=5)).status_code == 401
        assert "second" not in (await ask(password="wrong")).text
        good = await ask(code=app_code(secret))
        assert set(good.json()) == {"access", "refresh"}
        assert (await ask(code=app_code(secret))).status_code == 401


async def test_turning_it_on_ends_sessions_that_have_not_shown_it(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        here, elsewhere = Visitor(app), Visitor(app)
        await here.log_in()
        await elsewhere.log_in()
        before = here.cookies["sessionid"]
        await turn_on_second_factor(here)
        assert here.cookies["sessionid"] != before
        assert (await here.name(), await elsewhere.name()) == ("ann", "")


async def test_anonymous_users_have_none(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        assert isinstance(app, OpenViper)
        assert not await has_two_factor(AnonymousUser())
