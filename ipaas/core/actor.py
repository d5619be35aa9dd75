"""Who acts, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID

from ipaas.core.errors import NotFound, PermissionDenied

ActorKind = Literal["user", "api_key", "service", "system", "anonymous"]

_permissions: dict[str, str] = {}


class WorkspaceOwned(Protocol):
    """Anything that belongs to one workspace."""

    @property
    def workspace_id(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does a deed: permissions hold in ``workspace_id`` only; ``SYSTEM`` may do all everywhere.

    ``flows`` binds the actor to these flows: what belongs to another flow does not exist for it. None: to no flow.
    ``on_flows`` are further permissions, each for deeds on one flow (its owner's, a steward's).
    ``rate_per_minute``: what it may ask of the API, where that is less or more than everybody.
    """

    kind: ActorKind
    id: str
    label: str
    workspace_id: UUID | None = None
    permissions: frozenset[str] = field(default_factory=frozenset)
    ip: str | None = None
    flows: frozenset[UUID] | None = None
    on_flows: Mapping[UUID, frozenset[str]] = field(default_factory=dict, hash=False)
    rate_per_minute: int | None = None

    @property
    def is_system(self) -> bool:
        return self.kind == "system"

    def may(self, permission: str, flow_id: UUID | None = None) -> bool:
        """Whether the actor has a permission in its own workspace, or on the flow of the deed."""
        known_permission(permission)
        if self.is_system or permission in self.permissions:
            return True
        return flow_id is not None and permission in self.on_flows.get(flow_id, ())

    def may_somewhere(self, permission: str) -> bool:
        """Whether there is anything the actor may do this to: what guards ask before the deed names its subject."""
        return self.may(permission) or any(permission in granted for granted in self.on_flows.values())

    def may_touch(self, flow_id: UUID | None) -> bool:
        """Whether the actor is not bound to other flows; ``None`` is a flow that is still to be made."""
        return self.flows is None or flow_id in self.flows


SYSTEM = Actor(kind="system", id="system", label="system")


def register_permissions(names: dict[str, str]) -> None:
    """Make permission names known, each with what it allows (shown in docs and settings)."""
    _permissions.update(names)


def known_permissions() -> dict[str, str]:
    return dict(_permissions)


def known_permission(name: str) -> str:
    """Guard against a misspelt permission, which would otherwise deny silently for ever."""
    if name not in _permissions:
        message = f"unknown permission {name!r}"
        raise LookupError(message)
    return name


def require_permission(actor: Actor, permission: str, subject: WorkspaceOwned | UUID | None = None) -> None:
    """Deny by default.

    ``subject`` is an object of a workspace or a workspace id. A foreign one raises ``NotFound`` exactly
    as a missing one does, and so does what belongs to a flow (``flow_id``) that the actor is not bound to; a lacking
    permission raises ``PermissionDenied``.
    """
    known_permission(permission)
    if actor.is_system:
        return
    workspace_id: Any = subject if subject is None or isinstance(subject, UUID) else subject.workspace_id
    if workspace_id is not None and workspace_id != actor.workspace_id:
        raise NotFound(type(subject).__name__.lower() if not isinstance(subject, UUID) else "workspace")
    flow_id = getattr(subject, "flow_id", None)
    if flow_id is not None and not actor.may_touch(flow_id):
        raise NotFound(type(subject).__name__.lower())
    if not actor.may(permission, flow_id):
        raise PermissionDenied(permission=permission)
