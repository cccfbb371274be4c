"""The fields of models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from openviper.db.fields.addresses import GenericIPAddressField, IPAddressField
from openviper.db.fields.arrays import (
    ArrayField,
    FallbackJsonBackend,
    PostgresArrayBackend,
    get_array_backend,
    reset_array_backend,
)
from openviper.db.fields.base import Field
from openviper.db.fields.binary import BinaryField
from openviper.db.fields.choices import TextChoice
from openviper.db.fields.constraints import CheckConstraint, Constraint, Index, UniqueConstraint
from openviper.db.fields.durations import DurationField
from openviper.db.fields.files import FileField, ImageField
from openviper.db.fields.html import HTMLField
from openviper.db.fields.many_to_many import ManyToManyField
from openviper.db.fields.moments import DateField, DateTimeField, TimeField
from openviper.db.fields.numbers import (
    AutoField,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    DecimalField,
    FloatField,
    IntegerField,
    NullBooleanField,
    PositiveIntegerField,
    SmallIntegerField,
)
from openviper.db.fields.relations import ForeignKey, LazyFK, OneToOneField
from openviper.db.fields.sensitive import SensitiveField
from openviper.db.fields.structured import JSONField, UUIDField
from openviper.db.fields.text import CharField, EmailField, PasswordField, SlugField, TextField, URLField
from openviper.db.file_storage import FileStorage, get_file_storage, set_file_storage

if TYPE_CHECKING:
    from openviper.db.models.many_to_many import ManyToManyManager

__all__ = [
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
    "FallbackJsonBackend",
    "Field",
    "FileField",
    "FileStorage",
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
    "ManyToManyManager",
    "NullBooleanField",
    "OneToOneField",
    "PasswordField",
    "PositiveIntegerField",
    "PostgresArrayBackend",
    "SensitiveField",
    "SlugField",
    "SmallIntegerField",
    "TextChoice",
    "TextField",
    "TimeField",
    "URLField",
    "UUIDField",
    "UniqueConstraint",
    "get_array_backend",
    "get_file_storage",
    "reset_array_backend",
    "set_file_storage",
]


def __getattr__(name: str) -> Any:
    if name != "ManyToManyManager":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # It is at home among the models, above the fields, and only named here.
    return importlib.import_module("openviper.db.models.many_to_many").ManyToManyManager
