"""The answers that show rows: one of them, or a page of a list in the format that the client wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from openviper.api.resources.asking import Questions
from openviper.api.resources.links import link_header, page_address
from openviper.api.resources.parameters import FIELDS, read_query
from openviper.api.resources.rows import Rows
from openviper.api.resources.shapes import Fields, Shape
from openviper.api.resources.versions import version_of
from openviper.db.models import Model
from openviper.db.query.pages import CursorPage
from openviper.exceptions import InvalidPage
from openviper.http.conditions import check_conditions
from openviper.http.negotiation import TYPES, Format, answer_as, preferred_type
from openviper.http.request import Request
from openviper.http.responses import JSONResponse, Response
from openviper.utils.datastructures import add_vary
from openviper.validation.faults import Fault, ParseError, shown_value

M = TypeVar("M", bound=Model)


class Reader(Generic[M]):
    """Lists rows and shows them.

    Args:
        rows: The rows.
        shape: How they are shown.
        questions: What clients may ask of the list.
        page_size: Rows of a page when the client does not say.
        is_counted: Whether a page says how many rows there are.
        formats: The formats of the list.
    """

    def __init__(
        self,
        rows: Rows[M],
        shape: Shape[M],
        questions: Questions,
        page_size: int,
        formats: Sequence[Format],
        *,
        is_counted: bool,
    ) -> None:
        self._rows = rows
        self._shape = shape
        self._questions = questions
        self._page_size = page_size
        self._is_counted = is_counted
        self._formats = formats
        self._types = [TYPES[name] for name in formats]

    async def page(self, request: Request) -> Response:
        """Return a page of the rows that the client asks for."""
        chosen = preferred_type(request, self._types)
        values = read_query(self._questions.parameters, request.query_params)
        fields: Fields = values.get(FIELDS)
        queryset = self._questions.asked(await self._rows.of(request, "list"), values)
        page = await self._cut(self._shape.prepare(queryset, fields), values)
        shown = await self._shape.dump_many(page.items, fields)
        following = page_address(request, page.next_cursor)
        before = page_address(request, page.previous_cursor)
        headers = link_header(following, before)
        if chosen != TYPES["json"]:
            return self._as_rows(request, shown, fields, headers)
        content: dict[str, Any] = {"results": shown, "next": following, "previous": before}
        if self._is_counted:
            content["count"] = await queryset.count()
        response = conditional(request, content, headers)
        add_vary(response.raw_headers, "Accept")
        return response

    async def _cut(self, queryset: Any, values: Mapping[str, Any]) -> CursorPage[M]:
        cursor = values.get("cursor")
        try:
            page: CursorPage[M] = await queryset.cursor_page(
                cursor, values.get("page_size", self._page_size)
            )
        except InvalidPage as error:
            fault = Fault(("query", "cursor"), "cursor", str(error.detail), {}, shown_value(cursor))
            raise ParseError([fault]) from None
        return page

    def _as_rows(
        self,
        request: Request,
        shown: Sequence[Mapping[str, Any]],
        fields: Fields,
        headers: Mapping[str, str],
    ) -> Response:
        response = answer_as(
            request, shown, formats=self._formats, columns=self._shape.columns(fields)
        )
        for name, value in headers.items():
            response.headers[name] = value
        return response

    async def row(self, request: Request) -> Response:
        """Return one row."""
        fields = self._shape.asked(request)
        queryset = self._shape.prepare(await self._rows.of(request), fields)
        instance = await self._rows.one_of(queryset, request.path_params[self._rows.parameter])
        await self._rows.check(request, instance)
        return conditional(request, await self._shape.dump(instance, fields))


def conditional(
    request: Request, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Return data as JSON with its tag; or say that the client has it already.

    Raises:
        HTTPException: 412 if the client demands another version.
    """
    response = JSONResponse(content)
    tag = version_of(content)
    unchanged = check_conditions(request.headers, request.method, tag)
    answer = response if unchanged is None else unchanged
    for name, value in {**(headers or {}), "etag": tag}.items():
        answer.headers[name] = value
    return answer
