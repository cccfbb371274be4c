"""Keys are kept out of what people read."""

from __future__ import annotations

from openviper.ai.secrecy import ProviderConfig, masked, secrets_in, without


def test_values_with_the_name_of_a_secret_are_hidden_however_deep() -> None:
    config = {
        "api_key": "k",
        "max_tokens": 5,
        "api_key_env": "KEY",
        "first_token_timeout": 3,
        "headers": {"Authorization": "b", "X": "y"},
        "more": [{"client_secret": "s"}],
        "password": "",
    }
    assert masked(config) == {
        "api_key": "***",
        "max_tokens": 5,
        "api_key_env": "KEY",
        "first_token_timeout": 3,
        "headers": {"Authorization": "***", "X": "y"},
        "more": [{"client_secret": "***"}],
        "password": "",
    }
    assert repr(ProviderConfig(api_key="hunter2")) == "{'api_key': '***'}"


def test_secrets_are_taken_out_of_texts() -> None:
    secrets = secrets_in(
        {"api_key": "abcd", "headers": {"x-token": "abcdef", "y": "zzzz"}, "key": "ab"}
    )
    assert secrets == {"abcd", "abcdef"}
    assert without("abcdef abcd zzzz", secrets) == "*** *** zzzz"
