"""Credentials that their provider makes anew by its own API, as a manifest says; ``revocations`` ends the old ones."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ipaas.catalog.errors import ProviderRefused
from ipaas.catalog.hook_calls import called, filled
from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connector_of
from ipaas.catalog.revocations import await_revocation
from ipaas.core import jsonio
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError
from ipaas.sdk.manifest import RotationHook
from ipaas.vault.errors import NotRotatable
from ipaas.vault.models import Secret
from ipaas.vault.rotators import NextValue


class AtProvider:
    """The next value of a credential that a connection uses whose vendor has an API for it."""

    name = "provider"

    def recognises(self, secret: Secret, fields: Mapping[str, str]) -> bool:
        return secret.kind == Secret.Kind.CREDENTIAL and _found(secret) is not None

    def next_value(self, secret: Secret, fields: Mapping[str, str], *, actor: Actor, overlap: timedelta) -> NextValue:
        found = _found(secret)
        if found is None:
            raise NotRotatable(slug=secret.slug)
        row, hook = found
        scope: dict[str, Any] = {"secret": dict(fields), "before": None, "config": row.config}
        scope["now"] = now().isoformat(timespec="seconds")
        if hook.read is not None:
            scope["before"] = called(row, hook.read, scope)
        data = called(row, hook.create, scope)
        fresh = filled(row, dict(hook.fields), {"data": data})
        if not all(isinstance(value, str) and value for value in fresh.values()):
            raise ProviderRefused(connection=row.slug, reason="its answer holds no new credential")
        if hook.revoke is not None:
            params = jsonio.dumps(filled(row, dict(hook.revoke.params), scope))
            await_revocation(row, hook.revoke.action, params, secret=secret, due_at=now() + overlap)
        return NextValue({**fields, **fresh}, handover=False)


def _found(secret: Secret) -> tuple[Connection, RotationHook] | None:
    """The connection over which the provider is asked: the secret is bound to its address, and it may be called."""
    rows = Connection.objects.in_workspace(secret.workspace_id).filter(secret=secret.slug).order_by("created_at")
    for row in rows.select_related("workspace", "environment"):
        try:
            scheme = connector_of(row).manifest.auth.get(row.auth_scheme)
        except IpaasError:
            continue
        for part in scheme.parts if scheme is not None and row.enabled else ():
            if part.rotation is not None:
                return row, part.rotation
    return None
