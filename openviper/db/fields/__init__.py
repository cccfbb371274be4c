"""The fields of models; the public names, each imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.db.fields.addresses import GenericIPAddressField as GenericIPAddressField
    from openviper.db.fields.addresses import IPAddressField as IPAddressField
    from openviper.db.fields.arrays import ArrayField as ArrayField
    from openviper.db.fields.arrays import FallbackJsonBackend as FallbackJsonBackend
    from openviper.db.fields.arrays import PostgresArrayBackend as PostgresArrayBackend
    from openviper.db.fields.arrays import get_array_backend as get_array_backend
    from openviper.db.fields.base import Field as Field
    from openviper.db.fields.binary import BinaryField as BinaryField
    from openviper.db.fields.choices import TextChoice as TextChoice
    from openviper.db.fields.constraints import CheckConstraint as CheckConstraint
    from openviper.db.fields.constraints import Constraint as Constraint
    from openviper.db.fields.constraints import ExclusionConstraint as ExclusionConstraint
    from openviper.db.fields.constraints import Index as Index
    from openviper.db.fields.constraints import UniqueConstraint as UniqueConstraint
    from openviper.db.fields.decimals import DecimalField as DecimalField
    from openviper.db.fields.durations import DurationField as DurationField
    from openviper.db.fields.file_storage import FileStorage as FileStorage
    from openviper.db.fields.file_storage import get_file_storage as get_file_storage
    from openviper.db.fields.file_storage import set_file_storage as set_file_storage
    from openviper.db.fields.files import FileField as FileField
    from openviper.db.fields.files import ImageField as ImageField
    from openviper.db.fields.html import HTMLField as HTMLField
    from openviper.db.fields.moments import DateField as DateField
    from openviper.db.fields.moments import DateTimeField as DateTimeField
    from openviper.db.fields.moments import TimeField as TimeField
    from openviper.db.fields.numbers import AutoField as AutoField
    from openviper.db.fields.numbers import BigAutoField as BigAutoField
    from openviper.db.fields.numbers import BigIntegerField as BigIntegerField
    from openviper.db.fields.numbers import BooleanField as BooleanField
    from openviper.db.fields.numbers import FloatField as FloatField
    from openviper.db.fields.numbers import IntegerField as IntegerField
    from openviper.db.fields.numbers import NullBooleanField as NullBooleanField
    from openviper.db.fields.numbers import PositiveIntegerField as PositiveIntegerField
    from openviper.db.fields.numbers import SmallIntegerField as SmallIntegerField
    from openviper.db.fields.relations import ForeignKey as ForeignKey
    from openviper.db.fields.relations import LazyFK as LazyFK
    from openviper.db.fields.relations import OneToOneField as OneToOneField
    from openviper.db.fields.sensitive import SensitiveField as SensitiveField
    from openviper.db.fields.structured import JSONField as JSONField
    from openviper.db.fields.structured import UUIDField as UUIDField
    from openviper.db.fields.text import CharField as CharField
    from openviper.db.fields.text import EmailField as EmailField
    from openviper.db.fields.text import PasswordField as PasswordField
    from openviper.db.fields.text import SlugField as SlugField
    from openviper.db.fields.text import TextField as TextField
    from openviper.db.fields.text import URLField as URLField
    from openviper.db.models.many_to_many import ManyToManyField as ManyToManyField
    from openviper.db.models.many_to_many import ManyToManyManager as ManyToManyManager

# The relation with a manager above the fields is at home among the models, and only named here.
__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.db.fields.addresses": ("GenericIPAddressField", "IPAddressField"),
        "openviper.db.fields.arrays": (
            "ArrayField",
            "FallbackJsonBackend",
            "PostgresArrayBackend",
            "get_array_backend",
        ),
        "openviper.db.fields.base": ("Field",),
        "openviper.db.fields.binary": ("BinaryField",),
        "openviper.db.fields.choices": ("TextChoice",),
        "openviper.db.fields.constraints": (
            "CheckConstraint",
            "Constraint",
            "ExclusionConstraint",
            "Index",
            "UniqueConstraint",
        ),
        "openviper.db.fields.durations": ("DurationField",),
        "openviper.db.fields.file_storage": ("FileStorage", "get_file_storage", "set_file_storage"),
        "openviper.db.fields.files": ("FileField", "ImageField"),
        "openviper.db.fields.html": ("HTMLField",),
        "openviper.db.fields.moments": ("DateField", "DateTimeField", "TimeField"),
        "openviper.db.fields.decimals": ("DecimalField",),
        "openviper.db.fields.numbers": (
            "AutoField",
            "BigAutoField",
            "BigIntegerField",
            "BooleanField",
            "FloatField",
            "IntegerField",
            "NullBooleanField",
            "PositiveIntegerField",
            "SmallIntegerField",
        ),
        "openviper.db.fields.relations": ("ForeignKey", "LazyFK", "OneToOneField"),
        "openviper.db.fields.sensitive": ("SensitiveField",),
        "openviper.db.fields.structured": ("JSONField", "UUIDField"),
        "openviper.db.fields.text": (
            "CharField",
            "EmailField",
            "PasswordField",
            "SlugField",
            "TextField",
            "URLField",
        ),
        "openviper.db.models.many_to_many": ("ManyToManyField", "ManyToManyManager"),
    },
)
