"""JSON Web Tokens: what is accepted is what we have made, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest

from openviper.auth.jwt import (
    MAX_TOKEN,
    create_access_token,
    create_refresh_token,
    decode_access_token,
    decode_refresh_token,
    decode_token_unverified,
)
from openviper.auth.token_keys import token_keys
from openviper.conf import Settings
from openviper.exceptions import AuthenticationFailed, ImproperlyConfigured, TokenExpired
from tests.unit.auth.conftest import Configure

pytestmark = pytest.mark.usefixtures("configure")


def encode(content: object) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def forge(
    header: object = None,
    claims: object = None,
    *,
    key: bytes | None = None,
    digest: str = "sha256",
    **changes: Any,
) -> str:
    """Return a token signed like ours, by default with our key, whose parts are as somebody wants them."""
    now = int(time.time())
    whole = {"sub": "1", "jti": "j", "fam": "f", "type": "access", "iat": now, "exp": now + 60}
    signed = ".".join(
        [
            encode({"alg": "HS256", "typ": "JWT"} if header is None else header),
            encode({**whole, **changes} if claims is None else claims),
        ]
    )
    secret = token_keys()[0].secret if key is None else key
    signature = hmac.digest(secret, signed.encode(), digest)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def is_refused(token: str) -> bool:
    with pytest.raises(AuthenticationFailed) as caught:
        decode_access_token(token)
    assert caught.value.detail in ("Invalid credentials.", "Token has expired.")
    return type(caught.value) is AuthenticationFailed


def test_a_token_says_whose_it_is_and_until_when() -> None:
    claims = decode_access_token(create_access_token(7, {"role": "clerk", "sub": "1"}))
    assert (claims["sub"], claims["type"], claims["role"]) == ("7", "access", "clerk")
    assert claims["exp"] - claims["iat"] == 30 * 60
    assert claims["fam"] == claims["jti"]
    refresh = decode_refresh_token(create_refresh_token(7, family="login"))
    assert (refresh["type"], refresh["fam"], refresh["exp"] - refresh["iat"]) == (
        "refresh",
        "login",
        7 * 86400,
    )


def test_the_forger_of_these_tests_makes_tokens_that_are_accepted_unless_something_is_wrong() -> (
    None
):
    assert decode_access_token(forge())["sub"] == "1"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": ""},
        {"alg": "hs256"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": ["HS256"]},
        {"alg": None},
        {"typ": "JWT"},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "kid": "../../dev/null"},
        {"alg": "HS256", "kid": "' OR 1=1 --"},
        {"alg": "HS256", "kid": ""},
        {"alg": "HS256", "kid": None},
        {"alg": "HS256", "kid": ["a"]},
        '{"alg":"none","alg":"HS256"}',
        [],
        "HS256",
        "null",
    ],
    ids=str,
)
def test_a_header_that_is_not_ours_is_refused(header: object) -> None:
    assert is_refused(forge(header))


def test_a_token_without_a_signature_is_refused() -> None:
    head, claims, _ = forge({"alg": "none"}).split(".")
    for token in (f"{head}.{claims}.", f"{head}.{claims}", f"{head}.{claims}.AA"):
        assert is_refused(token)


@pytest.mark.parametrize("digest", ["sha384", "sha512", "md5"])
def test_a_signature_of_another_algorithm_is_refused(digest: str) -> None:
    assert is_refused(forge(digest=digest))
    assert is_refused(forge({"alg": "HS" + digest[-3:]}, digest=digest))


def test_a_signature_with_another_key_is_refused() -> None:
    for key in (b"", b"k" * 60, hashlib.sha256(b"k" * 60).digest()):
        assert is_refused(forge(key=key))


@pytest.mark.parametrize("place", range(0, 180, 7))
def test_one_changed_character_is_refused(place: int) -> None:
    token = create_access_token(1)
    other = "A" if token[place] != "A" else "B"
    assert is_refused(token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: token + " ",
        lambda token: token + ".",
        lambda token: token + "A",
        lambda token: "." + token,
        lambda token: token.replace(".", ".." , 1),
        lambda token: token[:-1],
        lambda token: token.replace("_", "/").replace("-", "+") + "+",
        lambda token: "\u00e9" + token,
        lambda token: "\ud800" + token,
        lambda token: "",
        lambda token: "..",
        lambda token: "a.b.c",
    ],
)  # fmt: skip
def test_what_stands_around_a_token_is_refused(change: Any) -> None:
    assert is_refused(change(create_access_token(1)))


def test_the_last_character_has_one_way_to_be_written() -> None:
    # 32 bytes are 43 characters with two bits over; other bits there are the same bytes.
    token = forge()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    assert is_refused(twin)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "refresh"},
        {"type": None},
        {"type": ["access"]},
        {"sub": 1},
        {"sub": ""},
        {"sub": None},
        {"jti": None},
        {"jti": 5},
        {"fam": None},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"iat": 99_999_999_999},
        {"iat": "now"},
        {"nbf": 99_999_999_999},
        {"nbf": None},
        {"nbf": [0]},
    ],
    ids=str,
)
def test_claims_that_are_not_ours_are_refused(changes: dict[str, Any]) -> None:
    assert is_refused(forge(**changes))


@pytest.mark.parametrize(
    "claims",
    [
        "[]",
        "7",
        '{"exp":NaN}',
        '{"exp":1e999}',
        '{"sub":"1","sub":"2"}',
        "{",
        "[" * 3000,
        '{"a":' * 1000,
        "\ufeff{}",
        '{"exp":' + "9" * 5000 + "}",
    ],
    ids=lambda text: text[:12],
)
def test_claims_that_are_no_object_or_too_deep_are_refused(claims: str) -> None:
    assert is_refused(forge(claims=claims))


def test_a_huge_token_is_not_looked_at() -> None:
    assert is_refused("A" * (MAX_TOKEN + 1))
    assert decode_token_unverified("A" * (MAX_TOKEN + 1)) == {}
    filler = "x" * MAX_TOKEN
    assert is_refused(create_access_token(1, {"filler": filler}))


@pytest.mark.parametrize("late", [31, 3600, 1e9])
def test_a_token_that_was_good_says_that_it_has_expired(late: float) -> None:
    with pytest.raises(TokenExpired):
        decode_access_token(forge(exp=time.time() - late))


def test_clocks_may_be_a_little_apart() -> None:
    now = time.time()
    assert decode_access_token(forge(exp=now - 20, iat=now + 20, nbf=now + 20))["sub"] == "1"


def test_a_refresh_token_is_no_access_token_and_the_other_way_round() -> None:
    assert is_refused(create_refresh_token(1))
    with pytest.raises(AuthenticationFailed):
        decode_refresh_token(create_access_token(1))


def test_a_token_for_others_is_refused(configure: Configure) -> None:
    plain = create_access_token(1)
    configure(JWT_AUDIENCE="shop", JWT_ISSUER="https://login.example.org")
    claims = decode_access_token(create_access_token(1))
    assert (claims["aud"], claims["iss"]) == ("shop", "https://login.example.org")
    assert is_refused(plain)
    right: dict[str, Any] = {"aud": "shop", "iss": "https://login.example.org"}
    assert decode_access_token(forge(**{**right, "aud": ["bank", "shop"]}))["sub"] == "1"
    wrongs: list[dict[str, Any]] = [
        {"aud": "bank"},
        {"aud": ["bank"]},
        {"aud": None},
        {"aud": "shop2"},
        {"iss": "x"},
    ]
    for wrong in wrongs:
        assert is_refused(forge(**{**right, **wrong}))


def test_a_former_key_is_good_until_it_is_forgotten(configure: Configure) -> None:
    configure(JWT_SECRET_KEY="a" * 40)
    old = create_access_token(1)
    configure(JWT_SECRET_KEY="b" * 40, JWT_SECRET_KEY_FALLBACKS=("a" * 40,))
    assert decode_access_token(old)["sub"] == "1"
    assert decode_token_unverified(create_access_token(1))["sub"] == "1"
    configure(JWT_SECRET_KEY="b" * 40)
    assert is_refused(old)


def test_without_a_key_of_their_own_tokens_use_one_made_from_the_secret_key() -> None:
    assert token_keys()[0].secret != b"k" * 60
    assert is_refused(forge(key=b"k" * 60))


def test_a_key_has_a_name_that_tells_nothing_about_it(configure: Configure) -> None:
    configure(JWT_SECRET_KEY="a" * 40, JWT_SECRET_KEY_FALLBACKS=("", "b" * 40))
    names = [key.kid for key in token_keys()]
    assert len(set(names)) == 2
    assert all(len(name) == 16 and "a" * 8 not in name for name in names)


def test_without_any_key_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    from openviper.conf import settings

    monkeypatch.setattr(settings, "instance", Settings(SECRET_KEY=""))
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is empty"):
        create_access_token(1)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_the_algorithm_is_the_one_of_the_settings(configure: Configure, algorithm: str) -> None:
    short = create_access_token(1)
    configure(JWT_ALGORITHM=algorithm)
    token = create_access_token(1)
    assert decode_access_token(token)["sub"] == "1"
    assert is_refused(short)


def test_a_life_of_ones_own_may_be_given() -> None:
    claims = decode_access_token(create_access_token(1, expires_delta=timedelta(hours=2)))
    assert claims["exp"] - claims["iat"] == 7200


def test_what_is_no_json_cannot_be_claimed() -> None:
    with pytest.raises(TypeError):
        create_access_token(1, {"when": object()})
    with pytest.raises(ValueError, match="JSON"):
        create_access_token(1, {"share": float("nan")})


def test_unverified_claims_are_what_anybody_wrote() -> None:
    assert decode_token_unverified(forge(key=b"other", sub="9"))["sub"] == "9"
    for text in ("", "a.b.c", "..", "\ud800.\ud800.\ud800"):
        assert decode_token_unverified(text) == {}
