"""Signing secrets of inbound webhooks: up to two are live while a sender changes over."""

from uuid import UUID

from ipaas.core.clock import now
from ipaas.vault.errors import SecretNotFound
from ipaas.vault.models import Secret
from ipaas.vault.reads import SecretRead, note_read
from ipaas.vault.versions import open_version


def open_versions(workspace_id: UUID, slug: str, *, purpose: str) -> list[dict[str, str]]:
    """The accepted versions of a signing secret, newest first; empty when all are revoked. Counted and audited.

    Only secrets of the kind *signing* open here: whoever checks signatures can not read the credentials of outbound
    calls. The caller may keep the result for some seconds.
    """
    found = Secret.objects.in_workspace(workspace_id).filter(slug=slug, kind=Secret.Kind.SIGNING).first()
    if found is None:
        raise SecretNotFound(slug=slug)
    opened = [open_version(version) for version in found.versions.select_related("secret").accepted(now())]
    for version, _fields in opened:
        note_read(SecretRead(workspace_id, found.id, slug, version.number), purpose=purpose, flow_label="")
    return [fields for _version, fields in opened]
