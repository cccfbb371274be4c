"""What is hidden in the records of tasks."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.tasks.worker.recorder import MASK, is_secret, masked, masked_positions


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "passwd", "pwd", "pin", "user_pin", "authorization", "apikey", "api-key",
     "client_secret", "card_number", "creditCard", "accessToken", "X-Auth", "session_id", "private_key", "cvv",
     "IBAN", "signature", "cookie", "otp", "clientSecret", "totp", "mfa_code", "verificationCode", "recovery_codes",
     "reset_link", "bearer", "accountNumber", "keys", "dsn"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)
    assert masked({name: "x", "rows": [{name: "y"}]}) == {name: MASK, "rows": [{name: MASK}]}


@pytest.mark.parametrize(
    "name",
    ["name", "pinned", "spin", "number", "opinion", "keyboard", "monkey", "path", "count", ""],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret(name)


def test_positional_arguments_are_hidden_by_the_names_of_the_parameters() -> None:
    def login(user: str, password: str, *rest: Any) -> None:
        """Do nothing."""

    assert masked_positions(login, ["ada", "s3cret", {"token": "t"}]) == [
        "ada",
        MASK,
        {"token": MASK},
    ]
    assert masked_positions(None, ["x"]) == ["x"]

    def rotate(*secrets: str) -> None:
        """Do nothing."""

    assert masked_positions(rotate, ["a", "b"]) == [MASK, MASK]


def test_passwords_in_urls_are_hidden() -> None:
    shown = masked({"urls": ["https://ada:pw@host/x", "https://host/x?a=b:c@d"]})
    assert shown == {"urls": [f"https://ada:{MASK}@host/x", "https://host/x?a=b:c@d"]}


def test_looking_at_a_long_name_takes_no_time() -> None:
    assert not is_secret("a" * 1_000_000)
