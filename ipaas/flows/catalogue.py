"""What validation and lint need to know of connections; the catalog lends it under ``PROVIDER``."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from ipaas.core import providers
from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest import Effect

PROVIDER = "catalog.connections"
"""``(workspace id) -> (slug, connector, settings)`` of every connection, one for each environment that has it."""

Connections = Iterable[tuple[str, Connector, Mapping[str, Any]]]
_CARE = [Effect.SAFE, Effect.KEYED, Effect.LOOKUP, Effect.UNKEYED]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFacts:
    """One action of a connector; ``undone_by`` is the action that compensates it, "" for none."""

    effect: Effect
    params_schema: Mapping[str, Any] = field(default_factory=dict)
    undone_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFacts:
    """One connection slug of a workspace, in any environment; ``polls``: schemas of what a flow says, by trigger."""

    connector: str
    actions: Mapping[str, ActionFacts]
    polls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    connections: Mapping[str, ConnectionFacts] = field(default_factory=dict)

    def action(self, connection: str, action: str) -> ActionFacts | None:
        found = self.connections.get(connection)
        return None if found is None else found.actions.get(action)


def catalogue_of(workspace_id: UUID | None) -> Catalogue | None:
    """The catalogue of a workspace, None when nobody provides one (then names of connections are not checked)."""
    if workspace_id is None:
        return None
    try:
        connections = cast("Callable[[UUID], Connections]", providers.get(PROVIDER))(workspace_id)
    except LookupError:
        return None
    return catalogue_from(connections)


def catalogue_from(connections: Connections) -> Catalogue:
    """Facts by slug; where environments differ the effect that needs the most care counts."""
    found: dict[str, ConnectionFacts] = {}
    for slug, connector, settings in connections:
        facts = _facts(connector, connector.with_config_defaults(settings))
        found[slug] = facts if slug not in found else _combined(found[slug], facts)
    return Catalogue(connections=found)


def _facts(connector: Connector, settings: Mapping[str, Any]) -> ConnectionFacts:
    actions = {
        name: ActionFacts(
            effect=connector.effect_of(name, settings),
            params_schema=spec.params_schema,
            undone_by=spec.compensated_by.action if spec.compensated_by else "",
        )
        for name, spec in connector.manifest.actions.items()
    }
    triggers = connector.manifest.triggers
    polls = {name: spec.params_schema for name, spec in triggers.items() if spec.kind == "poll"}
    return ConnectionFacts(connector=connector.slug, actions=actions, polls=polls)


def _combined(one: ConnectionFacts, other: ConnectionFacts) -> ConnectionFacts:
    if one.connector != other.connector:
        return one
    careful = {
        name: max(facts, other.actions.get(name, facts), key=lambda each: _CARE.index(each.effect))
        for name, facts in one.actions.items()
    }
    return ConnectionFacts(connector=one.connector, actions=careful, polls=one.polls)
