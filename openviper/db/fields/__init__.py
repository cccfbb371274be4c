"""The fields of models."""

from __future__ import annotations

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
    PositiveIntegerField,
    SmallIntegerField,
)
from openviper.db.fields.relations import ForeignKey, LazyFK, OneToOneField
from openviper.db.fields.structured import JSONField, UUIDField
from openviper.db.fields.text import CharField, EmailField, PasswordField, SlugField, TextField, URLField

__all__ = [
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
]
