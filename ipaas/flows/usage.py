"""Which flows use a connection, a mapping or a schema; the catalog asks before one is deleted, pages show it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ipaas.flows.models import Deployment, Flow


@dataclass(frozen=True, slots=True)
class FlowUse:
    """``place`` is an environment that the flow runs in, or "draft"; ``version`` is None for a draft."""

    flow: str
    title: str
    place: str
    version: int | None

    @property
    def label(self) -> str:
        version = "" if self.version is None else f" v{self.version}"
        return f"flow {self.flow}{version} ({self.place})"


def connection_uses(workspace_id: UUID, slug: str) -> list[FlowUse]:
    """Flows that call or poll a connection: what runs somewhere, and drafts. Archived flows do not count."""
    return _uses(workspace_id, lambda content: slug in connections_in(content))


def flows_with(workspace_id: UUID, kind: str, slug: str) -> list[FlowUse]:
    """Flows that refer to a mapping or a schema (``kind``), at any version; likewise."""
    return _uses(workspace_id, lambda content: slug in _references(content, kind))


def _references(value: Any, kind: str) -> set[str]:
    """Slugs that stand under a key; a draft may be of any form."""
    found: set[str] = set()
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            found.update([part[kind].partition("@")[0]] if isinstance(part.get(kind), str) else [])
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)
    return found


def _uses(workspace_id: UUID, meant: Callable[[Any], bool]) -> list[FlowUse]:
    running = Deployment.objects.in_workspace(workspace_id).running().select_related("version", "environment")
    found = [
        FlowUse(one.flow.slug, one.flow.title, one.environment.slug, one.version.number)
        for one in running
        if meant(one.version.content)
    ]
    drafts = Flow.objects.in_workspace(workspace_id).live().filter(draft__isnull=False)
    found += [FlowUse(flow.slug, flow.title, "draft", None) for flow in drafts if meant(flow.draft)]
    return sorted(found, key=lambda use: (use.flow, use.version is None, use.place))


def connection_use_labels(workspace_id: UUID, slug: str) -> list[str]:
    """The same as labels; lent as ``catalog.connection_uses``."""
    return [use.label for use in connection_uses(workspace_id, slug)]


def endpoint_use_labels(workspace_id: UUID, environment_id: UUID, slug: str) -> list[str]:
    """Labels of the deployed flows, paused ones too, that deliveries to an endpoint start; lent to the endpoints."""
    found = Deployment.objects.in_workspace(workspace_id).running().triggered_by("webhook", slug)
    running = found.filter(environment_id=environment_id).select_related("flow", "version", "environment")
    uses = [FlowUse(one.flow.slug, one.flow.title, one.environment.slug, one.version.number) for one in running]
    return sorted(use.label for use in uses)


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
