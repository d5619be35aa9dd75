"""What other packages may know of connections without calling anything; lent under ``flows.catalogue``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, cast
from uuid import UUID

from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connectors

Effect = Literal["safe", "keyed", "lookup", "unkeyed"]
_CAREFUL: Effect = "unkeyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFacts:
    """``effect`` is ``unkeyed`` where it depends on parameters; ``undone_by`` is the compensating action, or ""."""

    effect: Effect
    params_schema: Mapping[str, Any] | bool = True
    undone_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFacts:
    """One connection slug of a workspace, whatever the environment."""

    connector: str
    actions: Mapping[str, ActionFacts]
    polls: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    connections: Mapping[str, ConnectionFacts] = field(default_factory=dict)

    def action(self, connection: str, action: str) -> ActionFacts | None:
        found = self.connections.get(connection)
        return None if found is None else found.actions.get(action)


def catalogue_for(workspace_id: UUID) -> Catalogue:
    """Connections of a workspace with their actions; those whose connector is not installed are left out."""
    rows = Connection.objects.in_workspace(workspace_id).values_list("slug", "connector").distinct()
    return Catalogue(connections={slug: facts_of(name) for slug, name in rows if name in connectors()})


@lru_cache(maxsize=256)
def facts_of(connector: str) -> ConnectionFacts:
    manifest = connectors()[connector].manifest
    actions = {}
    for name, spec in manifest.actions.items():
        effect = cast("Effect", spec.effect) if spec.effect in ("safe", "keyed", "lookup", "unkeyed") else _CAREFUL
        undone_by = spec.compensated_by.action if spec.compensated_by else ""
        actions[name] = ActionFacts(effect=effect, params_schema=spec.params_schema, undone_by=undone_by)
    polls = frozenset(name for name, spec in manifest.triggers.items() if spec.kind == "poll")
    return ConnectionFacts(connector=connector, actions=actions, polls=polls)
