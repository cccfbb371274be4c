"""A worker runs only what a process that knows the secret has sent."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import Message, from_values, to_values
from openviper.tasks.signing import check_signature, sign
from openviper.testing import override_openviper_settings

KEY = "k" * 60


def signed(**options: Any) -> Message:
    message = Message("shop.work", "q", '{"args":[1],"kwargs":{}}', options=options or None)
    sign(message)
    return message


def test_what_was_signed_is_good_also_after_a_trip_through_a_store() -> None:
    message = signed(unique=["ä", "running", 0], max_retries=3)
    check_signature(message)
    check_signature(from_values(to_values(message)))


def test_the_order_of_the_options_does_not_count() -> None:
    message = signed(a=1, b=2)
    assert message.options is not None
    message.options = dict(reversed(message.options.items()))
    check_signature(message)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("actor_name", "shop.other"),
        ("payload", '{"args":[2],"kwargs":{}}'),
        ("message_id", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_what_was_changed_since_is_refused(attribute: str, value: str) -> None:
    message = signed()
    setattr(message, attribute, value)
    with pytest.raises(BadMessageError, match="not signed with this project's SECRET_KEY"):
        check_signature(message)


@pytest.mark.parametrize(("name", "value"), [("max_retries", 4), ("group", "g"), ("then", [])])
def test_an_option_that_was_added_or_changed_is_refused(name: str, value: object) -> None:
    message = signed(max_retries=3)
    message.set_option(name, value)
    with pytest.raises(BadMessageError):
        check_signature(message)


@pytest.mark.parametrize(("name", "value"), [("due", 5.0), ("attempts", 2), ("deliveries", 1)])
def test_what_a_worker_changes_is_not_part_of_it(name: str, value: float) -> None:
    message = signed()
    setattr(message, name, value)
    check_signature(message)


@pytest.mark.parametrize("signature", [None, "", "x", "ä☃", 5, ["x"], "0" * 64])
def test_a_signature_of_another_kind_is_refused(signature: object) -> None:
    message = signed()
    message.set_option("signature", signature)
    with pytest.raises(BadMessageError):
        check_signature(message)


def test_signing_again_makes_the_same_signature_and_a_new_one_for_what_is_new() -> None:
    message = signed()
    first = message.option("signature")
    sign(message)
    assert message.option("signature") == first
    message.set_option("max_retries", 1)
    sign(message)
    assert message.option("signature") != first
    check_signature(message)


def test_another_secret_is_another_signature() -> None:
    with override_openviper_settings(SECRET_KEY=KEY):
        message = signed()
        check_signature(message)
    with override_openviper_settings(SECRET_KEY=KEY + "x"), pytest.raises(BadMessageError):
        check_signature(message)


def test_a_former_secret_is_good_until_it_is_forgotten() -> None:
    with override_openviper_settings(SECRET_KEY=KEY):
        message = signed()
    with override_openviper_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=("", "other", KEY)):
        check_signature(message)
        newer = signed()
    with override_openviper_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=("", "other")):
        check_signature(newer)
        with pytest.raises(BadMessageError, match="not signed with this project's SECRET_KEY"):
            check_signature(message)


def test_an_empty_secret_among_the_former_ones_is_none() -> None:
    with override_openviper_settings(SECRET_KEY=""):
        message = signed()
    with (
        override_openviper_settings(SECRET_KEY=KEY, SECRET_KEY_FALLBACKS=("",)),
        pytest.raises(BadMessageError),
    ):
        check_signature(message)
