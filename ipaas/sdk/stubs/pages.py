"""Lists page by page, in each of the ways that a manifest can say: what the connector follows, the stand-in serves."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ipaas.expressions import ExpressionError
from ipaas.sdk.manifest import ActionSpec
from ipaas.sdk.paths import MISSING, read_path
from ipaas.sdk.stubs.http import StubRequest

POSITION = "page_token"
"""Query parameter of the addresses that the stand-in itself makes."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A page: its items, and the cursor or address of the one behind."""

    items: list[Any]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class StubPages:
    """Where a request says which page it wants; ``place`` is a dotted path into query or body."""

    kind: str
    place: str
    start: int
    size: int | None

    @classmethod
    def of(cls, action: ActionSpec) -> "StubPages":
        pages = action.pagination
        assert pages is not None  # noqa: S101 - asked for by those that have one
        start = pages.start if pages.start is not None else int(pages.kind == "page")
        return cls(pages.kind, _place(action, pages.param), start, pages.size if isinstance(pages.size, int) else None)

    @property
    def by_link(self) -> bool:
        return self.kind == "link"

    def cut(self, items: list[Any], size: int, request: StubRequest, scope: Mapping[str, Any], member: str = "") -> Cut:
        """The page that the request asks for. Raises ExpressionError for one that was never handed out.

        ``member``: the cursor is that member of the last item, and what comes before it is left out already.
        """
        size = self.size or size
        if member:
            page = items[:size]
            return Cut(page, str(page[-1].get(member)) if len(items) > size else None)
        at = self._offset(size, request, scope)
        page, behind = items[at : at + size], at + size
        if behind >= len(items) or self.kind in ("page", "offset"):
            return Cut(page)
        if self.kind == "cursor":
            return Cut(page, _token(behind))
        query = {**request.query, POSITION: _token(behind)}
        host = request.headers.get("host", "")
        return Cut(page, f"{f'http://{host}' if host else ''}{request.path}?{urlencode(query)}")

    def _offset(self, size: int, request: StubRequest, scope: Mapping[str, Any]) -> int:
        if self.kind in ("link", "next_url"):
            return _offset_of(request.query.get(POSITION))
        wanted = read_path({"query": request.query, "body": scope["body"]}, self.place) if self.place else None
        if wanted is None or wanted is MISSING or wanted == "":
            return 0
        if self.kind == "cursor":
            return _offset_of(wanted)
        try:
            number = int(wanted) - self.start
        except (TypeError, ValueError):
            raise _unknown_page() from None
        return max(0, number * size if self.kind == "page" else number)


def _place(action: ActionSpec, param: str) -> str:
    """Where the request carries a parameter: ``query.page`` or ``body.paging.cursor``; empty when it does not."""
    pattern = re.compile(r"\{\{\s*params\." + re.escape(param) + r"\b.*\}\}", re.DOTALL)

    def find(tree: Any, path: str) -> str:
        if isinstance(tree, str):
            return path if pattern.fullmatch(tree.strip()) else ""
        below: Iterable[tuple[Any, Any]] = tree.items() if isinstance(tree, Mapping) else ()
        below = enumerate(tree) if isinstance(tree, list) else below
        return next(filter(None, (find(one, f"{path}.{name}") for name, one in below)), "")

    return find(action.query, "query") or find(action.body, "body") if param else ""


def _token(offset: int) -> str:
    return urlsafe_b64encode(b"from-%d" % offset).decode().rstrip("=")


def _offset_of(token: Any) -> int:
    if token is None:
        return 0
    try:
        found = re.fullmatch(rb"from-([0-9]{1,9})", urlsafe_b64decode(f"{token}==="))
    except ValueError:
        found = None
    if found is None:
        raise _unknown_page()
    return int(found[1])


def _unknown_page() -> ExpressionError:
    return ExpressionError("the page asked for is not one that was handed out")
