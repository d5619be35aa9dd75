"""Pages by cursor: newest first, steady while rows are added."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.core.errors import InvalidInput

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
PAGE_PARAMETERS = frozenset({"limit", "cursor"})


class IdCursorPagination(BasePagination):
    """``?limit=`` (1 to 200) and ``?cursor=``; ids are time ordered, so the id alone is the place."""

    next_cursor: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit = read_limit(request)
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(id__lt=read_cursor(cursor))
        rows = list(queryset.order_by("-id")[: limit + 1])
        if len(rows) > limit:
            rows = rows[:limit]
            self.next_cursor = base64.urlsafe_b64encode(rows[-1].id.bytes).decode().rstrip("=")
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "next_cursor": self.next_cursor})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": ["string", "null"], "description": "Hand it in as cursor for the next page; null at the end."}
        return {
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {"items": schema, "next_cursor": cursor},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return page_parameters()


def page_parameters() -> list[dict[str, Any]]:
    """As OpenAPI writes them."""
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return [
        {"name": "limit", "in": "query", "required": False, "schema": limit},
        {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}},
    ]


def read_limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        message = f"must be a whole number from 1 to {MAX_LIMIT}"
        raise InvalidInput([{"path": "limit", "code": "page.limit", "message": message}])
    return int(text)


def page_by_place(rows: Sequence[Any], request: Request) -> tuple[list[Any], str | None]:
    """One page of rows that are at hand anyway, with the cursor of the next: the place in their order."""
    start, limit = read_place(request) or 0, read_limit(request)
    rest = rows[start : start + limit]
    return list(rest), str(start + limit) if start + limit < len(rows) else None


def read_place(request: Request) -> int | None:
    """The cursor of a list that is paged by a number; None on its first page."""
    text = request.query_params.get("cursor")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _no_cursor()
    return int(text)


def read_cursor(text: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _no_cursor() from None


def _no_cursor() -> InvalidInput:
    return InvalidInput([{"path": "cursor", "code": "page.cursor", "message": "is not a cursor of this list"}])
