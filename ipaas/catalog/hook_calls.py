"""Calls that a manifest asks for around a credential: made once through the gateway, like every other."""

from collections.abc import Mapping
from typing import Any

from ipaas.catalog import gateway
from ipaas.catalog.errors import ProviderRefused
from ipaas.catalog.gateway import GatewayCall
from ipaas.catalog.models import Connection
from ipaas.expressions import ExpressionError, compile_value
from ipaas.sdk.manifest import HookCall

_ONCE = {"retry": {"max_attempts": 1}}


def called(row: Connection, call: HookCall, scope: Mapping[str, Any] | None) -> Any:
    """The data of an action's answer; ``scope`` None: the parameters are filled in already."""
    params = dict(call.params) if scope is None else filled(row, dict(call.params), scope)
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


def filled(row: Connection, tree: dict[str, Any], scope: Mapping[str, Any]) -> Any:
    try:
        return compile_value(tree).evaluate(scope)
    except ExpressionError:  # why it can not may quote a value
        raise ProviderRefused(connection=row.slug, reason="a template of the manifest can not be filled in") from None
