"""What validation and lint need to know of connections; the catalog registers it, so that flows need not import it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from uuid import UUID

from ipaas.core import providers

PROVIDER = "flows.catalogue"

Effect = Literal["safe", "keyed", "lookup", "unkeyed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFacts:
    """One action of a connector; ``undone_by`` is the action that compensates it, "" for none."""

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


def catalogue_of(workspace_id: UUID | None) -> Catalogue | None:
    """The catalogue of a workspace, None when nobody provides one (then names of connections are not checked)."""
    if workspace_id is None:
        return None
    try:
        provide = cast("Callable[[UUID], Catalogue]", providers.get(PROVIDER))
    except LookupError:
        return None
    return provide(workspace_id)
