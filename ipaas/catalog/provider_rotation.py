"""Credentials that their provider makes anew by its own API, as a manifest says, and ends after the overlap."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.catalog import gateway
from ipaas.catalog.errors import ProviderRefused
from ipaas.catalog.gateway import GatewayCall
from ipaas.catalog.models import Connection, Revocation
from ipaas.catalog.registry import connector_of
from ipaas.core import jsonio
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.expressions import ExpressionError, compile_value
from ipaas.sdk.manifest import HookCall, RotationHook
from ipaas.vault.errors import NotRotatable
from ipaas.vault.models import Secret
from ipaas.vault.payloads import sealer_for
from ipaas.vault.rotators import NextValue

log = get_logger(__name__)
AGAIN = timedelta(hours=1)
AT_ONCE = 20
_ONCE = {"retry": {"max_attempts": 1}}


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
            scope["before"] = _called(row, hook.read, scope)
        data = _called(row, hook.create, scope)
        fresh = _filled(row, dict(hook.fields), {"data": data})
        if not all(isinstance(value, str) and value for value in fresh.values()):
            raise ProviderRefused(connection=row.slug, reason="its answer holds no new credential")
        if hook.revoke is not None:
            params = jsonio.dumps(_filled(row, dict(hook.revoke.params), scope))
            waiting = Revocation(connection=row, action=hook.revoke.action, due_at=now() + overlap)
            waiting.sealed = sealer_for(row.workspace_id).seal(params, _aad(waiting))
            waiting.save(force_insert=True)
        return NextValue({**fields, **fresh}, handover=False)


def revoke_due() -> int:
    """End the old credentials whose overlap is over; one that fails is tried again in an hour. Returns how many."""
    rows = Revocation.objects.select_related("connection__workspace").filter(due_at__lte=now()).order_by("due_at")
    done = 0
    for row in rows[:AT_ONCE]:
        if Revocation.objects.filter(id=row.id, due_at=row.due_at).update(due_at=now() + AGAIN, tries=row.tries + 1):
            done += _revoke(row)
    return done


def _revoke(row: Revocation) -> bool:
    connection = row.connection
    params = jsonio.loads(sealer_for(connection.workspace_id).open(bytes(row.sealed), _aad(row)))
    try:
        _called(connection, HookCall(row.action, params), None)
    except ProviderRefused as error:
        if error.code_told != "not_found":
            log.warning("an old credential was not ended", action="revocation_failed", connection=connection.slug)
            return False
    with transaction.atomic():
        row.delete()
        audit.record(
            "connection.credential_revoked",
            actor=SYSTEM,
            workspace_id=connection.workspace_id,
            subject=("connection", connection.id, connection.slug),
            details={"action": row.action},
        )
    return True


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


def _called(row: Connection, call: HookCall, scope: Mapping[str, Any] | None) -> Any:
    """The data of an action's answer; ``scope`` None: the parameters are filled in already."""
    params = dict(call.params) if scope is None else _filled(row, dict(call.params), scope)
    asked = GatewayCall(
        workspace_id=row.workspace_id,
        environment_id=row.environment_id,
        connection=row.slug,
        action=call.action,
        params=params,
        flow_label="rotation",
        policy=_ONCE,
    )
    outcome = gateway.run_to_end(lambda: gateway.invoke(asked))
    if outcome.kind != "ok":
        reason = outcome.error.message.rstrip(".") if outcome.error is not None else outcome.kind
        told = outcome.error.error_class.value if outcome.error is not None else ""
        raise ProviderRefused(connection=row.slug, reason=reason, told=told)
    return outcome.data


def _filled(row: Connection, tree: dict[str, Any], scope: Mapping[str, Any]) -> Any:
    try:
        return compile_value(tree).evaluate(scope)
    except ExpressionError:  # why it can not may quote a value
        raise ProviderRefused(connection=row.slug, reason="a template of the manifest can not be filled in") from None


def _aad(row: Revocation) -> bytes:
    return b"revocation:" + row.id.bytes
