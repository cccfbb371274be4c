"""What a client asks of a list, made a query of the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from openviper.api.resources.filters import Filters, make_filters, make_orders, make_searched
from openviper.api.resources.mistakes import ResourceError
from openviper.api.resources.parameters import (
    Parameter,
    ordering_parameter,
    page_parameters,
    search_parameter,
)
from openviper.db.fields.model_options import ModelOptions
from openviper.db.models import Model, Q
from openviper.db.query import QuerySet

M = TypeVar("M", bound=Model)


class Questions:
    """What clients may ask of the list of one resource.

    Args:
        meta: The model.
        filters: See `openviper.api.resource`, as the others.
        ordering: Names of fields.
        search: Names of fields.
        fields: The parameter that names the fields of the answer.
        max_page_size: Most rows of a page.

    Attributes:
        parameters: What may stand in the address of the list, by name.

    Raises:
        ResourceError: If something is no field, or no lookup of it, or has the name of a parameter of every list.
    """

    def __init__(
        self,
        meta: ModelOptions,
        filters: Filters,
        ordering: Sequence[str],
        search: Sequence[str],
        fields: Parameter,
        max_page_size: int,
    ) -> None:
        self._filters = make_filters(meta, filters)
        self._orders = make_orders(meta, ordering)
        self._searched = make_searched(meta, search)
        others = list(self._others(fields, max_page_size))
        self.parameters: dict[str, Parameter] = dict(self._filters)
        for parameter in others:
            if parameter.key in self._filters:
                reason = (
                    f"{parameter.key!r} is a parameter of every list; offer another lookup of it"
                )
                raise ResourceError(meta.model_name, "filters", reason)
            self.parameters[parameter.key] = parameter

    def _others(self, fields: Parameter, max_page_size: int) -> Iterable[Parameter]:
        if self._orders:
            yield ordering_parameter(self._orders)
        if self._searched:
            yield search_parameter()
        yield fields
        yield from page_parameters(max_page_size)

    def asked(self, queryset: QuerySet[M], values: Mapping[str, Any]) -> QuerySet[M]:
        """Return the rows of a query that a client asks for, in the order that it asks for.

        Args:
            queryset: The query.
            values: What was read from the address.
        """
        lookups = {key: value for key, value in values.items() if key in self._filters}
        if lookups:
            queryset = queryset.filter(**lookups)
        for word in values.get("search", ()):
            queryset = queryset.filter(self._with_word(word))
        order = values.get("ordering")
        return queryset.order_by(*order) if order else queryset

    def _with_word(self, word: str) -> Q:
        first, *others = self._searched
        condition = Q(**{first: word})
        for key in others:
            condition |= Q(**{key: word})
        return condition
