"""What can be done with the rows of a resource."""

from __future__ import annotations

from typing import Literal, TypeAlias

Action: TypeAlias = Literal["list", "create", "read", "update", "replace", "delete"]

ListFormat: TypeAlias = Literal["json", "csv", "ndjson"]
"""The formats that a list may have."""
ACTIONS: tuple[Action, ...] = ("list", "create", "read", "update", "replace", "delete")
"""All of them, in the order of their routes."""
METHODS: dict[Action, str] = {
    "list": "GET",
    "create": "POST",
    "read": "GET",
    "update": "PATCH",
    "replace": "PUT",
    "delete": "DELETE",
}
"""The method of each."""
