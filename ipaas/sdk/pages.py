"""Following the pages of a list: what to ask for next, and when there is nothing more.

An action with ``pagination`` reads one page unless its parameter ``all_pages`` is true. The pages are then followed
to the end within one call; more than ``max_pages``, a cursor that comes again, and an address elsewhere are errors,
never a list that is cut off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin

from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps
from ipaas.core.net import Response, UrlRefused, parse_url
from ipaas.expressions import ExpressionError, compile_expression, compile_value
from ipaas.sdk.bodies import RequestNotBuildable
from ipaas.sdk.errors import ActionError
from ipaas.sdk.manifest import Effect, Pagination
from ipaas.sdk.requests import BuiltRequest, without_dots

ALL_PAGES = "all_pages"
MOST_BYTES = 64 * 1024 * 1024
"""Of the answers of one call together."""
_MOST_LEVELS = 12


def all_pages_schema(pages: Mapping[str, Any]) -> dict[str, Any]:
    """The parameter that an action gets by its ``pagination``."""
    most = pages.get("max_pages", Pagination.__dataclass_fields__["max_pages"].default)
    return {
        "type": "boolean",
        "default": False,
        "title": "All pages",
        "description": f"Follow the pages to the end, at most {most}; otherwise one page is read.",
    }


def with_all_pages(action: dict[str, Any]) -> dict[str, Any]:
    """An action of a manifest with that parameter, where it has pages and nothing of its own by the name."""
    schema = action["params_schema"]
    if "pagination" not in action or action["effect"] != Effect.SAFE or not isinstance(schema, Mapping):
        return action
    properties = {**schema.get("properties", {})}
    properties.setdefault(ALL_PAGES, all_pages_schema(action["pagination"]))
    return {**action, "params_schema": {**schema, "properties": properties}}


def bare(text: str) -> str:
    """An expression without the braces that it may be written in."""
    stripped = text.strip()
    return stripped[2:-2].strip() if stripped.startswith("{{") and stripped.endswith("}}") else stripped


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Path and query of a page that the vendor named by its address; the rest of the request stays."""

    path: str
    query: tuple[tuple[str, str], ...]


class Pager:
    """The compiled pagination of one action."""

    def __init__(self, spec: Pagination) -> None:
        self.spec = spec
        self.items = compile_expression(bare(spec.items))
        self.next = compile_expression(bare(spec.next)) if spec.next else None
        self.size = compile_value(spec.size)


class PageWalk:
    """One call's way through the pages. ``params`` and ``place`` are those of the request that comes next."""

    def __init__(self, pager: Pager, params: Mapping[str, Any]) -> None:
        self._pager, spec = pager, pager.spec
        self.params = dict(params)
        self.place: Elsewhere | None = None
        self._number = 1
        self._items: list[Any] = []
        self._page: list[Any] = []
        self._first: Any = None
        self._holder: tuple[Any, list[Any]] | None = None
        self._bytes = 0
        self._known: set[bytes] = set()
        if spec.kind in ("page", "offset") and self.params.get(spec.param) is None:
            self.params[spec.param] = spec.start if spec.start is not None else int(spec.kind == "page")

    def take(self, data: Any, body: Any, headers: Mapping[str, str], size: int) -> Any:
        """Keep what an answer brought; the value or address of the next page, None at the end.

        Raises ActionError (contract_violation) for what can not be followed.
        """
        self._page = self._list_of(data)
        self._first = data if self._number == 1 else self._first
        if self._holder is None and _holds(data, self._page):
            self._holder = (data, self._page)
        self._items += self._page
        self._bytes += size
        found = self._following(data, body, headers)
        if found is None or found == "" or found is False:
            return None
        self._bound(found)
        self._number += 1
        return found

    def move_on(self, found: Any, request: BuiltRequest | None, base_url: str) -> None:
        """Make ``params`` or ``place`` those of the next page."""
        spec = self._pager.spec
        if spec.kind in ("link", "next_url"):
            self.place = _place_of(str(found), request, base_url)
        else:
            self.params[spec.param] = found

    @property
    def data(self) -> Any:
        """The first page's data, its list holding the items of all."""
        if self._holder is not None:
            return _with_list(self._holder[0], self._holder[1], self._items)
        if self._items:
            message = "The pages can not be put together: pagination.items does not name a list inside the answer."
            raise _unusable("pagination_items", message)
        return self._first

    def _list_of(self, data: Any) -> list[Any]:
        try:
            found = self._pager.items.evaluate({"data": data})
        except ExpressionError as error:
            raise _unusable("pagination_items", f"The items of a page cannot be read: {error.detail}") from error
        if found is None:
            return []
        if not isinstance(found, list):
            raise _unusable("pagination_items", "The page holds no list of items.")
        return found

    def _following(self, data: Any, body: Any, headers: Mapping[str, str]) -> Any:
        kind = self._pager.spec.kind
        if kind in ("page", "offset"):
            return self._counted(1 if kind == "page" else len(self._page))
        if kind == "link":
            text = headers.get("link", "")
            return Response(200, headers={"link": text}).links.get("next", {}).get("url") if text else None
        try:
            scope = {"data": data, "body": body, "headers": dict(headers)}
            return self._pager.next.evaluate(scope) if self._pager.next else None
        except ExpressionError as error:
            if not self._page:
                return None  # as data.items[-1].id says it of an empty list
            raise _unusable("pagination_next", f"The next page cannot be told: {error.detail}") from error

    def _counted(self, step: int) -> int | None:
        spec = self._pager.spec
        try:
            size = self._pager.size.evaluate({"params": self.params})
            full = not self._page if size is None else len(self._page) < int(size)
            return None if full or not self._page else int(self.params[spec.param]) + step
        except (ExpressionError, TypeError, ValueError) as error:
            raise _unusable("pagination_size", "The number of a page or its size is no number.") from error

    def _bound(self, found: Any) -> None:
        most = self._pager.spec.max_pages
        if self._number >= most:
            remedy = "Narrow the question, or read page by page without all_pages."
            raise _unusable("pagination_too_long", f"There are more than {most} pages. {remedy}")
        if self._bytes > MOST_BYTES:
            remedy = "Narrow the question, or read page by page without all_pages."
            raise _unusable("pagination_too_large", f"The pages hold more than {MOST_BYTES // 1024**2} MB. {remedy}")
        mark = dumps(found)
        if mark in self._known:
            raise _unusable("pagination_loop", "The vendor names a page as the next one that was read already.")
        self._known.add(mark)


def _unusable(code: str, message: str) -> ActionError:
    return ActionError(ErrorClass.CONTRACT_VIOLATION, code, message, sent=True)


def _place_of(address: str, request: BuiltRequest | None, base_url: str) -> Elsewhere:
    """Where an address of the vendor's is below the base URL; another origin is refused."""
    base = parse_url(base_url)
    before = base_url.rstrip("/") + (request.path if request is not None else "/")
    if request is not None and request.query:
        before += f"?{urlencode(request.query)}"
    try:
        target = parse_url(urljoin(before, address.strip()).partition("#")[0])
    except (UrlRefused, ValueError) as error:
        reason = error.detail if isinstance(error, UrlRefused) else "it is no address"
        raise _unusable("pagination_address", f"The address of the next page cannot be used: {reason}") from error
    if (target.scheme, target.host, target.port) != (base.scheme, base.host, base.port):
        message = f"The next page is at {target.origin}, another origin than the connection's; it is not followed."
        raise _unusable("pagination_elsewhere", message)
    path, _, query = target.path.decode("ascii").partition("?")
    root = base.path.decode("ascii").rstrip("/")
    if not path.startswith(f"{root}/"):
        message = f"The next page is at {path}, outside the connection's base URL; it is not followed."
        raise _unusable("pagination_elsewhere", message)
    try:
        return Elsewhere(without_dots(path.removeprefix(root)), tuple(parse_qsl(query, keep_blank_values=True)))
    except (RequestNotBuildable, ValueError) as error:
        raise _unusable("pagination_address", "The address of the next page holds what may not be sent.") from error


def _holds(tree: Any, wanted: list[Any], level: int = 0) -> bool:
    if tree is wanted:
        return True
    below = tree.values() if isinstance(tree, dict) else ()
    return level < _MOST_LEVELS and any(_holds(one, wanted, level + 1) for one in below)


def _with_list(tree: Any, old: list[Any], new: list[Any]) -> Any:
    """A copy of ``tree`` with ``new`` where the very list ``old`` stands."""
    if tree is old:
        return new
    return {name: _with_list(one, old, new) for name, one in tree.items()} if isinstance(tree, dict) else tree
