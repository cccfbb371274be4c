"""AES and Fernet against the examples of their standards, and against changes of every byte."""

from __future__ import annotations

import base64
from random import Random

import pytest

from openviper.utils import aes, fernet

# https://github.com/fernet/spec/blob/master/generate.json
KEY = base64.urlsafe_b64decode("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")
TOKEN = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="


def test_a_block_is_that_of_fips_197() -> None:
    key, plain = bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff")
    block = aes.encrypt_block(key, plain)
    assert block.hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert aes.decrypt_block(key, block) == plain


def test_a_chain_is_that_of_sp_800_38a() -> None:
    key, start = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"), bytes(range(16))
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    chain = aes.encrypt_cbc(key, start, plain)
    assert chain[:32].hex() == "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
    assert aes.decrypt_cbc(key, start, chain) == plain


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 32, 300])
def test_data_of_every_length_comes_back(length: int) -> None:
    random = Random(length)
    key, start, plain = random.randbytes(16), random.randbytes(16), random.randbytes(length)
    assert aes.decrypt_cbc(key, start, aes.encrypt_cbc(key, start, plain)) == plain
    token = fernet.encrypt(key * 2, plain)
    assert fernet.decrypt(key * 2, token) == plain and len(token) == fernet.token_length(length)


@pytest.mark.parametrize("data", [b"", b"x" * 15, b"x" * 17])
def test_data_that_is_no_chain_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="whole blocks"):
        aes.decrypt_cbc(bytes(16), bytes(16), data)


def test_wrong_padding_is_refused() -> None:
    key, start = bytes(16), bytes(16)
    for last in (0, 17, 2):
        block = aes.encrypt_block(key, b"x" * 15 + bytes((last,)))
        with pytest.raises(ValueError, match="padding"):
            aes.decrypt_cbc(key, start, block)


def test_a_token_is_that_of_the_specification() -> None:
    assert fernet.make_token(KEY, b"hello", moment=499162800, start=bytes(range(16))) == TOKEN
    assert fernet.decrypt(KEY, TOKEN) == b"hello"


def test_two_tokens_of_one_text_differ() -> None:
    assert fernet.encrypt(KEY, b"x") != fernet.encrypt(KEY, b"x")


def test_a_token_with_any_byte_changed_is_refused() -> None:
    raw = base64.urlsafe_b64decode(TOKEN)
    for position in range(len(raw)):
        changed = raw[:position] + bytes((raw[position] ^ 1,)) + raw[position + 1 :]
        with pytest.raises(fernet.InvalidToken):
            fernet.decrypt(KEY, base64.urlsafe_b64encode(changed).decode())


@pytest.mark.parametrize("token", ["", "x", "ü", "gAAAAA==", TOKEN[:-4], TOKEN + "\n", "A" * 100])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(fernet.InvalidToken):
        fernet.decrypt(KEY, token)


def test_another_key_is_refused() -> None:
    with pytest.raises(fernet.InvalidToken, match="another key"):
        fernet.decrypt(fernet.derive_key("other"), TOKEN)
