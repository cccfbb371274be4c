"""What templates may not do: change data, reach the server through a request, or fill the memory."""

from __future__ import annotations

from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment

CHANGING = frozenset(
    {
        "bulk_create",
        "bulk_update",
        "create",
        "delete",
        "get_or_create",
        "raw",
        "refresh_from_db",
        "save",
        "update",
        "update_or_create",
    }
)
"""Methods of models, managers and querysets that write, or send any statement."""
INNER = frozenset({"scope"})
"""Attributes of a request that lead to the server and the application."""
MAX_REPEATED = 1_000_000
"""Most items that a template may make by repeating a text or a list."""


class TemplateSandbox(SandboxedEnvironment):
    """The environment that templates run in."""

    intercepted_binops = frozenset({"*"})

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may use an attribute."""
        if attr in CHANGING and _comes_from(obj, "openviper.db."):
            return False
        if attr in INNER and _comes_from(obj, "openviper.http."):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply, unless a text or a list would become too long."""
        for repeated, times in ((left, right), (right, left)):
            if isinstance(repeated, (str, bytes, list, tuple)) and isinstance(times, int):
                if len(repeated) * times > MAX_REPEATED:
                    raise SecurityError(f"more than {MAX_REPEATED} items by repetition")
        return super().call_binop(context, operator, left, right)


def _comes_from(obj: Any, package: str) -> bool:
    cls = obj if isinstance(obj, type) else type(obj)
    return any(base.__module__.startswith(package) for base in cls.__mro__)
