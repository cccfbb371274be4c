"""Further attacks: names in other letters, links and rows that outlive what they were for, credentials in odd places."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from openviper.auth import (
    authenticate,
    create_api_key,
    create_token,
    is_email_verified,
    issue_tokens,
)
from openviper.auth.models import APIKey, AuthToken, LoginAttempt, User
from openviper.auth.owned import OWNED
from openviper.auth.throttle import LoginThrottle, LoginThrottledError
from openviper.auth.token_keys import token_keys
from openviper.core.context import current_user, run_as
from tests.integration.auth.database import accounts
from tests.integration.auth.test_tokens import tokens
from tests.integration.auth.visitors import (
    OTHER_PASSWORD,
    PAGE,
    Visitor,
    link_in,
    mails_to,
    turn_on_second_factor,
    user,
    visited,
)
from tests.integration.auth.web import PASSWORD, Browser, site

# Delays


@pytest.mark.parametrize(
    ("stored", "spellings"),
    [
        (("pascoe", "p@example.org"), ["pascoe", "PASCOE", "раscое", "рascoe", "pаscoe", "pasсoe"]),
        (("ann@example.org", "a@x.org"), ["ann@example.org", "аnn@example.org", "ann@exаmple.org",
                                         "ann@examрle.org", "ANN@EXAMPLE.ORG", "аnn@exаmple.org"]),
        (("bob", "bob@bücher.example"), ["bob@bücher.example", "bob@BÜCHER.example", "bob@xn--bcher-kva.example",
                                         "bob@xn--BCHER-kva.example", "bob@bu\u0308cher.example", "BOB@bücher.example"]),
    ],
)  # fmt: skip
async def test_every_spelling_that_finds_an_account_counts_as_one(
    tmp_path: Path, stored: tuple[str, str], spellings: list[str]
) -> None:
    async with accounts(tmp_path, LOGIN_FAILURES_PER_ADDRESS=0):
        await User.objects.create_user(*stored, PASSWORD)
        refused = 0
        for number, name in enumerate(spellings):
            assert await authenticate(name, PASSWORD) is not None, name
            scope = {"type": "http", "client": (f"192.0.2.{number}", 1), "headers": []}
            try:
                await LoginThrottle(name, scope).take()
            except LoginThrottledError:
                refused += 1
        assert refused == 1  # Five are free.


async def test_a_success_forgives_every_spelling(tmp_path: Path) -> None:
    async with accounts(tmp_path, LOGIN_FAILURES_PER_ADDRESS=0):
        scope = {"type": "http", "client": ("192.0.2.1", 1), "headers": []}
        for _ in range(20):
            throttle = LoginThrottle("раscое@bücher.example", scope)
            await throttle.take()
            await throttle.forgive()
        assert await LoginAttempt.objects.count() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "6.6.6.{n}"},
        {"x-real-ip": "6.6.6.{n}"},
        {"forwarded": "for=6.6.6.{n}"},
        {"x-forwarded-for": "6.6.6.{n}, 7.7.7.{n}", "client-ip": "6.6.6.{n}"},
    ],
)
async def test_no_header_of_a_stranger_makes_another_address(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    async with site(tmp_path, LOGIN_FAILURES_PER_ADDRESS=2) as app:
        statuses = []
        for number in range(4):
            given = {name: value.format(n=number) for name, value in headers.items()}
            browser = Browser(app, headers=given)
            statuses.append((await browser.log_in(f"name{number}", "wrong")).status_code)
        assert statuses == [401, 401, 429, 429]


# Links


async def test_a_link_to_change_the_address_is_good_once_though_the_address_comes_back(
    tmp_path: Path,
) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        await visitor.log_in()

        async def change(address: str) -> str:
            await visitor.fill_in("/accounts/email", email=address)
            link = link_in(mails_to(address)[-1])
            assert (await Visitor(app).fill_in(link)).status_code == 303
            assert (await user()).email == address
            return link

        there = await change("new@example.org")
        back = await change("ann@example.org")
        # Whoever reads the mails to the address that was given up.
        for link in (there, back):
            assert (await Visitor(app).fill_in(link)).status_code == 410
        assert (await user()).email == "ann@example.org"


async def test_links_to_verify_are_good_once_and_for_the_address_they_were_sent_to(
    tmp_path: Path,
) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        await visitor.log_in()
        links = []
        for _ in range(2):
            await visitor.fill_in("/accounts/email/verify")
            links.append(link_in(mails_to("ann@example.org")[-1]))
        stranger = Visitor(app)
        statuses = [(await stranger.fill_in(link)).status_code for link in (*links, links[0])]
        assert statuses == [303, 410, 410]
        await User.objects.all().update(email="other@example.org")
        assert not await is_email_verified(await user())
        assert (await stranger.fill_in(links[0])).status_code == 410


async def test_of_two_sign_ups_with_one_link_one_makes_an_account(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitors = [Visitor(app) for _ in range(4)]
        await visitors[0].fill_in("/accounts/sign-up", email="bob@example.org")
        link = link_in(mails_to("bob@example.org")[0])
        new = {"new_password": OTHER_PASSWORD, "new_password_again": OTHER_PASSWORD}
        answers = await asyncio.gather(
            *(
                each.fill_in(link, username=f"bob{number}", **new)
                for number, each in enumerate(visitors)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410]
        assert await User.objects.filter(email="bob@example.org").count() == 1


# What is left of an account


async def test_nothing_of_a_deleted_user_is_left_for_the_next_one_with_its_key(
    tmp_path: Path,
) -> None:
    async with visited(tmp_path) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        for way in ("one", "many"):
            visitor = Visitor(app)
            await visitor.log_in()
            await visitor.fill_in("/accounts/email/verify")
            await Visitor(app).fill_in(link_in(mails_to("ann@example.org")[-1]))
            await turn_on_second_factor(visitor)
            ann = await user()
            key, _ = await create_api_key(ann)
            raw, _ = await create_token(ann.pk)
            await create_api_key(await user("bob"))
            if way == "one":
                await ann.delete()
            else:
                assert await User.objects.filter(username="ann").delete() == 1
            for model in OWNED:
                assert await model.objects.filter(user_id="1").count() == 0, model
            await User(pk=1, username="ann", email="ann@example.org", password=ann.password).save()
            for given in (f"Api-Key {key}", f"Token {raw}"):
                thief = Visitor(app, headers={"authorization": given})
                assert await thief.name() == ""
        assert await APIKey.objects.filter(user_id="2").count() == 2


# Tokens


def signed(header: str, claims: str) -> str:
    """Return a token with a signature of ours, whatever it says."""
    text = ".".join(
        base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (header, claims)
    )
    digest = hmac.digest(token_keys()[0].secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


HEADERS = (
    ('{"alg":"HS256","crit":["b64"],"b64":false}', False),
    ('{"alg":"HS256","crit":[]}', False),
    ('{"alg":"HS256","alg":"none"}', False),
    ('{"alg":"none","alg":"HS256"}', False),
    ('{"alg":"hs256"}', False),
    ('{"alg":["HS256"]}', False),
    ('{"alg":"HS256","kid":{"a":1}}', False),
    ('{"alg":"HS256","kid":["a"]}', False),
    ('{"alg":"HS256","kid":"' + "x" * 3000 + '"}', False),
    ('["HS256"]', False),
    ("[" * 3000, False),
    ('{"alg":"HS256","a":' + "[" * 1500 + "]" * 1500 + "}", None),
    # What we do not look at: where keys are to be had, and how the content is packed.
    ('{"alg":"HS256","jku":"https://evil.example/keys","x5u":"//evil","jwk":{"k":"AA"}}', True),
    ('{"alg":"HS256","zip":"DEF","cty":"JWT"}', True),
)


@pytest.mark.parametrize(("header", "is_good"), HEADERS)
async def test_what_a_token_says_of_itself_decides_nothing(
    tmp_path: Path, header: str, is_good: bool | None
) -> None:
    async with tokens(tmp_path) as app:
        ann = await User.objects.get(username="ann")
        claims = issue_tokens(ann).access.split(".")[1]
        claims = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).decode()
        token = signed(header, claims)
        answer = await Browser(app).get("/private", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code in ((200, 401) if is_good is None else (200 if is_good else 401,))


@pytest.mark.parametrize(
    "change",
    [
        {"exp": 1e308}, {"exp": "9999999999"}, {"exp": True}, {"exp": None}, {"sub": 1}, {"sub": ""}, {"sub": "1 "},
        {"sub": "1\x00"}, {"sub": "9" * 300}, {"type": ["access"]}, {"jti": None}, {"fam": ""}, {"nbf": "x"},
        {"pwd": ""}, {"pwd": None}, {"pwd": 5}, {"sub": "2"},
    ],
)  # fmt: skip
async def test_claims_that_are_almost_right_are_refused(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    # Only who has the key can write these; the server must not fall over them.
    async with tokens(tmp_path) as app:
        ann = await User.objects.get(username="ann")
        part = issue_tokens(ann).access.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        token = signed('{"alg":"HS256"}', json.dumps({**claims, **change}))
        answer = await Browser(app).get("/private", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == (200 if change in ({"exp": 1e308}, {"sub": "1 "}) else 401)


async def test_a_credential_counts_in_its_header_only(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        ann = await User.objects.get(username="ann")
        key, _ = await create_api_key(ann)
        raw, _ = await create_token(ann)
        pair = issue_tokens(ann)
        for given in (key, raw, pair.access, pair.refresh):
            client = Browser(app, headers={"cookie": f"sessionid={given}; token={given}"})
            for name in ("api_key", "access_token", "token", "key"):
                assert (await client.get("/whoami", params={name: given})).json()["user"] == ""
            for name in ("x-api-key", "x-auth-token", "proxy-authorization", "api-key"):
                answer = await client.get("/whoami", headers={name: given})
                assert answer.json()["user"] == ""
            basic = base64.b64encode(f"{given}:".encode()).decode()
            for odd in (given, f"Basic {basic}", f"Bearer,{given}", f"Token token={given}",
                        f"Bearer Bearer {given}", f"Api-Key  {given} x"):  # fmt: skip
                answer = await client.get("/whoami", headers={"authorization": odd})
                assert answer.json()["user"] == "", odd
        assert await AuthToken.objects.count() == 1


# Forms from elsewhere


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded; charset=utf-16", "MULTIPART/FORM-DATA; boundary=x",
     "multipart/form-data", "application/json; charset=utf-7", "application/csp-report", "text/xml", "*/*", "",
     "application/x-www-form-urlencoded, application/json", "multipart/form-data; boundary=" + "x" * 300],
)  # fmt: skip
async def test_no_content_type_gets_around_the_token(tmp_path: Path, content_type: str) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        await visitor.log_in()
        for body in (b"understood=on", b'{"understood": true}', b"--x\r\n\r\n--x--", b"\xff\xfe"):
            answer = await visitor.post(
                "/accounts/delete", content=body, headers={**PAGE, "content-type": content_type}
            )
            assert answer.status_code in (400, 403, 415), (content_type, answer.status_code)
        assert await visitor.name() == "ann"


@pytest.mark.parametrize(
    "wanted",
    ["/..//evil.example", "/.//evil.example", "/%09/evil.example", "/%5cevil.example", "//user@evil.example",
     "data:text/html,x", "/\u2028/evil.example", "\u3000//evil.example", "/" + "x" * 20_000, "/?next=//evil.example",
     "http://testserver.evil.example/", "https:/\\evil.example", "/@evil.example", "//[::1]/", "/\x0b/evil"],
)  # fmt: skip
async def test_where_a_login_leads_is_of_this_host_however_it_is_written(
    tmp_path: Path, wanted: str
) -> None:
    from urllib.parse import urljoin, urlsplit

    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        path = f"/accounts/login?next={quote(wanted)}"
        page = await visitor.fill_in(path, username="ann", password=PASSWORD)
        place = page.headers["location"]
        assert urlsplit(urljoin("http://testserver/accounts/login", place)).netloc == "testserver"
        assert place.isprintable() and place.isascii() and "\\" not in place
        program = await Visitor(app).send(path, username="ann", password=PASSWORD)
        assert program.json()["next"] in (place, wanted, "/")
        assert not program.json()["next"].startswith(("//", "/\\"))


# Acting for somebody


async def test_who_acts_does_not_leak_out_of_tasks_and_threads(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        ann = await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        bob = await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        met = asyncio.Barrier(2)

        async def act(who: User) -> list[Any]:
            with run_as(who):
                await met.wait()
                inner = await asyncio.create_task(asyncio.sleep(0, current_user.get()))
                thread = await asyncio.to_thread(current_user.get)
                await met.wait()
            return [inner, thread, current_user.get()]

        with run_as(ann):
            task = asyncio.create_task(asyncio.sleep(0, "later"))
        assert await task == "later" and current_user.get() is None
        found = await asyncio.gather(act(ann), act(bob))
        assert list(found) == [[ann, ann, None], [bob, bob, None]]


async def test_requests_at_once_are_each_their_own_users(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        people = []
        for number in range(8):
            name = f"user{number}"
            await User.objects.create_user(name, f"{name}@example.org", PASSWORD)
            browser = Browser(app)
            await browser.log_in(name)
            people.append((name, browser))
        people.append(("", Browser(app)))
        answers = await asyncio.gather(
            *(browser.get("/whoami") for _ in range(5) for _, browser in people)
        )
        names = [(answer.json()["user"], answer.json()["current"]) for answer in answers]
        assert names == [(name, name) for _ in range(5) for name, _ in people]
