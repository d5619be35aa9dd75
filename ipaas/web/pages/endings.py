"""Notices of what vendors let end, for the pages of connectors and flows."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.catalog.endings import Sunset, announced_ends, near_sunset
from ipaas.catalog.errors import ConnectorMissing
from ipaas.catalog.models import Connection, OperationUse
from ipaas.catalog.registry import connector_of
from ipaas.flows.usage import operations_in

MOST = 50


def ends_of_connector(request: WorkspaceRequest, slug: str) -> list[OperationUse]:
    """What the vendor announced to any connection over a connector."""
    return list(announced_ends(request.workspace.id, connector=slug)[:MOST])


def ends_for_flow(request: WorkspaceRequest, content: Any) -> dict[str, Any]:
    """What of a flow's operations ends, and which of its connections are over an API that ends."""
    used = operations_in(content)
    slugs = {slug for slug, _ in used}
    if not slugs:
        return {"endings": [], "sunsets": []}
    rows = list(Connection.objects.in_workspace(request.workspace.id).filter(slug__in=slugs).order_by("slug"))
    called = {(slug, action) for row in rows for slug, action in _called(row, used)}
    ends = announced_ends(request.workspace.id, slugs=slugs)
    return {
        "endings": [one for one in ends if (one.connection.slug, one.operation) in called][:MOST],
        "sunsets": list(_sunsets(rows).items()),
    }


def _called(row: Connection, used: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The actions that a flow has called over a connection, those of its polls among them."""
    names = [name for slug, name in used if slug == row.slug]
    yield from ((row.slug, name) for name in names)
    with suppress(ConnectorMissing):
        triggers = connector_of(row).manifest.triggers
        yield from ((row.slug, triggers[name].action) for name in names if name in triggers)


def _sunsets(rows: Iterable[Connection]) -> Mapping[str, Sunset]:
    found = {}
    for row in rows:
        with suppress(ConnectorMissing):
            manifest = connector_of(row).manifest
            end = near_sunset(manifest.api_sunset)
            if end is not None:
                found[f"{manifest.title} {manifest.api_version}".strip()] = end
    return found
