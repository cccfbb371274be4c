"""Which passwords are common."""

from __future__ import annotations

import random
import string

import pytest

from openviper.auth import common_passwords
from openviper.auth.common_passwords import ROWS, WORDS, is_common


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PassWord",
        "P4$$w0rd!",
        "passw0rd1!",
        "summer2024",
        "Sommer2031!",
        "qwertyuiop",
        "poiuytrewq",
        "1qaz2wsx",
        "12345678",
        "987654321",
        "11111111",
        "aaaaaaaaaaaaaaaaaaaa",
        "abab" * 20,
        "xyz1xyz1xyz1",
        "abcd1234",
        "12111987",
        "31.12.1999",
        "2001-02-03",
        "iloveyou2",
        "dragonmonkey99",
        "hello-world-123",
        "contraseña",
        "пароль123",
        "йцукенгш",
        "ｐａｓｓｗｏｒｄ",
        "liverpool1",
    ],
)
def test_what_people_choose_is_common(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        "long enough",
        "correct horse battery",
        "dragon monkey sunshine shadow",
        "wandering wolves",
        "kT7vq2mZ",
        "love8!Zq",
        "tr0ub4dor&3",
        "die Katze schläft im Baum",
        "雨の日の猫は静か",
        "\U0001f600\U0001f980\U0001f355\U0001f30b\U0001f3b2\U0001f9ca\U0001fa90\U0001f6f6",
    ],
)
def test_what_the_rule_does_not_describe_is_not(password: str) -> None:
    assert not is_common(password)


def test_every_word_is_common_with_a_year_and_a_sign_behind_it() -> None:
    assert len(WORDS) > 450
    for word in WORDS:
        assert is_common(word) and is_common(f"{word.capitalize()}2026!") and is_common(f"12{word}")


def test_every_run_of_keys_is_common_in_both_directions() -> None:
    for row in ROWS:
        for length in range(5, len(row) + 1):
            assert is_common(row[:length]) and is_common(row[::-1][:length])


def test_random_passwords_are_not() -> None:
    chance = random.Random(17)
    letters = string.ascii_letters + string.digits
    made = ["".join(chance.choices(letters, k=10)) for _ in range(3000)]
    assert [password for password in made if is_common(password)] == []


@pytest.mark.parametrize("text", ["\ud800" * 10, "\x00" * 8, "a\u0301" * 30, "\ufdfa" * 20])
def test_odd_text_is_judged_and_not_an_error(text: str) -> None:
    assert is_common(text) in (True, False)


def test_the_work_grows_with_the_length_and_not_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0
    pieces = common_passwords._pieces

    def counted(*arguments: object) -> object:
        nonlocal steps
        found = pieces(*arguments)  # type: ignore[arg-type]  # handed on as they came
        steps += 1 + len(found)
        return found

    monkeypatch.setattr(common_passwords, "_pieces", counted)
    taken = []
    for length in (500, 1000, 2000):
        steps = 0
        is_common("passwordqwerty123" * (length // 17))
        taken.append(steps)
    assert taken[1] <= 2.2 * taken[0] and taken[2] <= 2.2 * taken[1]
