"""How a list goes on, where parameters and answer of an operation show it."""

from collections.abc import Container, Mapping
from typing import Any

from ipaas.sdk.openapi.behaviour import list_in, opened
from ipaas.sdk.openapi.parameters import Placed

_CURSOR_PARAMS = (
    "cursor",
    "page_token",
    "next_token",
    "next_page_token",
    "starting_after",
    "after",
    "continuation_token",
)
_CURSOR_FIELDS = ("next_cursor", "cursor", "next_page_token", "next_token", "continuation_token", "next_page")
_URL_FIELDS = ("next", "next_url", "next_link", "next_page_url", "nextLink", "nextUrl")
_HOLDERS = ("", "meta", "pagination", "paging", "response_metadata", "page_info", "links", "_links")
_OFFSETS, _PAGES = ("offset", "skip", "start", "start_index"), ("page", "page_number", "page_no", "pageno")
_SIZES = ("limit", "per_page", "page_size", "pagesize", "size", "count", "top", "max_results")


def pagination_of(
    placed: Placed, schema: Any, definitions: Mapping[str, Any], headers: Container[str]
) -> dict[str, Any] | None:
    """The manifest's ``pagination``; None where nothing shows it. ``headers``: names of those that answers have."""
    at = list_in(schema, definitions)
    if at is None or "'" in at:
        return None
    whole = opened(schema, definitions).get("properties", {})
    items = f"default(data.{at}, [])" if at else "data"
    if at and not at.isidentifier():
        items = f"default(get(data, '{at}'), [])"
    param = next((name for name in _CURSOR_PARAMS if name in placed.properties), None)
    following = _member(whole, _CURSOR_FIELDS, definitions)
    if param is not None and following:
        return {"param": param, "next": f"get(data, '{following}')", "items": items}
    if "link" in headers:  # RFC 8288
        return {"kind": "link", "items": items}
    address = _member(whole, _URL_FIELDS, definitions)
    if address:
        return {"kind": "next_url", "next": f"get(data, '{address}')", "items": items}
    size = next((name for name in _SIZES if name in placed.properties), None)
    for kind, names in (("offset", _OFFSETS), ("page", _PAGES)):
        counted = next((name for name in names if name in placed.properties), None)
        if counted is not None and _is_number(placed.properties[counted], definitions):
            return {"kind": kind, "param": counted, "items": items} | _size(size, placed, definitions)
    return None


def _member(whole: Mapping[str, Any], names: tuple[str, ...], definitions: Mapping[str, Any]) -> str:
    """The path of the first member that has one of the names and holds a text."""
    for holder in _HOLDERS:
        inside = opened(whole.get(holder, {}), definitions).get("properties", {}) if holder else whole
        for name in names:
            kinds = opened(inside[name], definitions).get("type", "string") if name in inside else ()
            if "string" in ([kinds] if isinstance(kinds, str) else kinds):
                return f"{holder}.{name}" if holder else name
    return ""


def _is_number(schema: Any, definitions: Mapping[str, Any]) -> bool:
    return opened(schema, definitions).get("type") in ("integer", "number")


def _size(name: str | None, placed: Placed, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The size of a page: the parameter that sets it."""
    if name is None or not _is_number(placed.properties[name], definitions):
        return {}
    return {"size": f"{{{{ params.{name} }}}}"}
