"""The statements of a request, noted for the debug page."""

from __future__ import annotations

from openviper.core.context import current_request
from openviper.db.connections.drivers.base import Parameters
from openviper.db.connections.observers import DatabaseExecution
from openviper.http.debug_page import STATEMENTS

MAX_STATEMENTS = 200
"""Most statements of a request that are kept."""


class RequestStatements(DatabaseExecution):
    """Notes the text and the time of every statement in the state of the request that needs it."""

    def post_execute(self, statement: str, parameters: Parameters | None, duration: float) -> None:
        """Note a statement; its values may be secrets and are left out."""
        request = current_request.get()
        if request is None:
            return
        noted: list[tuple[str, float]] = request.state.setdefault(STATEMENTS, [])
        if len(noted) < MAX_STATEMENTS:
            noted.append((statement, duration))
