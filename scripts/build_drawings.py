#!/usr/bin/env python3
"""Write the drawings of the manual, `docs/drawings/*.svg`, from what is said of them here.

    python3 scripts/build_drawings.py            write them
    python3 scripts/build_drawings.py --check    only compare

A drawing is boxes on a grid and arrows between them, with a title and a description for those who do not see it. Its
colours are attributes, so that it can be looked at alone; within a page the theme gives each part the page's own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "drawings"
COLUMN, ROW = 190, 92
"""Width and height of a cell of the grid, in units of the drawing."""
GAP, MARGIN = 36, 12
"""What lies between two boxes of a row, and around everything."""
LINE = 17
"""From one line of text to the next."""
LETTER = 6.6
"""Width of a letter of the text in a box, about; what does not fit is refused."""


class Box(NamedTuple):
    """A box in a cell of the grid.

    Attributes:
        column: The column of its left side.
        row: Its row; halves stand between rows.
        text: Its lines; the first one is the name of the thing.
        width: How many columns it takes.
        look: ``box``, or ``strong`` for what the drawing is about.
    """

    column: float
    row: float
    text: str
    width: int = 1
    look: str = "box"

    @property
    def left(self) -> float:
        return MARGIN + self.column * COLUMN

    @property
    def top(self) -> float:
        return MARGIN + self.row * ROW

    @property
    def across(self) -> float:
        return self.width * COLUMN - GAP

    @property
    def height(self) -> float:
        return LINE * len(self.text.splitlines()) + 18


class Arrow(NamedTuple):
    """An arrow from one box to another: from side to side in a row, else from bottom to top or the other way.

    Attributes:
        start: The first line of the box it begins at.
        end: The first line of the box it leads to.
        is_dashed: Whether it is what happens only when something goes wrong.
    """

    start: str
    end: str
    is_dashed: bool = False


class Drawing(NamedTuple):
    """One drawing.

    Attributes:
        title: What it shows.
        description: The same in words, for those who do not see it.
        boxes: The boxes.
        arrows: The arrows.
    """

    title: str
    description: str
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]


DRAWINGS: Mapping[str, Drawing] = {
    "request": Drawing(
        "The way of a request",
        "uvicorn calls the application, which was built once when it started. The request goes through the middleware, "
        "from the outermost to the innermost, to the router, which finds the route and reads the arguments of the "
        "handler. What the handler returns becomes a response and goes back through the middleware. Session, user, "
        "body and database connection are made only when the handler asks for them.",
        [
            Box(0, 0, "uvicorn\nHTTP, WebSockets"),
            Box(1, 0, "Middleware\nthe outermost first"),
            Box(2, 0, "Router\npath and method"),
            Box(3, 0, "Arguments\nread and checked"),
            Box(3, 1.2, "Handler\nyour code", look="strong"),
            Box(2, 1.2, "Response\nfrom what it returns"),
            Box(1, 1.2, "Middleware, back\nheaders, errors"),
            Box(
                2, 2.4, "Made when asked for\nsession, user, body,\ndatabase connection", 2, "quiet"
            ),
        ],
        [
            Arrow("uvicorn", "Middleware"),
            Arrow("Middleware", "Router"),
            Arrow("Router", "Arguments"),
            Arrow("Arguments", "Handler"),
            Arrow("Handler", "Response"),
            Arrow("Response", "Middleware, back"),
            Arrow("Handler", "Made when asked for", is_dashed=True),
        ],
    ),
    "floors": Drawing(
        "The floors of the house",
        "Eight floors, each of which imports only what lies below it. From the top: 7 doors, 6 commands, 5 application, 4 web, "
        "3 services, 2 data, 1 configuration, 0 foundation.",
        [
            Box(0, 0, "7 doors\nviperctl, cli, the names of openviper", 3),
            Box(0, 0.75, "6 commands\nmanagement commands, scaffolds", 3),
            Box(0, 1.5, "5 application\napps, the ASGI application, testing", 3),
            Box(0, 2.25, "4 web\nhttp, routing, sessions, auth, middleware, forms, api, ai", 3),
            Box(0, 3.0, "3 services\ntemplates, cache, storage, backup, tasks, mail, manual", 3),
            Box(0, 3.75, "2 data\nmodels, queries, SQL, connections, schemas", 3, "strong"),
            Box(0, 4.5, "1 configuration\nsettings, project, translations", 3),
            Box(0, 5.25, "0 foundation\nerrors, small helpers, validation", 3),
        ],
        [],
    ),
    "backup": Drawing(
        "A backup and a restore",
        "A backup: the dump of the database streams through checksum and compression into a hidden file. That file is read back "
        "and compared, and only then gets its name. A restore: the archive is verified first, then the target is asked "
        "whether it takes the dump, and then all of it is replaced or nothing.",
        [
            Box(0, 0, "Database\nit stays in use"),
            Box(1, 0, "Dump\none moment of it"),
            Box(2, 0, "Hidden file\ncompressed, flushed"),
            Box(3, 0, "Read back\nand compared"),
            Box(3, 1.2, "Archive\nwith its sidecar", look="strong"),
            Box(2, 1.2, "Verified\nsum, structure, dump"),
            Box(1, 1.2, "Target asked\nrights, locks, space"),
            Box(0, 1.2, "Replaced\neverything or nothing"),
        ],
        [
            Arrow("Database", "Dump"),
            Arrow("Dump", "Hidden file"),
            Arrow("Hidden file", "Read back"),
            Arrow("Read back", "Archive"),
            Arrow("Archive", "Verified"),
            Arrow("Verified", "Target asked"),
            Arrow("Target asked", "Replaced"),
        ],
    ),
    "tasks": Drawing(
        "The life of a task",
        "Sending a task writes one row, in the transaction of the sender. A worker claims the row and keeps its claim alive "
        "while the task runs. When the task has ended, the row is deleted. When it has failed, it waits for its next "
        "turn; when it has failed for good, it is kept as dead. The claim of a worker that was killed runs out, and "
        "the row can be claimed again.",
        [
            Box(0, 0, "send()\nin your transaction", look="strong"),
            Box(1, 0, "Waiting\none row in the queue"),
            Box(2, 0, "Claimed\nby one worker"),
            Box(3, 0, "Done\nthe row is deleted"),
            Box(1, 1.2, "Later\nfailed; tried again"),
            Box(2, 1.2, "Lost\nthe worker was killed"),
            Box(3, 1.2, "Dead\nfailed for good; kept"),
        ],
        [
            Arrow("send()", "Waiting"),
            Arrow("Waiting", "Claimed"),
            Arrow("Claimed", "Done"),
            Arrow("Claimed", "Later", is_dashed=True),
            Arrow("Claimed", "Lost", is_dashed=True),
            Arrow("Claimed", "Dead", is_dashed=True),
            Arrow("Later", "Waiting"),
            Arrow("Lost", "Waiting"),
        ],
    ),
    "delivery": Drawing(
        "OpenViper on its way into a closed place",
        "On a machine with packages, `vendor` or `scripts/bundle.py` makes a folder, one file or a bundle, with a list of sums. "
        "It is carried in; the sum of that list goes another way. Inside, `verify` compares every file with the list, and "
        "the list with the sum. Then the project runs, and nothing is fetched.",
        [
            Box(0, 0, "Outside\npackages installed"),
            Box(1, 0, "vendor, bundle\nfolder, file, wheels"),
            Box(2, 0, "Carried in\non a stick", look="strong"),
            Box(3, 0, "Verified\nevery file"),
            Box(3, 1.2, "Running\nno network needed"),
            Box(2, 1.2, "The sum\non another way", look="quiet"),
        ],
        [
            Arrow("Outside", "vendor, bundle"),
            Arrow("vendor, bundle", "Carried in"),
            Arrow("Carried in", "Verified"),
            Arrow("vendor, bundle", "The sum", is_dashed=True),
            Arrow("The sum", "Verified", is_dashed=True),
            Arrow("Verified", "Running"),
        ],
    ),
}

FILLS = {"box": "#f3f5f6", "strong": "#e4f2ea", "quiet": "#ffffff"}
INK, QUIET, EDGE = "#1b1f24", "#4d565f", "#7a858e"


def draw(name: str, drawing: Drawing) -> str:
    """Return a drawing as SVG.

    Args:
        name: What its marks are named after, so that several drawings can stand on one page.
        drawing: What it shows.

    Raises:
        ValueError: If a text does not fit into its box, or an arrow names no box.
    """
    width = max(box.left + box.across for box in drawing.boxes) + MARGIN
    height = max(box.top + box.height for box in drawing.boxes) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="img" aria-labelledby="{name}-title {name}-text" font-family="system-ui, sans-serif" font-size="13">',
        f'<title id="{name}-title">{escape(drawing.title)}</title>',
        f'<desc id="{name}-text">{escape(drawing.description)}</desc>',
        f'<defs><marker id="{name}-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path class="tip" d="M0 0L10 5L0 10z" fill="{EDGE}"/></marker></defs>',
        f'<rect class="paper" width="{width:g}" height="{height:g}" fill="#ffffff"/>',
        *(_arrow(name, arrow, _named(drawing)) for arrow in drawing.arrows),
        *(line for box in drawing.boxes for line in _box(box)),
        "</svg>",
    ]
    return "\n".join([*parts, ""])


def _named(drawing: Drawing) -> dict[str, Box]:
    return {box.text.partition("\n")[0]: box for box in drawing.boxes}


def _box(box: Box) -> Iterator[str]:
    yield (
        f'<rect class="{box.look}" x="{box.left:g}" y="{box.top:g}" width="{box.across:g}" height="{box.height:g}" '
        f'rx="6" fill="{FILLS[box.look]}" stroke="{EDGE}"/>'
    )
    for number, line in enumerate(box.text.splitlines()):
        if len(line) * LETTER > box.across:
            raise ValueError(f"{line!r} does not fit into its box")
        weight = ' font-weight="600"' if number == 0 else ""
        colour = INK if number == 0 else QUIET
        look = "name" if number == 0 else "note"
        yield (
            f'<text class="{look}" x="{box.left + box.across / 2:g}" y="{box.top + 21 + number * LINE:g}" '
            f'text-anchor="middle" fill="{colour}"{weight}>{escape(line)}</text>'
        )


def _arrow(name: str, arrow: Arrow, boxes: Mapping[str, Box]) -> str:
    for named in (arrow.start, arrow.end):
        if named not in boxes:
            raise ValueError(f"no box is named {named!r}")
    start, end = boxes[arrow.start], boxes[arrow.end]
    dashes = ' stroke-dasharray="5 4"' if arrow.is_dashed else ""
    (x1, y1), (x2, y2) = _ends(start, end)
    return (
        f'<path class="arrow" d="M{x1:g} {y1:g}L{x2:g} {y2:g}" fill="none" stroke="{EDGE}" stroke-width="1.5"{dashes} '
        f'marker-end="url(#{name}-tip)"/>'
    )


def _ends(start: Box, end: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where an arrow leaves a box and where it meets the other."""
    if start.row == end.row:
        middle = start.top + min(start.height, end.height) / 2
        if start.column < end.column:
            return (start.left + start.across, middle), (end.left, middle)
        return (start.left, middle), (end.left + end.across, middle)
    left = max(start.left, end.left)
    right = min(start.left + start.across, end.left + end.across)
    shared = (left + right) / 2
    begins = shared if left < right else start.left + start.across / 2
    meets = shared if left < right else end.left + end.across / 2
    if start.row < end.row:
        return (begins, start.top + start.height), (meets, end.top)
    return (begins, start.top), (meets, end.top + end.height)


def build() -> dict[str, str]:
    """Return the content of every file by its name."""
    return {f"{name}.svg": draw(name, drawing) for name, drawing in DRAWINGS.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Write or compare the drawings; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the drawings of the manual.")
    parser.add_argument("--check", action="store_true", help="only compare")
    options = parser.parse_args(argv)
    wanted = build()
    present = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.svg")}
    if options.check:
        differing = sorted(
            name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name)
        )
        for name in differing:
            print(f"{name} is not what scripts/build_drawings.py writes", file=sys.stderr)
        return 1 if differing else 0
    FOLDER.mkdir(exist_ok=True)
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for name in present.keys() - wanted.keys():
        (FOLDER / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
