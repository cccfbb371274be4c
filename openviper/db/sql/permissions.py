"""Asking whether the current user may do something to a model.

This room knows neither users nor queries: `openviper.auth` registers who decides, the executor asks. It stands alone so that
registering, which happens before every command, imports nothing of the query side.
"""

from __future__ import annotations

import logging
import os
import sys
from contextvars import Token
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from openviper.core.context import (
    ANYBODY,
    current_holder,
    holder_within,
    ignore_permissions_ctx,
    permissions_ignored,
)

if TYPE_CHECKING:
    from openviper.db.fields.model_options import ModelOptions

logger = logging.getLogger("openviper.db")


class AccessRule(Protocol):
    """Decides whether the current user may do something to a model."""

    async def check(self, model: type[Any], action: str) -> None:
        """Return if the action is allowed.

        Args:
            model: The model class.
            action: ``create``, ``read``, ``update`` or ``delete``.

        Raises:
            Exception: The rule's own error if it is not.
        """
        ...


_rule: AccessRule | None = None


def set_access_rule(rule: AccessRule | None) -> None:
    """Ask `rule` before each operation from now on; `None` allows everything."""
    global _rule
    _rule = rule


def is_enforced(ignore: bool = False) -> bool:
    """Return whether anybody decides at present; `ignore` is the caller's wish that nobody does."""
    return _rule is not None and not ignore and not permissions_ignored()


async def check_permission(meta: ModelOptions, action: str, ignore: bool = False) -> None:
    """Return if the current user may do this.

    Raises:
        Exception: The rule's own error if not.
    """
    if _rule is not None and not ignore and not permissions_ignored():
        await _rule.check(meta.model, action)


# This file lies two folders below the package.
_PACKAGE = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), ""
)
_seen_bypasses: set[tuple[str, int]] = set()


class bypass_permissions:  # noqa: N801 - used like a function
    """Check no model permission inside a ``with`` or ``async with`` block, and log who asked for it.

    It goes for the task or thread that enters the block, not for those started inside it: what is still running when the
    block has ended would go on unchecked. In a generator it goes for the generator, not for whoever reads it.

    Args:
        reason: Why, for the log.
        inherit: Check none in tasks and threads started inside the block either, for as long as they run.
    """

    def __init__(self, *, reason: str | None = None, inherit: bool = False) -> None:
        self.reason = reason
        self.inherit = inherit
        self._tokens: list[Token[object]] = []

    def __enter__(self) -> None:
        self._enter(sys._getframe(1))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ignore_permissions_ctx.reset(self._tokens.pop())

    async def __aenter__(self) -> None:
        self._enter(sys._getframe(1))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ignore_permissions_ctx.reset(self._tokens.pop())

    def _holder(self) -> object:
        return ANYBODY if self.inherit else current_holder()

    def _enter(self, frame: FrameType) -> None:
        path, line = frame.f_code.co_filename, frame.f_lineno
        place = (path, line)
        # OpenViper's own bookkeeping is no decision of the project's.
        known = place in _seen_bypasses or path.startswith(_PACKAGE)
        level = logging.DEBUG if known else logging.WARNING
        _seen_bypasses.add(place)
        logger.log(
            level,
            "model permissions bypassed at %s:%d: %s",
            path,
            line,
            self.reason or "no reason given",
        )
        self._tokens.append(ignore_permissions_ctx.set(holder_within(frame, self._holder())))
