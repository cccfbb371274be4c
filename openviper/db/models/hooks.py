"""What a model may do around its being stored. Each hook is empty; `validate` and `clean` stand here too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.models import validation
else:
    validation = lazy_module("openviper.db.models.validation")  # With the first save.


class Hooks:
    """The hooks of a model, in the order they run; override them with ``async def`` or plain ``def``.

    An exception in any of them aborts the operation; one in an ``after_`` hook, `on_update` or `on_change` undoes the
    write, as it runs in the same transaction. Bulk methods and the database's cascades run none.
    """

    async def before_validate(self) -> None:
        """Run first on every save."""

    async def validate(self) -> None:
        """Check all fields and the groups of `unique_together`; overriders call ``await super().validate()``.

        Raises:
            ModelValidationError: If something is not allowed; it is a `ValueError`.
        """
        await validation.check_instance(self)

    async def clean(self) -> None:
        """Check what concerns several fields; part of `full_clean`."""

    async def before_insert(self) -> None:
        """Run after `validate` when the row is new."""

    async def before_save(self) -> None:
        """Run last before an INSERT or UPDATE."""

    async def after_insert(self) -> None:
        """Run after an INSERT."""

    async def on_update(self) -> None:
        """Run after an UPDATE."""

    async def on_change(self, values: dict[str, Any]) -> None:
        """Run last when something changed.

        Args:
            values: After an INSERT all stored values, after an UPDATE the old values of the changed fields.
        """

    async def on_delete(self) -> None:
        """Run before a DELETE."""

    async def after_delete(self) -> None:
        """Run after a DELETE."""


async def run_hook(hook: Callable[..., Any], *arguments: Any) -> None:
    """Run a hook, async or plain."""
    result = hook(*arguments)
    if result is not None:
        await result
