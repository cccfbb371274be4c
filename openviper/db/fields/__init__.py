"""The fields of models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from openviper.db.fields.base import Field
from openviper.db.fields.constraints import CheckConstraint, Constraint, Index, UniqueConstraint
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
from openviper.db.fields.text import CharField, EmailField, PasswordField, SlugField, TextField, URLField
from openviper.db.file_storage import FileStorage, get_file_storage, set_file_storage

if TYPE_CHECKING:
    from openviper.db.fields.addresses import GenericIPAddressField as GenericIPAddressField
    from openviper.db.fields.addresses import IPAddressField as IPAddressField
    from openviper.db.fields.arrays import ArrayField as ArrayField
    from openviper.db.fields.arrays import FallbackJsonBackend as FallbackJsonBackend
    from openviper.db.fields.arrays import PostgresArrayBackend as PostgresArrayBackend
    from openviper.db.fields.arrays import get_array_backend as get_array_backend
    from openviper.db.fields.arrays import reset_array_backend as reset_array_backend
    from openviper.db.fields.binary import BinaryField as BinaryField
    from openviper.db.fields.choices import TextChoice as TextChoice
    from openviper.db.fields.durations import DurationField as DurationField
    from openviper.db.fields.files import FileField as FileField
    from openviper.db.fields.files import ImageField as ImageField
    from openviper.db.fields.html import HTMLField as HTMLField
    from openviper.db.fields.many_to_many import ManyToManyField as ManyToManyField
    from openviper.db.fields.sensitive import SensitiveField as SensitiveField
    from openviper.db.fields.structured import JSONField as JSONField
    from openviper.db.fields.structured import UUIDField as UUIDField
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


# Those that few models have; each is imported when it is first named, which saves every command a few milliseconds.
_PLACES = {
    "ArrayField": "arrays",
    "BinaryField": "binary",
    "DurationField": "durations",
    "FallbackJsonBackend": "arrays",
    "FileField": "files",
    "GenericIPAddressField": "addresses",
    "HTMLField": "html",
    "IPAddressField": "addresses",
    "ImageField": "files",
    "JSONField": "structured",
    "ManyToManyField": "many_to_many",
    "PostgresArrayBackend": "arrays",
    "SensitiveField": "sensitive",
    "TextChoice": "choices",
    "UUIDField": "structured",
    "get_array_backend": "arrays",
    "reset_array_backend": "arrays",
}


def __getattr__(name: str) -> Any:
    if name == "ManyToManyManager":
        # It is at home among the models, above the fields, and only named here.
        return importlib.import_module("openviper.db.models.many_to_many").ManyToManyManager
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{place}"), name)
    globals()[name] = value
    return value
