"""Who publishes and who takes events: flows, and those that event types name besides."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ipaas.accounts.models import Workspace
from ipaas.contracts.models import EventType
from ipaas.core.actor import Actor
from ipaas.flows.usage import EventUse, FlowUse, event_uses


@dataclass(slots=True)
class Traffic:
    """The flows on both sides of an event, by the name that events carry."""

    producers: list[FlowUse] = field(default_factory=list)
    consumers: list[FlowUse] = field(default_factory=list)


def traffic_of(actor: Actor, workspace: Workspace) -> dict[str, Traffic]:
    """Every event that a flow publishes or is started by; nothing for those who may not see flows."""
    return _by_event(event_uses(workspace.id) if actor.may("flows.view") else [])


def _by_event(uses: Iterable[EventUse]) -> dict[str, Traffic]:
    found: dict[str, Traffic] = {}
    for one in uses:
        traffic = found.setdefault(one.event, Traffic())
        (traffic.producers if one.publishes else traffic.consumers).append(one.use)
    return found


def shown_content(document: EventType) -> dict[str, Any]:
    """What holds of an event type: its newest version, else its draft."""
    newest = document.versions.order_by("-number").first()
    content: dict[str, Any] = newest.content if newest is not None else document.draft or {}
    return content


def named(parties: Any) -> list[tuple[str, str]]:
    """Name and note of the parties that a content of any form names."""
    rows = parties if isinstance(parties, list) else []
    found = (one for one in rows if isinstance(one, dict) and isinstance(one.get("name"), str))
    return [(one["name"], str(one.get("note") or "")) for one in found]
