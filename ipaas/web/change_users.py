"""What differs between two versions of a connector, beside each change those whom it meets."""

from collections.abc import Iterable
from dataclasses import dataclass

from ipaas.accounts.models import Workspace
from ipaas.catalog.models import Connection
from ipaas.flows.usage import operation_uses
from ipaas.sdk.manifest_changes import ManifestChange


@dataclass(frozen=True, slots=True)
class ChangeWithUsers:
    """A change, and labels of the flows and connections that use what changes."""

    subject: str
    path: str
    message: str
    breaking: bool
    users: tuple[str, ...]
    hint: str = ""


def with_users(workspace: Workspace, connector: str, changes: Iterable[ManifestChange]) -> list[ChangeWithUsers]:
    """Changes of an operation or trigger with the flows that use it, of an authentication with its connections."""
    listed = list(changes)
    if not listed:
        return []
    rows = list(Connection.objects.in_workspace(workspace.id).filter(connector=connector))
    uses = operation_uses(workspace.id, {row.slug for row in rows}) if rows else {}

    def users(change: ManifestChange) -> tuple[str, ...]:
        place, _, name = change.path.partition(".")
        if place == "auth":
            return tuple(f"connection {row.slug} ({row.environment.slug})" for row in rows if row.auth_scheme == name)
        return tuple(use.label for use in uses.get(change.subject, ()))

    return [ChangeWithUsers(one.subject, one.path, one.message, one.breaking, users(one), one.hint) for one in listed]
