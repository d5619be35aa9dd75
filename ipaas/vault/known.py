"""The values that must never be shown, for the redactor of a workspace's data; nothing here hands out a value."""

from threading import Lock
from uuid import UUID

from ipaas.core.redaction import SecretValues
from ipaas.vault.errors import SecretUnusable
from ipaas.vault.models import SecretVersion
from ipaas.vault.payloads import sealer_for
from ipaas.vault.reads import SecretRead, note_read
from ipaas.vault.versions import open_version

_Stamp = frozenset[UUID]
_known: dict[UUID, tuple[_Stamp, SecretValues]] = {}
_lock = Lock()


def secret_values(workspace_id: UUID) -> SecretValues:
    """Every value of the workspace's secrets that is not wiped, live or still accepted, in all its spellings.

    Prepared once per process and set of versions; that counts as one read of each. May query: not on an event loop.
    Raises ``SealBroken``, a ``KeyProblem`` or ``BackendUnavailable``: what can not be checked must not be shown.
    """
    versions = SecretVersion.objects.filter(secret__workspace_id=workspace_id).held()
    stamp = frozenset(versions.values_list("id", flat=True))
    with _lock:
        known = _known.get(workspace_id)
    if known is not None and known[0] == stamp:
        return known[1]
    values: list[str] = []
    for version in versions.select_related("secret"):
        try:
            found, fields = open_version(version)
        except SecretUnusable:
            continue  # its backend has destroyed it
        values += fields.values()
        read = SecretRead(workspace_id, version.secret_id, version.secret.slug, found.number)
        note_read(read, purpose="redaction", flow_label="")
    made = SecretValues(values, fingerprint_key=sealer_for(workspace_id).fingerprint_key)
    with _lock:
        _known[workspace_id] = (stamp, made)
    return made
