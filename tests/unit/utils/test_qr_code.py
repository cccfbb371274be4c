"""QR codes hold what they were made for: read back by a reader that shares nothing with the writer but the standard."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET

import pytest

from openviper.utils.qr_code import penalty, qr_matrix, qr_svg

Grid = list[list[int]]

# "openviper" at version 1; read by ZXing and by OpenCV.
KNOWN = "openviper"
CAPACITIES = (14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666)  # fmt: skip
"""Bytes at level M (ISO/IEC 18004:2015, table 7)."""
BLOCKS = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16)
CORRECTION = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26)
FORMATS = {
    # The format information of level M (annex C, table C.1), by mask.
    0b101010000010010: 0,
    0b101000100100101: 1,
    0b101111001111100: 2,
    0b101101101001011: 3,
    0b100010111111001: 4,
    0b100000011001110: 5,
    0b100111110010111: 6,
    0b100101010100000: 7,
}


def grid_of(rows: list[str]) -> Grid:
    return [[int(module) for module in row] for row in rows]


def mask_of(grid: Grid) -> int:
    """Read the format information around the upper left finder, the highest bit first."""
    places = [(8, x) for x in (0, 1, 2, 3, 4, 5, 7, 8)] + [(y, 8) for y in (7, 5, 4, 3, 2, 1, 0)]
    value = int("".join(str(grid[y][x]) for y, x in places), 2)
    size = len(grid)
    second = [(size - 1 - n, 8) for n in range(7)] + [(8, size - 8 + n) for n in range(8)]
    assert value == int("".join(str(grid[y][x]) for y, x in second), 2)
    return FORMATS[value]


def is_turned(mask: int, i: int, j: int) -> bool:
    match mask:
        case 0:
            return (i + j) % 2 == 0
        case 1:
            return i % 2 == 0
        case 2:
            return j % 3 == 0
        case 3:
            return (i + j) % 3 == 0
        case 4:
            return (i // 2 + j // 3) % 2 == 0
        case 5:
            return (i * j) % 2 + (i * j) % 3 == 0
        case 6:
            return ((i * j) % 2 + (i * j) % 3) % 2 == 0
        case _:
            return ((i + j) % 2 + (i * j) % 3) % 2 == 0


def is_function(version: int, y: int, x: int) -> bool:
    """Return whether a module belongs to a pattern, or to the format or version information."""
    size = 17 + 4 * version
    if y == 6 or x == 6:
        return True
    if (y < 9 and (x < 9 or x >= size - 8)) or (y >= size - 8 and x < 9):
        return True
    if version >= 7 and ((y < 6 and x >= size - 11) or (x < 6 and y >= size - 11)):
        return True
    centres = alignment_centres(version)
    return any(
        abs(y - cy) <= 2 and abs(x - cx) <= 2
        for cy in centres
        for cx in centres
        if not (cy == 6 and cx in (6, size - 7)) and not (cx == 6 and cy == size - 7)
    )


def alignment_centres(version: int) -> list[int]:
    """Return the centres, found by the rule that they are spread evenly from the far end (annex E)."""
    if version == 1:
        return []
    number, last = version // 7 + 2, 10 + 4 * version
    steps = number - 1
    distance = 2 * -(-(last - 6) // (2 * steps))
    return [6, *sorted(last - distance * step for step in range(steps))]


def codewords_of(grid: Grid) -> list[int]:
    size = len(grid)
    version, mask = (size - 17) // 4, mask_of(grid)
    bits, upwards, column = "", True, size - 1
    while column > 0:
        if column == 6:
            column -= 1
        for step in range(size):
            y = size - 1 - step if upwards else step
            for x in (column, column - 1):
                if not is_function(version, y, x):
                    bits += str(grid[y][x] ^ is_turned(mask, y, x))
        upwards, column = not upwards, column - 2
    return [int(bits[start : start + 8], 2) for start in range(0, len(bits) - 7, 8)]


def times(left: int, right: int) -> int:
    """Multiply in GF(256), bit by bit."""
    result = 0
    while right:
        if right & 1:
            result ^= left
        left <<= 1
        if left & 256:
            left ^= 0b100011101
        right >>= 1
    return result


def has_no_errors(block: list[int], correction: int) -> bool:
    """Return whether every root of the generator is a root of the block (section 7.5.2)."""
    root = 1
    for _ in range(correction):
        value = 0
        for codeword in block:
            value = times(value, root) ^ codeword
        if value:
            return False
        root = times(root, 2)
    return True


def read(rows: list[str]) -> bytes:
    """Return the bytes in a symbol, whose error correction has to be right to the last bit."""
    grid = grid_of(rows)
    version = (len(grid) - 17) // 4
    words, number, correction = codewords_of(grid), BLOCKS[version - 1], CORRECTION[version - 1]
    data_size = len(words) - number * correction
    short = data_size // number
    lengths = [short + (place >= number - data_size % number) for place in range(number)]
    blocks: list[list[int]] = [[] for _ in range(number)]
    queue = iter(words)
    for place in range(max(lengths)):
        for block, length in zip(blocks, lengths, strict=True):
            if place < length:
                block.append(next(queue))
    data = [word for block in blocks for word in block]
    for _ in range(correction):
        for block in blocks:
            block.append(next(queue))
    assert all(has_no_errors(block, correction) for block in blocks)
    bits = "".join(f"{word:08b}" for word in data)
    assert bits[:4] == "0100"
    width = 8 if version < 10 else 16
    length = int(bits[4 : 4 + width], 2)
    body = bits[4 + width : 4 + width + 8 * length]
    return bytes(int(body[start : start + 8], 2) for start in range(0, len(body), 8))


@pytest.mark.parametrize(("version", "capacity"), list(enumerate(CAPACITIES, 1)))
def test_every_version_holds_as_much_as_the_standard_says(version: int, capacity: int) -> None:
    data = hashlib.shake_128(str(version).encode()).digest(capacity)
    rows = qr_matrix(data)
    assert len(rows) == 17 + 4 * version
    assert read(rows) == data
    if version < 20:
        assert len(qr_matrix(data + b"!")) == 17 + 4 * (version + 1)


@pytest.mark.parametrize("data", [b"", b"a", b"\0\xff" * 6, "ä€🐍".encode(), b"0" * 300])
def test_whatever_the_bytes_are_they_are_read_back(data: bytes) -> None:
    assert read(qr_matrix(data)) == data


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="667 bytes are more than a QR code of ours holds: 666"):
        qr_matrix(b"x" * 667)


@pytest.mark.parametrize("size", [5, 130, 600])
def test_finders_and_timing_stand_where_readers_look_for_them(size: int) -> None:
    rows = qr_matrix(b"x" * size)
    last = len(rows)
    finder = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]
    for top, left in ((0, 0), (0, last - 7), (last - 7, 0)):
        assert [row[left : left + 7] for row in rows[top : top + 7]] == finder
    assert rows[6][7:-7].strip("0") == "1".join("0" * (len(rows) // 2 - 6)).strip("0")
    assert rows[last - 8][8] == "1"


def test_the_version_is_written_as_the_standard_says() -> None:
    rows = qr_matrix(b"x" * 110)  # Version 7.
    size = len(rows)
    bits = "".join(rows[y][size - 11 + x] for y in range(5, -1, -1) for x in (2, 1, 0))
    assert int(bits, 2) == 0x07C94  # Annex D, table D.1.
    assert [rows[y][x] for y in range(6) for x in range(size - 11, size - 8)] == [
        rows[x][y] for y in range(6) for x in range(size - 11, size - 8)
    ]


def test_the_mask_is_the_one_with_the_least_penalty() -> None:
    rows = qr_matrix(b"https://example.org/")
    grid, chosen = grid_of(rows), mask_of(grid_of(rows))
    others = []
    for mask in set(range(8)) - {chosen}:
        turned = [
            "".join(
                str(
                    module
                    if is_function(2, y, x)
                    else module ^ is_turned(chosen, y, x) ^ is_turned(mask, y, x)
                )
                for x, module in enumerate(row)
            )
            for y, row in enumerate(grid)
        ]
        others.append(penalty(turned))
    # The format information differs a little with the mask, which is left out of account here.
    assert penalty(rows) <= min(others) + 20


def test_penalties_are_those_of_the_standard() -> None:
    assert penalty(["0" * 5] * 5) == 10 * 3 + 16 * 3 + 10 * 10
    assert penalty(["01", "10"]) == 0
    assert penalty(["10111010000" + "01" * 5]) >= 40


def test_a_known_symbol_that_other_readers_have_read() -> None:
    text = "\n".join(qr_matrix(KNOWN.encode()))
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == "fd217b1891a76e3efe7001b45d3822750874b8ed84131519b6fcbf4cc49aca44"
    )


def test_the_image_draws_the_modules_and_a_quiet_zone() -> None:
    text = "otpauth://totp/Site:ann?secret=ABC"
    image = ET.fromstring(qr_svg(text, 'Code "for" <you> & me'))
    rows = qr_matrix(text.encode())
    size = len(rows) + 8
    assert image.attrib["viewBox"] == f"0 0 {size} {size}"
    assert image.attrib["role"] == "img"
    assert image.attrib["aria-label"] == 'Code "for" <you> & me'
    assert "style" not in image.attrib
    dark: set[tuple[int, int]] = set()
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1", image[1].attrib["d"]):
        dark.update((int(x) + more, int(y)) for more in range(int(length)))
    drawn = [
        "".join("1" if (x, y) in dark else "0" for x in range(4, size - 4))
        for y in range(4, size - 4)
    ]
    assert drawn == rows
