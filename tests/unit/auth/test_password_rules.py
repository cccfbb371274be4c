"""What a new password must be like."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from openviper.auth import WeakPasswordError, check_new_password, password_problems
from openviper.auth import password_rules as rules
from openviper.auth.password_rules import MAX_NEW_PASSWORD, PasswordProblem
from openviper.auth.view_notes import MAX_CREDENTIAL
from openviper.exceptions import ImproperlyConfigured
from openviper.testing import override_openviper_settings as override

ANN = SimpleNamespace(
    username="annaberg", email="a.meier@example.org", first_name="Anna-Lena", last_name="Meier"
)


def never_green(password: str, facts: Mapping[str, str]) -> PasswordProblem | None:
    """A rule of a project."""
    return PasswordProblem("green", "no green") if "green" in password else None


async def never_stolen(password: str, facts: Mapping[str, str]) -> PasswordProblem | None:
    """One that waits for something."""
    stolen = password.startswith("stolen") and facts.get("username") == "annaberg"
    return PasswordProblem("stolen", "it was stolen") if stolen else None


async def codes(password: str, user: object = None) -> list[str]:
    return [problem.code for problem in await password_problems(password, user)]


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("", ["blank"]),
        (" " * 20, ["blank"]),
        ("kT7vq2m", ["too_short"]),
        ("kT7vq2mZ", []),
        ("only small letters and blanks", []),
        ("é" * 3 + "kT7v", ["too_short"]),
        ("e\u0301" * 3 + "kT7v", ["too_short"]),
        ("password1", ["common"]),
        ("x7Kq" * 16, ["common"]),
        ("a wandering wolf " * 4, []),
        ("k7" + "vQ2mZx9Lw4" * 51, []),
        ("k7T" + "vQ2mZx9Lw4" * 51, ["too_long"]),
        ("\ud800kT7vq2mZ", []),
    ],
)
async def test_length_and_commonness_count_and_composition_does_not(
    password: str, expected: list[str]
) -> None:
    assert await codes(password) == expected


async def test_what_can_be_set_can_be_used_to_log_in() -> None:
    assert MAX_NEW_PASSWORD == MAX_CREDENTIAL
    assert await codes("a wandering wolf" * 4) == []  # 64 characters (NIST SP 800-63B).


@pytest.mark.parametrize(
    "password",
    [
        "annaberg1",
        "AnnaBerg-2x",
        "grebanna77",
        "meierlena!",
        "a.meier@x1",
        "anna lena k",
        "1annalenameier1",
    ],
)
async def test_the_names_of_the_user_do_not_make_a_password(password: str) -> None:
    assert await codes(password, ANN) == ["personal"]
    assert await codes(password, vars(ANN)) == ["personal"]
    assert "similar to the" in (await password_problems(password, ANN))[0].message


@pytest.mark.parametrize(
    "password", ["annaberg sleeps in a tent", "kT7vq2mZ", "orgelpfeife am see", "a wandering wolf"]
)
async def test_a_password_that_is_long_enough_without_them_is_good(password: str) -> None:
    assert await codes(password, ANN) == []


@pytest.mark.parametrize("user", [None, object(), {}, {"username": None, "email": 5}])
async def test_a_user_without_names_is_no_error(user: object) -> None:
    assert await codes("kT7vq2mZ", user) == []


async def test_words_of_the_company_do_not_make_a_password() -> None:
    with override(PASSWORD_BLOCKED_WORDS=("Ravensburg", "acme")):
        assert await codes("Ravensburg12") == ["blocked_word"]
        assert await codes("grubsnevar-acme") == ["blocked_word"]
        assert await codes("acme runs on steam") == []


async def test_the_shortest_length_is_a_setting() -> None:
    with override(PASSWORD_MIN_LENGTH=15):
        problems = await password_problems("kT7vq2mZ")
        assert problems[0].message == "the password must have at least 15 characters"


async def test_a_project_has_rules_of_its_own_plain_or_async() -> None:
    paths = (f"{__name__}.never_green", f"{__name__}.never_stolen")
    with override(PASSWORD_RULES=paths):
        assert await codes("evergreen trees") == ["green"]
        assert await codes("stolen green things", ANN) == ["green", "stolen"]
        assert await codes("password") == []  # Its rules are all there are.


async def test_a_rule_that_is_not_there_is_named() -> None:
    with (
        override(PASSWORD_RULES=("shop.rules.missing",)),
        pytest.raises(ImproperlyConfigured, match="'shop.rules.missing'"),
    ):
        await password_problems("kT7vq2mZ")


async def test_all_that_is_wrong_is_in_the_error_and_the_password_is_not() -> None:
    with pytest.raises(WeakPasswordError) as caught:
        await check_new_password("annaberg2024", {"username": "annaberg", "email": "berg@x.org"})
    assert [problem.code for problem in caught.value.problems] == ["personal"]
    assert "annaberg" not in str(caught.value)
    await check_new_password("kT7vq2mZ")


async def test_of_a_huge_password_only_the_length_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_arguments: object) -> str:
        raise AssertionError("it was looked at")

    monkeypatch.setattr(rules, "is_common", refuse)
    monkeypatch.setattr(rules, "unicodedata", SimpleNamespace(normalize=refuse))
    assert await codes("\u0390" * 2**20, ANN) == ["too_long"]
