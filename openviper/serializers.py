"""Serializers: check what is received, write what is sent; of fields of their own, of dataclasses and of models.

::

    class BookIn(Serializer):
        title: str
        tags: list[str] = []
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.api.serializers.base import NotThereError as NotThereError
    from openviper.api.serializers.fields import SerializerError as SerializerError
    from openviper.api.serializers.marks import computed_field as computed_field
    from openviper.api.serializers.marks import field_validator as field_validator
    from openviper.api.serializers.marks import model_validator as model_validator
    from openviper.api.serializers.model import ModelSerializer as ModelSerializer
    from openviper.api.serializers.model import model_serializer as model_serializer
    from openviper.api.serializers.pages import PaginatedSerializer as PaginatedSerializer
    from openviper.api.serializers.serializer import Serializer as Serializer

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.api.serializers.base": ("NotThereError",),
        "openviper.api.serializers.fields": ("SerializerError",),
        "openviper.api.serializers.marks": (
            "computed_field",
            "field_validator",
            "model_validator",
        ),
        "openviper.api.serializers.model": ("ModelSerializer", "model_serializer"),
        "openviper.api.serializers.pages": ("PaginatedSerializer",),
        "openviper.api.serializers.serializer": ("Serializer",),
    },
)
