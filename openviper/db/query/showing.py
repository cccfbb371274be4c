"""What a query looks like in a log, a traceback and the console."""

from __future__ import annotations

from openviper.db.executor import plan_on
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.description import Description
from openviper.db.sql.selects import select_instances
from openviper.exceptions import OpenViperException


def shown_query(name: str, meta: ModelOptions, query: Description) -> str:
    """Return a query's class, model and SQL; nothing is run, and values, which may be secrets, are left out.

    Args:
        name: The name of the query's class.
        meta: The model.
        query: What is asked for.
    """
    try:
        select = select_instances(plan_on(meta, query.using or "default"), query)
    except (
        OpenViperException
    ):  # No database is configured, say, or an `OuterRef` has no outer query yet.
        return f"<{name} of {meta.label}>"
    return f"<{name} of {meta.label}, to be awaited: {select.sql}>"
