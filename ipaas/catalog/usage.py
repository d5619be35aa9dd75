"""Which connections use a secret; the vault asks before a secret is deleted."""

from uuid import UUID

from ipaas.catalog.models import Connection
from ipaas.vault.uses import SecretUse


def connections_using(workspace_id: UUID, slug: str) -> list[SecretUse]:
    """The connections that use a secret."""
    rows = Connection.objects.in_workspace(workspace_id).using_secret(slug)
    return [SecretUse("connection", row.slug, row.environment.slug) for row in rows]
