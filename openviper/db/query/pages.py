"""Pages of a query, by number or by cursor."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from openviper.conf import settings
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.conditions import Group, NullTest, Truth
from openviper.db.sql.description import Description
from openviper.db.sql.lookups import Compare, Lookup
from openviper.db.sql.nodes import Column, Node, Order, has_window
from openviper.db.sql.operators import OPERATORS
from openviper.exceptions import InvalidPage
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import base64
    import hashlib
    import hmac
else:
    # Only cursors need them, and the cryptographic library behind them takes 4 MB and 8 ms of every process.
    base64 = lazy_module("base64")
    hashlib = lazy_module("hashlib")
    hmac = lazy_module("hmac")

M = TypeVar("M")

MAX_CURSOR = 10 * 1024
"""Most characters of a cursor that is looked at."""
_LETTERS = re.compile(r"[A-Za-z0-9_-]+")
_FOREIGN = "the cursor does not belong to this query"
SIGNATURE_BYTES = 16
"""Length of the signature of a cursor."""


class Page(Generic[M]):
    """Some of the instances of a query.

    Attributes:
        items: The instances of this page.
        total_count: How many there are on all pages.
        number: The page's number, from 1 on.
        page_size: Most instances of a page.
        next_cursor: What `paginate` takes for the page behind this one; `None` when this one is not full, or when the
            order is by a computed value that is neither a number nor a text.
    """

    __slots__ = ("items", "next_cursor", "number", "page_size", "total_count")

    def __init__(
        self,
        items: list[M],
        total_count: int,
        number: int,
        page_size: int,
        next_cursor: str | None = None,
    ) -> None:
        self.items = items
        self.total_count = total_count
        self.number = number
        self.page_size = page_size
        self.next_cursor = next_cursor

    def __repr__(self) -> str:
        return f"<Page {self.number} of {self.num_pages}>"

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[M]:
        return iter(self.items)

    @property
    def num_pages(self) -> int:
        """How many pages there are."""
        return -(-self.total_count // self.page_size)

    @property
    def has_next(self) -> bool:
        """Whether there may be a page behind this one."""
        return self.next_cursor is not None or self.number < self.num_pages

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before this one."""
        return self.number > 1

    @property
    def next_page_number(self) -> int | None:
        """The number of the next page, or `None`."""
        return self.number + 1 if self.has_next else None

    @property
    def previous_page_number(self) -> int | None:
        """The number of the page before, or `None`."""
        return self.number - 1 if self.has_previous else None


class CursorPage(Generic[M]):
    """Some of the instances of a query, with the ways to those around them; nothing is counted.

    Attributes:
        items: The instances of this page, in the order of the query.
        next_cursor: What `cursor_page` takes for the page behind this one; `None` if there is none.
        previous_cursor: What it takes for the page before this one; `None` if there is none.
    """

    __slots__ = ("items", "next_cursor", "previous_cursor")

    def __init__(
        self, items: list[M], next_cursor: str | None, previous_cursor: str | None
    ) -> None:
        self.items = items
        self.next_cursor = next_cursor
        self.previous_cursor = previous_cursor

    def __repr__(self) -> str:
        return f"<CursorPage of {len(self.items)}>"

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[M]:
        return iter(self.items)


BACK = "~"
"""What a cursor begins with that leads back; no other has it, and it needs no escape in an address."""
UNKNOWN_VALUE = object()
"""Stands for a value that an instance was not loaded with."""
_IN_CURSORS = (type(None), int, float, str)
"""Computed values that a cursor can hold."""


def known_values(query: Description, order: tuple[Order, ...], instance: Any) -> list[Any]:
    """Return what an instance has of the values that a query is ordered by."""
    computed = {id(node): name for name, node in query.shown}
    deferred = instance.get_deferred_fields()
    return [_known_value(term.node, computed, deferred, instance) for term in order]


def _known_value(
    node: Node, computed: dict[int, str], deferred: Container[str], instance: Any
) -> Any:
    if id(node) in computed:
        return instance.__dict__[computed[id(node)]]
    if not isinstance(node, Column) or node.steps or node.field.name in deferred:
        return UNKNOWN_VALUE
    return getattr(instance, node.field.attname)


def can_be_signed(order: tuple[Order, ...], values: list[Any]) -> bool:
    """Return whether a cursor can hold values: a computed one has no field that could make it again from its text."""
    if any(term.node.sort_keys() or has_window(term.node) for term in order):
        return False  # No condition says which rows come behind one.
    return all(
        isinstance(term.node, Column) or isinstance(value, _IN_CURSORS)
        for term, value in zip(order, values, strict=True)
    )


class Cursors:
    """Signed places in the order of one query.

    A cursor holds the values of the last row, encoded and signed with `SECRET_KEY`: whoever asks for pages cannot make up
    places of his own, and so learn the values of rows by the order in which they come.

    Args:
        meta: The model.
        order: What the query is ordered by; the last term makes rows unique.
    """

    def __init__(self, meta: ModelOptions, order: tuple[Order, ...]) -> None:
        self.meta = meta
        self.order = order

    def make(self, values: list[Any]) -> str:
        """Return the place of a row, given by the values it is ordered by, as text for a URL."""
        text = json.dumps(values, separators=(",", ":"), default=str).encode()
        return (
            base64.urlsafe_b64encode(self._signature(text, settings.SECRET_KEY) + text)
            .decode()
            .rstrip("=")
        )

    def read(self, cursor: object) -> list[Any]:
        """Return the values in a cursor.

        Raises:
            InvalidPage: If it was not made for this query.
        """
        values = self._decoded(cursor)
        if values is None or len(values) != len(self.order):
            raise InvalidPage(_FOREIGN)
        return values

    def _decoded(self, cursor: object) -> list[Any] | None:
        raw = _bytes_of(cursor)
        signature, text = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        # Compared before anything is decoded, in the same time wherever it differs.
        secrets = [settings.SECRET_KEY, *filter(None, settings.SECRET_KEY_FALLBACKS)]
        signatures = [self._signature(text, secret) for secret in secrets]
        if not any([hmac.compare_digest(signature, known) for known in signatures]):
            return None
        decoded = json.loads(text)
        return decoded if isinstance(decoded, list) else None

    def _signature(self, text: bytes, secret: str) -> bytes:
        terms = [f"{'-' if term.descending else ''}{term.name}" for term in self.order]
        label = json.dumps(["cursor", self.meta.label, *terms]).encode()
        key = hashlib.sha256(b"openviper cursor\0" + secret.encode()).digest()
        return hmac.digest(key, label + b"\0" + text, "sha256")[:SIGNATURE_BYTES]

    def behind(self, cursor: str) -> Node:
        """Return the condition for the rows behind a cursor.

        Raises:
            InvalidPage: If it was not made for this query.
        """
        # Behind the last row is what is greater in the first value, or equal in it and greater in the second, and so on.
        alternatives: list[Node] = []
        equal: list[Node] = []
        for term, value in zip(self.order, self.read(cursor), strict=True):
            behind = _behind(term, value)
            if behind is not None:
                alternatives.append(Group("AND", (*equal, behind)))
            equal.append(_condition(term, "exact", value))
        return Group("OR", tuple(alternatives)) if alternatives else Truth(False)


def check_page(name: str, number: object) -> None:
    """Check the number or the size of a page.

    Raises:
        InvalidPage: If it is not a whole number of at least 1.
    """
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InvalidPage(f"{name}={number!r} is not a number of at least 1")


def _bytes_of(cursor: object) -> bytes:
    """Return what a cursor encodes; nothing, which has no signature, if it is not well-formed."""
    if not isinstance(cursor, str) or len(cursor) > MAX_CURSOR or not _LETTERS.fullmatch(cursor):
        return b""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return b""


def _behind(term: Order, value: Any) -> Node | None:
    nulls_last = term.descending if term.nulls_last is None else term.nulls_last
    if value is None:
        return None if nulls_last else NullTest(term.node, negated=True)
    greater = _condition(term, "lt" if term.descending else "gt", value)
    return Group("OR", (greater, NullTest(term.node))) if nulls_last else greater


def _condition(term: Order, word: str, value: Any) -> Node:
    node = term.node
    if isinstance(node, Column) and value is not None:
        try:
            value = node.field.to_python(value)
        except (ValueError, TypeError):
            raise InvalidPage(_FOREIGN) from None
    lookup = Lookup(term.name, node, OPERATORS[word])
    return NullTest(node) if value is None else Compare(lookup, value)
