"""Models, queries, connections and schema: the public names, each imported when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openviper.db.connection import atomic as atomic
    from openviper.db.connection import close_db as close_db
    from openviper.db.connection import configure_db as configure_db
    from openviper.db.connection import connections as connections
    from openviper.db.connection import get_connection as get_connection
    from openviper.db.connection import get_engine as get_engine
    from openviper.db.connection import on_commit as on_commit
    from openviper.db.connection import request_connection as request_connection
    from openviper.db.connection import transaction as transaction
    from openviper.db.databases import ConnectionManager as ConnectionManager
    from openviper.db.exceptions import DatabaseAliasNotFoundError as DatabaseAliasNotFoundError
    from openviper.db.exceptions import DatabaseBackendNotFoundError as DatabaseBackendNotFoundError
    from openviper.db.exceptions import DatabaseConfigurationError as DatabaseConfigurationError
    from openviper.db.exceptions import DatabaseError as DatabaseError
    from openviper.db.exceptions import DatabaseOperationNotSupportedError as DatabaseOperationNotSupportedError
    from openviper.db.exceptions import DatabaseReadOnlyError as DatabaseReadOnlyError
    from openviper.db.exceptions import DatabaseRoutingError as DatabaseRoutingError
    from openviper.db.exceptions import DatabaseTransactionRoutingError as DatabaseTransactionRoutingError
    from openviper.db.exceptions import OperationalError as OperationalError
    from openviper.db.exceptions import PoolTimeoutError as PoolTimeoutError
    from openviper.db.executor import bypass_permissions as bypass_permissions
    from openviper.db.expressions import Avg as Avg
    from openviper.db.expressions import Count as Count
    from openviper.db.expressions import F as F
    from openviper.db.expressions import Max as Max
    from openviper.db.expressions import Min as Min
    from openviper.db.expressions import Q as Q
    from openviper.db.expressions import Sum as Sum
    from openviper.db.fields import AutoField as AutoField
    from openviper.db.fields import BigAutoField as BigAutoField
    from openviper.db.fields import BigIntegerField as BigIntegerField
    from openviper.db.fields import BooleanField as BooleanField
    from openviper.db.fields import CharField as CharField
    from openviper.db.fields import CheckConstraint as CheckConstraint
    from openviper.db.fields import Constraint as Constraint
    from openviper.db.fields import DateField as DateField
    from openviper.db.fields import DateTimeField as DateTimeField
    from openviper.db.fields import DecimalField as DecimalField
    from openviper.db.fields import EmailField as EmailField
    from openviper.db.fields import Field as Field
    from openviper.db.fields import FloatField as FloatField
    from openviper.db.fields import ForeignKey as ForeignKey
    from openviper.db.fields import Index as Index
    from openviper.db.fields import IntegerField as IntegerField
    from openviper.db.fields import JSONField as JSONField
    from openviper.db.fields import LazyFK as LazyFK
    from openviper.db.fields import OneToOneField as OneToOneField
    from openviper.db.fields import PasswordField as PasswordField
    from openviper.db.fields import PositiveIntegerField as PositiveIntegerField
    from openviper.db.fields import SlugField as SlugField
    from openviper.db.fields import SmallIntegerField as SmallIntegerField
    from openviper.db.fields import TextField as TextField
    from openviper.db.fields import TimeField as TimeField
    from openviper.db.fields import URLField as URLField
    from openviper.db.fields import UUIDField as UUIDField
    from openviper.db.fields import UniqueConstraint as UniqueConstraint
    from openviper.db.manager import Manager as Manager
    from openviper.db.models import AbstractModel as AbstractModel
    from openviper.db.models import Model as Model
    from openviper.db.models import ModelOptions as ModelOptions
    from openviper.db.query import QuerySet as QuerySet
    from openviper.db.schemas import create_tables as create_tables
    from openviper.db.schemas import init_db as init_db
    from openviper.exceptions import TableNotFound as TableNotFound

_HOMES = {
    "openviper.db.connection": (
        "atomic",
        "close_db",
        "configure_db",
        "connections",
        "get_connection",
        "get_engine",
        "on_commit",
        "request_connection",
        "transaction",
    ),
    "openviper.db.databases": (
        "ConnectionManager",
    ),
    "openviper.db.exceptions": (
        "DatabaseAliasNotFoundError",
        "DatabaseBackendNotFoundError",
        "DatabaseConfigurationError",
        "DatabaseError",
        "DatabaseOperationNotSupportedError",
        "DatabaseReadOnlyError",
        "DatabaseRoutingError",
        "DatabaseTransactionRoutingError",
        "OperationalError",
        "PoolTimeoutError",
    ),
    "openviper.db.executor": (
        "bypass_permissions",
    ),
    "openviper.db.expressions": (
        "Avg",
        "Count",
        "F",
        "Max",
        "Min",
        "Q",
        "Sum",
    ),
    "openviper.db.fields": (
        "AutoField",
        "BigAutoField",
        "BigIntegerField",
        "BooleanField",
        "CharField",
        "CheckConstraint",
        "Constraint",
        "DateField",
        "DateTimeField",
        "DecimalField",
        "EmailField",
        "Field",
        "FloatField",
        "ForeignKey",
        "Index",
        "IntegerField",
        "JSONField",
        "LazyFK",
        "OneToOneField",
        "PasswordField",
        "PositiveIntegerField",
        "SlugField",
        "SmallIntegerField",
        "TextField",
        "TimeField",
        "URLField",
        "UUIDField",
        "UniqueConstraint",
    ),
    "openviper.db.manager": (
        "Manager",
    ),
    "openviper.db.models": (
        "AbstractModel",
        "Model",
        "ModelOptions",
    ),
    "openviper.db.query": (
        "QuerySet",
    ),
    "openviper.db.schemas": (
        "create_tables",
        "init_db",
    ),
    "openviper.exceptions": (
        "TableNotFound",
    ),
}
_LAZY = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AbstractModel",
    "AutoField",
    "Avg",
    "BigAutoField",
    "BigIntegerField",
    "BooleanField",
    "CharField",
    "CheckConstraint",
    "ConnectionManager",
    "Constraint",
    "Count",
    "DatabaseAliasNotFoundError",
    "DatabaseBackendNotFoundError",
    "DatabaseConfigurationError",
    "DatabaseError",
    "DatabaseOperationNotSupportedError",
    "DatabaseReadOnlyError",
    "DatabaseRoutingError",
    "DatabaseTransactionRoutingError",
    "DateField",
    "DateTimeField",
    "DecimalField",
    "EmailField",
    "F",
    "Field",
    "FloatField",
    "ForeignKey",
    "Index",
    "IntegerField",
    "JSONField",
    "LazyFK",
    "Manager",
    "Max",
    "Min",
    "Model",
    "ModelOptions",
    "OneToOneField",
    "OperationalError",
    "PasswordField",
    "PoolTimeoutError",
    "PositiveIntegerField",
    "Q",
    "QuerySet",
    "SlugField",
    "SmallIntegerField",
    "Sum",
    "TableNotFound",
    "TextField",
    "TimeField",
    "URLField",
    "UUIDField",
    "UniqueConstraint",
    "atomic",
    "bypass_permissions",
    "close_db",
    "configure_db",
    "connections",
    "create_tables",
    "get_connection",
    "get_engine",
    "init_db",
    "on_commit",
    "request_connection",
    "transaction",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
