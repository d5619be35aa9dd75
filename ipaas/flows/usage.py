"""Which flows use a connection; the catalog asks before one is deleted, pages show it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ipaas.flows.models import Deployment, Flow


@dataclass(frozen=True, slots=True)
class ConnectionUse:
    """``place`` is an environment that the flow runs in, or "draft"; ``version`` is None for a draft."""

    flow: str
    title: str
    place: str
    version: int | None

    @property
    def label(self) -> str:
        version = "" if self.version is None else f" v{self.version}"
        return f"flow {self.flow}{version} ({self.place})"


def connection_uses(workspace_id: UUID, slug: str) -> list[ConnectionUse]:
    """Flows that call or poll a connection: what runs somewhere, and drafts. Archived flows do not count."""
    running = Deployment.objects.in_workspace(workspace_id).running().select_related("version", "environment")
    found = [
        ConnectionUse(one.flow.slug, one.flow.title, one.environment.slug, one.version.number)
        for one in running
        if slug in connections_in(one.version.content)
    ]
    drafts = Flow.objects.in_workspace(workspace_id).live().filter(draft__isnull=False)
    found += [
        ConnectionUse(flow.slug, flow.title, "draft", None) for flow in drafts if slug in connections_in(flow.draft)
    ]
    return sorted(found, key=lambda use: (use.flow, use.version is None, use.place))


def connection_use_labels(workspace_id: UUID, slug: str) -> list[str]:
    """The same as labels; lent as ``catalog.connection_uses``."""
    return [use.label for use in connection_uses(workspace_id, slug)]


def connections_in(content: Any) -> set[str]:
    """Slugs of the connections that a document names; a draft may be of any form."""
    return set(_named(content))


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        name = value.get("connection")
        if isinstance(name, str) and ("action" in value or "trigger" in value):
            yield name
        for item in value.values():
            yield from _named(item)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item)
