"""AES-128 in cipher block chaining mode (FIPS 197, NIST SP 800-38A), which the standard library lacks.

Slow, about 0.1 ms per block of 16 bytes, and meant for short values only. Tables are looked up by secret bytes, so a
program on the same processor that can time its cache could in theory learn about the key.
"""

from __future__ import annotations

from functools import lru_cache

BLOCK = 16
ROUNDS = 10


def _double(value: int) -> int:
    """Multiply by x in the field of AES."""
    value <<= 1
    return value ^ 0x11B if value & 0x100 else value


def _product(left: int, right: int) -> int:
    result = 0
    while right:
        if right & 1:
            result ^= left
        left = _double(left)
        right >>= 1
    return result


def _substitutions() -> bytes:
    """Compute the S-box: the inverse in the field, then an affine map (FIPS 197, 5.1.1)."""
    powers = [1]
    for _ in range(254):
        powers.append(_product(powers[-1], 3))
    logarithms = {power: exponent for exponent, power in enumerate(powers)}
    box = bytearray()
    for value in range(256):
        inverse = powers[-logarithms[value] % 255] if value else 0
        box.append(_affine(inverse))
    return bytes(box)


def _affine(value: int) -> int:
    turned = value
    for shift in range(1, 5):
        turned ^= (value << shift | value >> (8 - shift)) & 0xFF
    return turned ^ 0x63


SBOX = _substitutions()
INVERSE_SBOX = bytes(SBOX.index(value) for value in range(256))
_BY_2, _BY_3 = (bytes(_product(value, factor) for value in range(256)) for factor in (2, 3))
_BY_9, _BY_11, _BY_13, _BY_14 = (
    bytes(_product(value, factor) for value in range(256)) for factor in (9, 11, 13, 14)
)
# Where each byte of a state, kept column by column, comes from when the rows are shifted (FIPS 197, 5.1.2).
_SHIFTED = tuple((4 * (column + row) + row) % BLOCK for column in range(4) for row in range(4))
_SHIFTED_BACK = tuple(_SHIFTED.index(place) for place in range(BLOCK))


@lru_cache(maxsize=8)
def _round_keys(key: bytes) -> tuple[bytes, ...]:
    """Expand the key (FIPS 197, 5.2)."""
    words = [key[start : start + 4] for start in range(0, BLOCK, 4)]
    constant = 1
    for number in range(4, 4 * (ROUNDS + 1)):
        word = words[-1]
        if number % 4 == 0:
            word = _turned_word(word, constant)
            constant = _double(constant)
        words.append(_xor(words[number - 4], word))
    return tuple(b"".join(words[start : start + 4]) for start in range(0, len(words), 4))


def _turned_word(word: bytes, constant: int) -> bytes:
    substituted = bytes(SBOX[byte] for byte in word[1:] + word[:1])
    return bytes((substituted[0] ^ constant,)) + substituted[1:]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=True))


def _mix(state: bytes) -> bytes:
    mixed = bytearray()
    for start in range(0, BLOCK, 4):
        a, b, c, d = state[start : start + 4]
        mixed += bytes(
            (
                _BY_2[a] ^ _BY_3[b] ^ c ^ d,
                a ^ _BY_2[b] ^ _BY_3[c] ^ d,
                a ^ b ^ _BY_2[c] ^ _BY_3[d],
                _BY_3[a] ^ b ^ c ^ _BY_2[d],
            )
        )
    return bytes(mixed)


def _unmix(state: bytes) -> bytes:
    mixed = bytearray()
    for start in range(0, BLOCK, 4):
        a, b, c, d = state[start : start + 4]
        mixed += bytes(
            (
                _BY_14[a] ^ _BY_11[b] ^ _BY_13[c] ^ _BY_9[d],
                _BY_9[a] ^ _BY_14[b] ^ _BY_11[c] ^ _BY_13[d],
                _BY_13[a] ^ _BY_9[b] ^ _BY_14[c] ^ _BY_11[d],
                _BY_11[a] ^ _BY_13[b] ^ _BY_9[c] ^ _BY_14[d],
            )
        )
    return bytes(mixed)


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """Encrypt 16 bytes with a key of 16 bytes."""
    keys = _round_keys(key)
    state = _xor(block, keys[0])
    for number in range(1, ROUNDS + 1):
        state = bytes(SBOX[state[place]] for place in _SHIFTED)
        state = _xor(state if number == ROUNDS else _mix(state), keys[number])
    return state


def decrypt_block(key: bytes, block: bytes) -> bytes:
    """Decrypt 16 bytes with a key of 16 bytes."""
    keys = _round_keys(key)
    state = block
    for number in range(ROUNDS, 0, -1):
        state = _xor(state, keys[number])
        state = state if number == ROUNDS else _unmix(state)
        state = bytes(INVERSE_SBOX[state[place]] for place in _SHIFTED_BACK)
    return _xor(state, keys[0])


def encrypt_cbc(key: bytes, start: bytes, data: bytes) -> bytes:
    """Encrypt bytes, filled up to whole blocks as PKCS #7 says.

    Args:
        key: 16 bytes.
        start: The initialisation vector, 16 random bytes.
        data: What is encrypted.
    """
    fill = BLOCK - len(data) % BLOCK
    data += bytes((fill,)) * fill
    blocks = [start]
    for position in range(0, len(data), BLOCK):
        blocks.append(encrypt_block(key, _xor(data[position : position + BLOCK], blocks[-1])))
    return b"".join(blocks[1:])


def decrypt_cbc(key: bytes, start: bytes, data: bytes) -> bytes:
    """Undo `encrypt_cbc`; the data must have been authenticated before.

    Raises:
        ValueError: If it is not whole blocks, or not filled up as PKCS #7 says.
    """
    if not data or len(data) % BLOCK:
        raise ValueError(f"{len(data)} bytes are not whole blocks")
    plain = bytearray()
    for position in range(0, len(data), BLOCK):
        block = data[position : position + BLOCK]
        plain += _xor(decrypt_block(key, block), start)
        start = block
    return _without_padding(bytes(plain))


def _without_padding(plain: bytes) -> bytes:
    fill = plain[-1]
    is_padding = 1 <= fill <= BLOCK and plain.endswith(bytes((fill,)) * fill)
    if not is_padding:
        raise ValueError("the padding is not that of PKCS #7")
    return plain[:-fill]
