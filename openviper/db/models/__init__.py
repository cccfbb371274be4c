"""Models and what belongs to declaring and querying them."""

from __future__ import annotations

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
from openviper.db.models.many_to_many import ManyToManyManager
from openviper.db.models.meta import ModelMeta, check_primary_keys
from openviper.db.models.related import ReverseRows
from openviper.db.models.validation import ModelValidationError
from openviper.db.query import QuerySet
from openviper.db.query.manager import Manager
from openviper.db.query.pages import Page
from openviper.db.query.prefetch import Prefetch
from openviper.db.sql.aggregates import Avg, Count, Max, Min, Sum
from openviper.db.sql.expressions import F, Q

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
