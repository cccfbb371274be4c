"""Models, queries, connections and schema: the public names, each imported when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

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
    from openviper.db.connections.databases import Connection as Connection
    from openviper.db.connections.databases import ConnectionManager as ConnectionManager
    from openviper.db.connections.observers import DatabaseBackend as DatabaseBackend
    from openviper.db.connections.observers import (
        DatabaseBackendRegistry as DatabaseBackendRegistry,
    )
    from openviper.db.connections.observers import DatabaseExecution as DatabaseExecution
    from openviper.db.connections.observers import (
        database_backend_registry as database_backend_registry,
    )
    from openviper.db.dialects.sqlite_functions import sqlite_function as sqlite_function
    from openviper.db.exceptions import DatabaseAliasNotFoundError as DatabaseAliasNotFoundError
    from openviper.db.exceptions import DatabaseBackendNotFoundError as DatabaseBackendNotFoundError
    from openviper.db.exceptions import DatabaseConfigurationError as DatabaseConfigurationError
    from openviper.db.exceptions import DatabaseError as DatabaseError
    from openviper.db.exceptions import (
        DatabaseOperationNotSupportedError as DatabaseOperationNotSupportedError,
    )
    from openviper.db.exceptions import DatabaseReadOnlyError as DatabaseReadOnlyError
    from openviper.db.exceptions import DatabaseRoutingError as DatabaseRoutingError
    from openviper.db.exceptions import (
        DatabaseTransactionRoutingError as DatabaseTransactionRoutingError,
    )
    from openviper.db.exceptions import OperationalError as OperationalError
    from openviper.db.exceptions import PoolTimeoutError as PoolTimeoutError
    from openviper.db.exceptions import ReadOnlyVirtualModelError as ReadOnlyVirtualModelError
    from openviper.db.exceptions import (
        SingleModelAlreadyExistsError as SingleModelAlreadyExistsError,
    )
    from openviper.db.exceptions import (
        SingleModelDeleteForbiddenError as SingleModelDeleteForbiddenError,
    )
    from openviper.db.exceptions import SingleModelDoesNotExist as SingleModelDoesNotExist
    from openviper.db.exceptions import (
        SingleModelDuplicateForbiddenError as SingleModelDuplicateForbiddenError,
    )
    from openviper.db.exceptions import SingleModelError as SingleModelError
    from openviper.db.exceptions import UnsupportedVirtualQueryError as UnsupportedVirtualQueryError
    from openviper.db.exceptions import VirtualBackendNotFoundError as VirtualBackendNotFoundError
    from openviper.db.exceptions import VirtualBackendOperationError as VirtualBackendOperationError
    from openviper.db.exceptions import VirtualModelError as VirtualModelError
    from openviper.db.executor import bypass_permissions as bypass_permissions
    from openviper.db.executor import invalidate_query_cache as invalidate_query_cache
    from openviper.db.executor import preload_table_schemas as preload_table_schemas
    from openviper.db.fields import ArrayField as ArrayField
    from openviper.db.fields import AutoField as AutoField
    from openviper.db.fields import BigAutoField as BigAutoField
    from openviper.db.fields import BigIntegerField as BigIntegerField
    from openviper.db.fields import BinaryField as BinaryField
    from openviper.db.fields import BooleanField as BooleanField
    from openviper.db.fields import CharField as CharField
    from openviper.db.fields import CheckConstraint as CheckConstraint
    from openviper.db.fields import Constraint as Constraint
    from openviper.db.fields import DateField as DateField
    from openviper.db.fields import DateTimeField as DateTimeField
    from openviper.db.fields import DecimalField as DecimalField
    from openviper.db.fields import DurationField as DurationField
    from openviper.db.fields import EmailField as EmailField
    from openviper.db.fields import ExclusionConstraint as ExclusionConstraint
    from openviper.db.fields import Field as Field
    from openviper.db.fields import FileField as FileField
    from openviper.db.fields import FloatField as FloatField
    from openviper.db.fields import ForeignKey as ForeignKey
    from openviper.db.fields import GenericIPAddressField as GenericIPAddressField
    from openviper.db.fields import HTMLField as HTMLField
    from openviper.db.fields import ImageField as ImageField
    from openviper.db.fields import Index as Index
    from openviper.db.fields import IntegerField as IntegerField
    from openviper.db.fields import IPAddressField as IPAddressField
    from openviper.db.fields import JSONField as JSONField
    from openviper.db.fields import LazyFK as LazyFK
    from openviper.db.fields import ManyToManyField as ManyToManyField
    from openviper.db.fields import NullBooleanField as NullBooleanField
    from openviper.db.fields import OneToOneField as OneToOneField
    from openviper.db.fields import PasswordField as PasswordField
    from openviper.db.fields import PositiveIntegerField as PositiveIntegerField
    from openviper.db.fields import SensitiveField as SensitiveField
    from openviper.db.fields import SlugField as SlugField
    from openviper.db.fields import SmallIntegerField as SmallIntegerField
    from openviper.db.fields import TextChoice as TextChoice
    from openviper.db.fields import TextField as TextField
    from openviper.db.fields import TimeField as TimeField
    from openviper.db.fields import UniqueConstraint as UniqueConstraint
    from openviper.db.fields import URLField as URLField
    from openviper.db.fields import UUIDField as UUIDField
    from openviper.db.models import SQL as SQL
    from openviper.db.models import AbstractModel as AbstractModel
    from openviper.db.models import Model as Model
    from openviper.db.models import ModelOptions as ModelOptions
    from openviper.db.models import ReverseRows as ReverseRows
    from openviper.db.models.many_to_many import ManyToManyManager as ManyToManyManager
    from openviper.db.query import QuerySet as QuerySet
    from openviper.db.query.events import ModelEventDispatcher as ModelEventDispatcher
    from openviper.db.query.events import dispatch_decorator_handlers as dispatch_decorator_handlers
    from openviper.db.query.events import get_dispatcher as get_dispatcher
    from openviper.db.query.events import model_event as model_event
    from openviper.db.query.manager import Manager as Manager
    from openviper.db.query.pages import CursorPage as CursorPage
    from openviper.db.query.pages import Page as Page
    from openviper.db.query.prefetch import Prefetch as Prefetch
    from openviper.db.routing import AdminRouter as AdminRouter
    from openviper.db.routing import DatabaseRouter as DatabaseRouter
    from openviper.db.routing import DefaultRouterResolver as DefaultRouterResolver
    from openviper.db.routing import PrimaryReplicaRouter as PrimaryReplicaRouter
    from openviper.db.routing import RouterResolver as RouterResolver
    from openviper.db.routing import current_db_alias as current_db_alias
    from openviper.db.routing import mark_write_used as mark_write_used
    from openviper.db.routing import read_from_primary as read_from_primary
    from openviper.db.routing import reset_current_alias as reset_current_alias
    from openviper.db.routing import reset_routing_context as reset_routing_context
    from openviper.db.routing import set_current_alias as set_current_alias
    from openviper.db.routing import write_used as write_used
    from openviper.db.schemas import create_tables as create_tables
    from openviper.db.schemas import init_db as init_db
    from openviper.db.sql.aggregates import Aggregate as Aggregate
    from openviper.db.sql.aggregates import Avg as Avg
    from openviper.db.sql.aggregates import Count as Count
    from openviper.db.sql.aggregates import Max as Max
    from openviper.db.sql.aggregates import Min as Min
    from openviper.db.sql.aggregates import Sum as Sum
    from openviper.db.sql.chance import Random as Random
    from openviper.db.sql.expressions import Expression as Expression
    from openviper.db.sql.expressions import F as F
    from openviper.db.sql.expressions import Func as Func
    from openviper.db.sql.expressions import OrderBy as OrderBy
    from openviper.db.sql.expressions import Q as Q
    from openviper.db.sql.expressions import Value as Value
    from openviper.db.sql.functions.choices import Case as Case
    from openviper.db.sql.functions.choices import Cast as Cast
    from openviper.db.sql.functions.choices import Coalesce as Coalesce
    from openviper.db.sql.functions.choices import Greatest as Greatest
    from openviper.db.sql.functions.choices import Least as Least
    from openviper.db.sql.functions.choices import NullIf as NullIf
    from openviper.db.sql.functions.choices import When as When
    from openviper.db.sql.functions.moments import Extract as Extract
    from openviper.db.sql.functions.moments import Now as Now
    from openviper.db.sql.functions.moments import Trunc as Trunc
    from openviper.db.sql.functions.numbers import Abs as Abs
    from openviper.db.sql.functions.numbers import Ceil as Ceil
    from openviper.db.sql.functions.numbers import Floor as Floor
    from openviper.db.sql.functions.numbers import Mod as Mod
    from openviper.db.sql.functions.numbers import Power as Power
    from openviper.db.sql.functions.numbers import Round as Round
    from openviper.db.sql.functions.text import Concat as Concat
    from openviper.db.sql.functions.text import Length as Length
    from openviper.db.sql.functions.text import Lower as Lower
    from openviper.db.sql.functions.text import Replace as Replace
    from openviper.db.sql.functions.text import StrIndex as StrIndex
    from openviper.db.sql.functions.text import Substr as Substr
    from openviper.db.sql.functions.text import Trim as Trim
    from openviper.db.sql.functions.text import Upper as Upper
    from openviper.db.sql.patterns import escape_like as escape_like
    from openviper.db.sql.statistics import ArrayAgg as ArrayAgg
    from openviper.db.sql.statistics import JSONAgg as JSONAgg
    from openviper.db.sql.statistics import StdDev as StdDev
    from openviper.db.sql.statistics import StringAgg as StringAgg
    from openviper.db.sql.statistics import Variance as Variance
    from openviper.db.sql.subqueries import Exists as Exists
    from openviper.db.sql.subqueries import OuterRef as OuterRef
    from openviper.db.sql.subqueries import Subquery as Subquery
    from openviper.db.sql.windows import CumeDist as CumeDist
    from openviper.db.sql.windows import DenseRank as DenseRank
    from openviper.db.sql.windows import FirstValue as FirstValue
    from openviper.db.sql.windows import Frame as Frame
    from openviper.db.sql.windows import Lag as Lag
    from openviper.db.sql.windows import LastValue as LastValue
    from openviper.db.sql.windows import Lead as Lead
    from openviper.db.sql.windows import NthValue as NthValue
    from openviper.db.sql.windows import NTile as NTile
    from openviper.db.sql.windows import PercentRank as PercentRank
    from openviper.db.sql.windows import Rank as Rank
    from openviper.db.sql.windows import RowNumber as RowNumber
    from openviper.db.sql.windows import Window as Window
    from openviper.db.virtual import BASIC_CAPABILITIES as BASIC_CAPABILITIES
    from openviper.db.virtual import APIVirtualBackend as APIVirtualBackend
    from openviper.db.virtual import BackendRegistry as BackendRegistry
    from openviper.db.virtual import Capability as Capability
    from openviper.db.virtual import FilterClause as FilterClause
    from openviper.db.virtual import FilterOp as FilterOp
    from openviper.db.virtual import QuerySpec as QuerySpec
    from openviper.db.virtual import VirtualBackend as VirtualBackend
    from openviper.db.virtual import backend_registry as backend_registry
    from openviper.exceptions import TableNotFound as TableNotFound

# `connections` is the object here, and the folder of its name is only ever imported from. Loaded before, it does not
# take the name away when it is first needed.
importlib.import_module("openviper.db.connections")
globals().pop("connections")

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
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
        "openviper.db.connections.databases": ("Connection", "ConnectionManager"),
        "openviper.db.connections.observers": (
            "DatabaseBackend",
            "DatabaseBackendRegistry",
            "DatabaseExecution",
            "database_backend_registry",
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
            "ReadOnlyVirtualModelError",
            "SingleModelAlreadyExistsError",
            "SingleModelDeleteForbiddenError",
            "SingleModelDoesNotExist",
            "SingleModelDuplicateForbiddenError",
            "SingleModelError",
            "UnsupportedVirtualQueryError",
            "VirtualBackendNotFoundError",
            "VirtualBackendOperationError",
            "VirtualModelError",
        ),
        "openviper.db.executor": (
            "bypass_permissions",
            "invalidate_query_cache",
            "preload_table_schemas",
        ),
        "openviper.db.fields": (
            "ArrayField",
            "AutoField",
            "BigAutoField",
            "BigIntegerField",
            "BinaryField",
            "BooleanField",
            "CharField",
            "CheckConstraint",
            "Constraint",
            "DateField",
            "DateTimeField",
            "DecimalField",
            "DurationField",
            "EmailField",
            "ExclusionConstraint",
            "Field",
            "FileField",
            "FloatField",
            "ForeignKey",
            "GenericIPAddressField",
            "HTMLField",
            "IPAddressField",
            "ImageField",
            "Index",
            "IntegerField",
            "JSONField",
            "LazyFK",
            "ManyToManyField",
            "NullBooleanField",
            "OneToOneField",
            "PasswordField",
            "PositiveIntegerField",
            "SensitiveField",
            "SlugField",
            "SmallIntegerField",
            "TextChoice",
            "TextField",
            "TimeField",
            "URLField",
            "UUIDField",
            "UniqueConstraint",
        ),
        "openviper.db.models": ("AbstractModel", "Model", "ModelOptions", "ReverseRows", "SQL"),
        "openviper.db.models.many_to_many": ("ManyToManyManager",),
        "openviper.db.query": ("QuerySet",),
        "openviper.db.query.events": (
            "ModelEventDispatcher",
            "dispatch_decorator_handlers",
            "get_dispatcher",
            "model_event",
        ),
        "openviper.db.query.manager": ("Manager",),
        "openviper.db.query.pages": ("CursorPage", "Page"),
        "openviper.db.query.prefetch": ("Prefetch",),
        "openviper.db.routing": (
            "AdminRouter",
            "DatabaseRouter",
            "DefaultRouterResolver",
            "PrimaryReplicaRouter",
            "RouterResolver",
            "current_db_alias",
            "mark_write_used",
            "read_from_primary",
            "reset_current_alias",
            "reset_routing_context",
            "set_current_alias",
            "write_used",
        ),
        "openviper.db.schemas": ("create_tables", "init_db"),
        "openviper.db.dialects.sqlite_functions": ("sqlite_function",),
        "openviper.db.sql.aggregates": ("Aggregate", "Avg", "Count", "Max", "Min", "Sum"),
        "openviper.db.sql.expressions": ("Expression", "F", "Func", "OrderBy", "Q", "Value"),
        "openviper.db.sql.subqueries": ("Exists", "OuterRef", "Subquery"),
        "openviper.db.sql.functions.text": (
            "Concat",
            "Length",
            "Lower",
            "Replace",
            "StrIndex",
            "Substr",
            "Trim",
            "Upper",
        ),
        "openviper.db.sql.functions.numbers": ("Abs", "Ceil", "Floor", "Mod", "Power", "Round"),
        "openviper.db.sql.functions.moments": ("Extract", "Now", "Trunc"),
        "openviper.db.sql.functions.choices": (
            "Case",
            "Cast",
            "Coalesce",
            "Greatest",
            "Least",
            "NullIf",
            "When",
        ),
        "openviper.db.sql.chance": ("Random",),
        "openviper.db.sql.statistics": ("ArrayAgg", "JSONAgg", "StdDev", "StringAgg", "Variance"),
        "openviper.db.sql.windows": (
            "CumeDist",
            "DenseRank",
            "FirstValue",
            "Frame",
            "Lag",
            "LastValue",
            "Lead",
            "NTile",
            "NthValue",
            "PercentRank",
            "Rank",
            "RowNumber",
            "Window",
        ),
        "openviper.db.sql.patterns": ("escape_like",),
        "openviper.db.virtual": (
            "APIVirtualBackend",
            "BASIC_CAPABILITIES",
            "BackendRegistry",
            "Capability",
            "FilterClause",
            "FilterOp",
            "QuerySpec",
            "VirtualBackend",
            "backend_registry",
        ),
        "openviper.exceptions": ("TableNotFound",),
    },
)
