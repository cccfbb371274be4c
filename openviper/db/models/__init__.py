"""Models and what belongs to declaring and querying them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.db.fields.choices import TextChoice
from openviper.db.fields.constraints import (
    CheckConstraint,
    Constraint,
    ExclusionConstraint,
    Index,
    UniqueConstraint,
)
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.sql_text import SQL
from openviper.db.models.base import AbstractModel, Model
from openviper.db.models.meta import ModelMeta, check_primary_keys
from openviper.db.models.related import ReverseRows
from openviper.db.query.manager import Manager
from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.db.models.many_to_many import ManyToManyManager as ManyToManyManager
    from openviper.db.models.validation import ModelValidationError as ModelValidationError
    from openviper.db.query.pages import Page as Page
    from openviper.db.query.prefetch import Prefetch as Prefetch
    from openviper.db.query.queryset import QuerySet as QuerySet
    from openviper.db.sql.aggregates import Avg as Avg
    from openviper.db.sql.aggregates import Count as Count
    from openviper.db.sql.aggregates import Max as Max
    from openviper.db.sql.aggregates import Min as Min
    from openviper.db.sql.aggregates import Sum as Sum
    from openviper.db.sql.expressions import F as F
    from openviper.db.sql.expressions import Q as Q

__all__ = [
    "AbstractModel",
    "Avg",
    "CheckConstraint",
    "Constraint",
    "Count",
    "ExclusionConstraint",
    "F",
    "Index",
    "Manager",
    "ManyToManyManager",
    "Max",
    "Min",
    "Model",
    "ModelMeta",
    "ModelOptions",
    "ModelValidationError",
    "Page",
    "Prefetch",
    "Q",
    "QuerySet",
    "ReverseRows",
    "SQL",
    "Sum",
    "TextChoice",
    "UniqueConstraint",
    "check_primary_keys",
]
_LATE = {
    "openviper.db.models.many_to_many": ("ManyToManyManager",),
    "openviper.db.models.validation": ("ModelValidationError",),
    "openviper.db.query.pages": ("Page",),
    "openviper.db.query.prefetch": ("Prefetch",),
    "openviper.db.query.queryset": ("QuerySet",),
    "openviper.db.sql.aggregates": ("Avg", "Count", "Max", "Min", "Sum"),
    "openviper.db.sql.expressions": ("F", "Q"),
}
_, __getattr__, __dir__ = lazy_exports(__name__, _LATE)
