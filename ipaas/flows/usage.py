"""Which flows use a connection, a mapping or a schema; the catalog asks before one is deleted, pages show it."""

from collections.abc import Callable, Collection, Iterator
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


def operation_uses(workspace_id: UUID, connections: Collection[str]) -> dict[str, list[FlowUse]]:
    """Flows by the action or trigger that they use over one of some connections; likewise."""
    found: dict[str, list[FlowUse]] = {}
    names: set[str] = set()

    def told(content: Any) -> bool:
        names.clear()
        names.update(operation for connection, operation in _operations(content) if connection in connections)
        return bool(names)

    for use in _each_use(workspace_id, told):
        for name in names:
            found.setdefault(name, []).append(use)
    return {name: sorted(set(uses), key=_by_place) for name, uses in found.items()}


def flows_with(workspace_id: UUID, kind: str, slug: str) -> list[FlowUse]:
    """Flows that refer to a mapping or a schema (``kind``), at any version; likewise."""
    return _uses(workspace_id, lambda content: slug in _references(content, kind))


@dataclass(frozen=True, slots=True)
class EventUse:
    """A flow that publishes events of a type, or is started by them."""

    event: str
    publishes: bool
    use: FlowUse


def event_uses(workspace_id: UUID) -> list[EventUse]:
    """Flows with the events that they publish and that start them: what runs somewhere, and drafts."""
    found: set[EventUse] = set()
    names: list[tuple[str, bool]] = []

    def told(content: Any) -> bool:
        names[:] = _events(content)
        return bool(names)

    for use in _each_use(workspace_id, told):
        found |= {EventUse(name, publishes, use) for name, publishes in names}
    return sorted(found, key=lambda one: (one.event, not one.publishes, _by_place(one.use)))


def _events(content: Any) -> Iterator[tuple[str, bool]]:
    """Event types that a document of any form names, and whether it publishes them."""
    trigger = content.get("trigger") if isinstance(content, dict) else None
    started = trigger.get("event") if isinstance(trigger, dict) else None
    if isinstance(started, dict) and isinstance(started.get("type"), str):
        yield started["type"], False
    pending = [content]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            emitted = part.get("emit")
            if isinstance(emitted, dict) and isinstance(emitted.get("type"), str) and "id" in part:
                yield emitted["type"], True
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)


def deployments_under(workspace_id: UUID, contract: str) -> list[Deployment]:
    """Where flows run whose version names a contract (its slug), at any version."""
    running = Deployment.objects.in_workspace(workspace_id).running().select_related("flow", "version", "environment")
    named = running.filter(version__content__contract__startswith=f"{contract}@")
    return list(named.order_by("environment__position", "flow__slug"))


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
    return sorted(_each_use(workspace_id, meant), key=_by_place)


def _by_place(use: FlowUse) -> tuple[str, bool, str]:
    return use.flow, use.version is None, use.place


def _each_use(workspace_id: UUID, meant: Callable[[Any], bool]) -> Iterator[FlowUse]:
    running = Deployment.objects.in_workspace(workspace_id).running().select_related("flow", "version", "environment")
    for one in running:
        if meant(one.version.content):
            yield FlowUse(one.flow.slug, one.flow.title, one.environment.slug, one.version.number)
    for flow in Flow.objects.in_workspace(workspace_id).live().filter(draft__isnull=False):
        if meant(flow.draft):
            yield FlowUse(flow.slug, flow.title, "draft", None)


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
    return {connection for connection, _ in _operations(content)}


def operations_in(content: Any) -> set[tuple[str, str]]:
    """(connection, action or trigger) that a document names, likewise."""
    return set(_operations(content))


def _operations(value: Any) -> Iterator[tuple[str, str]]:
    """(connection, action or trigger) for each step and trigger of a document."""
    if isinstance(value, dict):
        name = value.get("connection")
        if isinstance(name, str) and ("action" in value or "trigger" in value):
            yield name, str(value.get("action") or value.get("trigger"))
        for item in value.values():
            yield from _operations(item)
    elif isinstance(value, list):
        for item in value:
            yield from _operations(item)
