"""The types of an actor's arguments and results; imported when a value is there whose type cannot be seen at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.tasks.arguments.typed import RESULT as RESULT
    from openviper.tasks.arguments.typed import read_arguments as read_arguments
    from openviper.tasks.arguments.typed import read_result as read_result
    from openviper.tasks.arguments.typed import write_arguments as write_arguments
    from openviper.tasks.arguments.typed import write_result as write_result

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.tasks.arguments.typed": (
            "RESULT",
            "read_arguments",
            "read_result",
            "write_arguments",
            "write_result",
        )
    },
)
