"""QR codes for short texts, as SVG (ISO/IEC 18004:2015): byte mode, error correction level M, versions 1 to 20.

Level M survives a loss of 15 %, and version 20 holds 666 bytes: twice what an address for an authenticator app can have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby, product
from typing import NamedTuple

QUIET_ZONE = 4
"""Light modules around the symbol (section 6.3.8)."""
DARK, LIGHT = "1", "0"
PENALTIES = (3, 3, 40, 10)
"""Weights of the four features that make a symbol hard to read (section 7.8.3.1)."""
_FINDER_LIKE = re.compile(r"(?=10111010000|00001011101)")
_FORMAT_GENERATOR, _FORMAT_MASK = 0b10100110111, 0b101010000010010
_VERSION_GENERATOR = 0b1111100100101


class _Version(NamedTuple):
    """What tables 1, 9 and E.1 of the standard say about a version at level M."""

    codewords: int
    correction_per_block: int
    blocks: int
    alignment: tuple[int, ...]


_VERSIONS = (
    _Version(26, 10, 1, ()),
    _Version(44, 16, 1, (6, 18)),
    _Version(70, 26, 1, (6, 22)),
    _Version(100, 18, 2, (6, 26)),
    _Version(134, 24, 2, (6, 30)),
    _Version(172, 16, 4, (6, 34)),
    _Version(196, 18, 4, (6, 22, 38)),
    _Version(242, 22, 4, (6, 24, 42)),
    _Version(292, 22, 5, (6, 26, 46)),
    _Version(346, 26, 5, (6, 28, 50)),
    _Version(404, 30, 5, (6, 30, 54)),
    _Version(466, 22, 8, (6, 32, 58)),
    _Version(532, 22, 9, (6, 34, 62)),
    _Version(581, 24, 9, (6, 26, 46, 66)),
    _Version(655, 24, 10, (6, 26, 48, 70)),
    _Version(733, 28, 10, (6, 26, 50, 74)),
    _Version(815, 28, 11, (6, 30, 54, 78)),
    _Version(901, 26, 13, (6, 30, 56, 82)),
    _Version(991, 26, 14, (6, 30, 58, 86)),
    _Version(1085, 26, 16, (6, 34, 62, 90)),
)


def qr_matrix(data: bytes) -> list[str]:
    """Return the rows of the symbol for some bytes, each a text of ``1`` for dark and ``0`` for light modules.

    Raises:
        ValueError: If there are more than 666 bytes.
    """
    number = _smallest_version(len(data))
    version = _VERSIONS[number - 1]
    codewords = _interleaved(_data_codewords(data, number), version)
    symbol = _Symbol(number)
    symbol.place(codewords)
    return min((symbol.masked(mask) for mask in range(8)), key=penalty)


def qr_svg(text: str, label: str) -> str:
    """Return an SVG image of the symbol for a text, four light modules around it.

    It has no style and no size: both are the page's to give.

    Args:
        text: What a reader of the symbol gets; at most 666 bytes in UTF-8.
        label: What people who do not see the image are told.

    Raises:
        ValueError: If the text is too long.
    """
    rows = qr_matrix(text.encode("utf-8"))
    size = len(rows) + 2 * QUIET_ZONE
    path = "".join(
        f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h{length}v1h-{length}z"
        for y, row in enumerate(rows)
        for x, length in _dark_runs(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" '
        f'aria-label="{escape(label)}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/><path fill="#000" d="{path}"/></svg>'
    )


def _dark_runs(row: str) -> Iterator[tuple[int, int]]:
    """Yield start and length of each run of dark modules."""
    for run in re.finditer(f"{DARK}+", row):
        yield run.start(), len(run[0])


# Data


def _smallest_version(length: int) -> int:
    for number in range(1, len(_VERSIONS) + 1):
        if length <= _capacity(number):
            return number
    raise ValueError(f"{length} bytes are more than a QR code of ours holds: {_capacity(20)}")


def _capacity(number: int) -> int:
    """Return how many bytes a version holds beside the mode and the length."""
    head_bits = 4 + _length_bits(number)
    return _data_size(_VERSIONS[number - 1]) - (head_bits + 7) // 8


def _data_size(version: _Version) -> int:
    return version.codewords - version.correction_per_block * version.blocks


def _length_bits(number: int) -> int:
    return 8 if number < 10 else 16


def _data_codewords(data: bytes, number: int) -> bytes:
    """Return mode, length, data, terminator and padding (sections 7.4.5, 7.4.9 and 7.4.10)."""
    bits = f"0100{len(data):0{_length_bits(number)}b}{_bits(data)}0000"
    stream = int(bits, 2).to_bytes(len(bits) // 8, "big")
    missing = _data_size(_VERSIONS[number - 1]) - len(stream)
    return stream + (b"\xec\x11" * (missing // 2 + 1))[:missing]


def _bits(data: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in data)


# Error correction: Reed-Solomon over GF(256) with x^8 + x^4 + x^3 + x^2 + 1 (section 7.5.2)


def _field_tables() -> tuple[list[int], list[int]]:
    powers, logs = [1], [0] * 256
    for exponent in range(1, 255):
        doubled = powers[-1] << 1
        powers.append(doubled ^ 0x11D if doubled > 255 else doubled)
        logs[powers[-1]] = exponent
    return powers, logs


_POWERS, _LOGS = _field_tables()


def _product(left: int, right: int) -> int:
    if not left or not right:
        return 0
    return _POWERS[(_LOGS[left] + _LOGS[right]) % 255]


def _generator(degree: int) -> list[int]:
    """Return the factors of (x - 1)(x - 2)(x - 4)... but the first, which is 1."""
    factors = [1]
    for exponent in range(degree):
        root = _POWERS[exponent]
        shifted = [*factors, 0]
        scaled = [0, *(_product(factor, root) for factor in factors)]
        factors = [left ^ right for left, right in zip(shifted, scaled, strict=True)]
    return factors[1:]


def _correction(block: bytes, generator: Sequence[int]) -> bytes:
    """Return the remainder of a block divided by the generator."""
    remainder = [0] * len(generator)
    for byte in block:
        factor = byte ^ remainder[0]
        shifted = [*remainder[1:], 0]
        remainder = [
            old ^ _product(part, factor) for old, part in zip(shifted, generator, strict=True)
        ]
    return bytes(remainder)


def _interleaved(data: bytes, version: _Version) -> bytes:
    """Return the codewords of all blocks in turn, first those of the data (section 7.6)."""
    blocks = _blocks(data, version.blocks)
    generator = _generator(version.correction_per_block)
    corrections = [_correction(block, generator) for block in blocks]
    return bytes([*_in_turn(blocks), *_in_turn(corrections)])


def _blocks(data: bytes, number: int) -> list[bytes]:
    """Return data in blocks of which the last ones may be longer by one."""
    short, long_ones = divmod(len(data), number)
    blocks, start = [], 0
    for place in range(number):
        end = start + short + (1 if place >= number - long_ones else 0)
        blocks.append(data[start:end])
        start = end
    return blocks


def _in_turn(blocks: Sequence[bytes]) -> Iterator[int]:
    for place in range(max(map(len, blocks))):
        yield from (block[place] for block in blocks if place < len(block))


# The symbol


class _Symbol:
    """The modules of a version, with what is the same in each of its symbols.

    Args:
        number: The version.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.size = 17 + 4 * number
        self._modules = [[False] * self.size for _ in range(self.size)]
        self._is_fixed = [[False] * self.size for _ in range(self.size)]
        self._draw_timing()
        self._draw_finders()
        self._draw_alignment()
        self._draw_version()
        self._draw_format(0)

    def _set(self, x: int, y: int, is_dark: bool) -> None:
        self._modules[y][x] = is_dark
        self._is_fixed[y][x] = True

    def _draw_timing(self) -> None:
        for place in range(self.size):
            self._set(6, place, place % 2 == 0)
            self._set(place, 6, place % 2 == 0)

    def _draw_finders(self) -> None:
        far = self.size - 4
        for x, y in ((3, 3), (far, 3), (3, far)):
            for dx, dy in product(range(-4, 5), repeat=2):
                ring = max(abs(dx), abs(dy))
                is_inside = 0 <= x + dx < self.size and 0 <= y + dy < self.size
                if is_inside:
                    self._set(x + dx, y + dy, ring not in (2, 4))

    def _draw_alignment(self) -> None:
        places = _VERSIONS[self._number - 1].alignment
        if not places:
            return
        first, last = places[0], places[-1]
        corners = {(first, first), (first, last), (last, first)}
        for x, y in product(places, repeat=2):
            if (x, y) in corners:
                continue
            for dx, dy in product(range(-2, 3), repeat=2):
                self._set(x + dx, y + dy, max(abs(dx), abs(dy)) != 1)

    def _draw_version(self) -> None:
        if self._number < 7:
            return
        bits = _with_check_bits(self._number, _VERSION_GENERATOR, 12)
        for place in range(18):
            across, along = self.size - 11 + place % 3, place // 3
            is_dark = bool(bits >> place & 1)
            self._set(across, along, is_dark)
            self._set(along, across, is_dark)

    def _draw_format(self, mask: int) -> None:
        # Level M is written as 00, so the five bits are those of the mask (table 12).
        bits = _with_check_bits(mask, _FORMAT_GENERATOR, 10) ^ _FORMAT_MASK
        for place, ((x1, y1), (x2, y2)) in enumerate(_format_places(self.size)):
            is_dark = bool(bits >> place & 1)
            self._set(x1, y1, is_dark)
            self._set(x2, y2, is_dark)
        self._set(8, self.size - 8, True)

    def place(self, codewords: bytes) -> None:
        """Write codewords into the free modules: in columns of two, up and down, from the right (section 7.7.3)."""
        bits = iter(_bits(codewords))
        for x, y in self._free_places():
            self._modules[y][x] = next(bits, LIGHT) == DARK

    def _free_places(self) -> Iterator[tuple[int, int]]:
        columns = [*range(self.size - 1, 6, -2), *range(5, 0, -2)]
        for turn, right in enumerate(columns):
            rows = range(self.size) if turn % 2 else range(self.size - 1, -1, -1)
            for y, x in product(rows, (right, right - 1)):
                if not self._is_fixed[y][x]:
                    yield x, y

    def masked(self, mask: int) -> list[str]:
        """Return the rows with one of the eight masks over the data (section 7.8.2)."""
        self._draw_format(mask)
        pattern = _MASKS[mask]
        return [
            "".join(
                DARK if is_dark ^ (not is_fixed and pattern[y % _PATTERN][x % _PATTERN]) else LIGHT
                for x, (is_dark, is_fixed) in enumerate(
                    zip(self._modules[y], self._is_fixed[y], strict=True)
                )
            )
            for y in range(self.size)
        ]


def _turned(mask: int, i: int, j: int) -> bool:
    """Return whether a mask turns a data module over, by its row and column (table 10)."""
    remainders = (
        (i + j) % 2,
        i % 2,
        j % 3,
        (i + j) % 3,
        (i // 2 + j // 3) % 2,
        i * j % 2 + i * j % 3,
        (i * j % 2 + i * j % 3) % 2,
        ((i + j) % 2 + i * j % 3) % 2,
    )
    return remainders[mask] == 0


_PATTERN = 12
"""All masks repeat after so many rows and columns."""
_MASKS = [
    [[_turned(mask, i, j) for j in range(_PATTERN)] for i in range(_PATTERN)] for mask in range(8)
]


def _with_check_bits(value: int, generator: int, degree: int) -> int:
    """Return a number followed by the remainder of a division by a generator (annexes C and D)."""
    remainder = value << degree
    while remainder.bit_length() > degree:
        remainder ^= generator << (remainder.bit_length() - degree - 1)
    return value << degree | remainder


def _format_places(size: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the two places of each format bit, the lowest first (figure 25)."""
    for bit in range(15):
        if bit < 6:
            first = (8, bit)
        elif bit < 8:
            first = (8, bit + 1)
        else:
            first = (7 if bit == 8 else 14 - bit, 8)
        second = (size - 1 - bit, 8) if bit < 8 else (8, size - 15 + bit)
        yield first, second


def penalty(rows: Sequence[str]) -> int:
    """Return how hard a symbol is to read, by the rules of section 7.8.3.1."""
    columns = ["".join(column) for column in zip(*rows, strict=True)]
    lines = [*rows, *columns]
    finders = sum(len(_FINDER_LIKE.findall(line)) for line in lines)
    dark = sum(row.count(DARK) for row in rows)
    deviation = abs(dark * 20 - len(rows) ** 2 * 10) // len(rows) ** 2
    return (
        sum(map(_long_runs, lines))
        + PENALTIES[1] * _squares(rows)
        + PENALTIES[2] * finders
        + PENALTIES[3] * deviation
    )


def _long_runs(line: str) -> int:
    """Return the penalty for runs of five and more modules of one colour."""
    lengths = (len(list(run)) for _, run in groupby(line))
    return sum(PENALTIES[0] + length - 5 for length in lengths if length >= 5)


def _squares(rows: Sequence[str]) -> int:
    """Return the number of blocks of two by two modules of one colour."""
    count = 0
    for upper, lower in zip(rows, rows[1:], strict=False):
        for left in range(len(upper) - 1):
            square = upper[left : left + 2] + lower[left : left + 2]
            count += square in ("0000", "1111")
    return count
