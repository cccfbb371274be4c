"""The words of lookups by name. To add one, subclass `Operator` and put it here."""

from __future__ import annotations

from openviper.db.sql.comparisons import EXACT, ORDERINGS, Equality, IsNull, Membership, Range
from openviper.db.sql.json_lookups import Keys
from openviper.db.sql.lookups import Operator
from openviper.db.sql.matching import IGNORING, Contains, Regex, Text

OPERATORS: dict[str, Operator] = {
    "exact": EXACT,
    "ne": Equality("ne", "<>"),
    **ORDERINGS,
    "in": Membership("in"),
    "not_in": Membership("not_in"),
    "range": Range(),
    "isnull": IsNull(),
    "contains": Contains("contains"),
    "has_key": Keys("has_key", "AND"),
    "has_keys": Keys("has_keys", "AND"),
    "has_any_keys": Keys("has_any_keys", "OR"),
    "icontains": Text("icontains"),
    "startswith": Text("startswith"),
    "istartswith": Text("istartswith"),
    "endswith": Text("endswith"),
    "iendswith": Text("iendswith"),
    "iexact": Text("iexact"),
    "regex": Regex("regex"),
    "iregex": IGNORING,
}
"""The words by name."""
