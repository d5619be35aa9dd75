"""Telling a vendor where to deliver, asking whether it still does, and telling it to stop: by actions of its connector.

Each deed commits what it is about to do, asks the vendor through the gateway outside of any transaction, and commits
what came of it. What the request and the answer hold is kept nowhere: they may name the signing secret.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.catalog import gateway
from ipaas.catalog.gateway import GatewayCall, GatewayOutcome
from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connector_of
from ipaas.core.actor import SYSTEM, Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass, InvalidInput, IpaasError, NotFound
from ipaas.core.phrases import said
from ipaas.core.redaction import MIN_VALUE, SecretValues, scrub_text
from ipaas.core.state_names import state_name
from ipaas.events.addresses import hook_address
from ipaas.events.checks import FIELD
from ipaas.events.errors import EndpointSubscribed, SubscriptionFailed
from ipaas.events.models import Endpoint, Subscription
from ipaas.expressions import ExpressionError, compile_expression, compile_value
from ipaas.sdk.manifest import SubscriptionCall, TriggerSpec
from ipaas.sdk.pages import bare
from ipaas.vault.inbound import open_versions
from ipaas.vault.models import Secret
from ipaas.vault.services import put_version

State = Subscription.State
AT_ONCE = 10
RENEW_AGAIN = timedelta(minutes=15)
"""How long after a failure a subscription's renewal is tried again."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How the vendor of a subscription is talked to."""

    endpoint: Endpoint
    row: Subscription
    connection: Connection
    trigger: TriggerSpec

    def scope(self, **more: Any) -> dict[str, Any]:
        config = connector_of(self.connection).with_config_defaults(self.connection.config)
        url = hook_address(self.endpoint.public_id)
        return {"url": url, "events": list(self.row.events), "id": self.row.vendor_id, "config": config, **more}

    def call(self, spec: SubscriptionCall, scope: Mapping[str, Any]) -> GatewayOutcome:
        """Ask the vendor once. Raises SubscriptionFailed where the manifest's templates can not be filled in."""
        try:
            params = compile_value(dict(spec.params)).evaluate(scope)
        except ExpressionError as error:
            raise SubscriptionFailed(reason=error.detail) from error
        call = GatewayCall(
            workspace_id=self.endpoint.workspace_id,
            environment_id=self.endpoint.environment_id,
            connection=self.row.connection,
            action=spec.action,
            params=params,
            flow_label=f"endpoint {self.endpoint.slug}",
            effect_key=f"subscription-{self.endpoint.public_id}-{self.row.created_at:%Y%m%d%H%M%S}".encode(),
            policy={"retry": {"max_attempts": 1}},
        )
        return gateway.run_to_end(lambda: gateway.invoke(call))


def subscribe_endpoint(
    *, actor: Actor, endpoint: Endpoint, connection: str, trigger: str = "", events: Sequence[str] = ()
) -> Subscription:
    """Have the vendor deliver to an endpoint; all events of the trigger unless some are named.

    Raises InvalidInput, EndpointSubscribed where there is a subscription already, and SubscriptionFailed. Not inside
    a transaction.
    """
    way = _begin(actor=actor, endpoint=endpoint, connection=connection, trigger=trigger, events=events)
    assert way.trigger.subscription is not None  # noqa: S101 - _begin has looked
    spec = way.trigger.subscription.create
    secret = _signing_secret(endpoint)
    try:
        outcome = way.call(spec, way.scope(secret=secret))
    except SubscriptionFailed:
        way.row.delete()
        raise
    if outcome.kind != "ok":
        raise _failed(way, outcome, actor, secret)
    return _subscribed(way, spec, outcome.data, actor)


def unsubscribe_endpoint(*, actor: Actor, endpoint: Endpoint) -> None:
    """Have the vendor stop; what it does not know any more counts as ended. Not inside a transaction.

    One in doubt is looked for first, where the manifest can; what can not be found is forgotten.
    """
    require_permission(actor, "connections.edit", endpoint)
    way = _way_of(endpoint)
    if not way.row.vendor_id:
        way.row.vendor_id = _found(way, actor) or ""
    assert way.trigger.subscription is not None  # noqa: S101 - _way_of has looked
    if way.row.vendor_id:
        outcome = way.call(way.trigger.subscription.delete, way.scope())
        gone = outcome.error is not None and outcome.error.error_class is ErrorClass.NOT_FOUND
        if outcome.kind != "ok" and not gone:
            raise _failed(way, outcome, actor, "", state=way.row.state)
    with transaction.atomic():
        _record("endpoint.unsubscribed", way, actor, {"id": way.row.vendor_id})
        way.row.delete()


def check_subscription(*, actor: Actor, endpoint: Endpoint) -> Subscription:
    """Ask the vendor whether it delivers to an endpoint; the state says it. Not inside a transaction."""
    require_permission(actor, "connections.edit", endpoint)
    way = _way_of(endpoint)
    if way.trigger.subscription is None or way.trigger.subscription.check is None:
        message = said("the connector does not say how a subscription of {name} is looked up", name=way.trigger.name)
        raise InvalidInput([{"path": "/endpoint", "code": "subscription.check", "message": message}])
    found = _found(way, actor)
    with transaction.atomic():
        row = way.row
        row.state = State.ACTIVE if found else State.GONE
        row.vendor_id, row.checked_at, row.message = found or row.vendor_id, now(), ""
        row.renew_due_at = row.renew_due_at or _next_renewal(way.trigger.subscription.renew)
        row.save()
        _record("endpoint.subscription_checked", way, actor, {"id": row.vendor_id, "state": row.state})
    return row


def renew_subscriptions() -> int:
    """Lengthen the subscriptions that are due, at most ten; any number of schedulers may do so. Returns how many.

    One that fails is tried again ever so often; its page says why. One that the vendor does not know is gone.
    """
    due = Subscription.objects.filter(state=State.ACTIVE, renew_due_at__lte=now()).select_related(
        "endpoint__environment"
    )
    return sum(_renewed(row) for row in due.order_by("renew_due_at")[:AT_ONCE])


def _renewed(row: Subscription) -> bool:
    claim = Subscription.objects.filter(endpoint=row.endpoint_id, renew_due_at=row.renew_due_at)
    if not claim.update(renew_due_at=now() + RENEW_AGAIN):
        return False
    try:
        way = _way(row.endpoint, row)
        spec = way.trigger.subscription.renew if way.trigger.subscription is not None else None
        if spec is None:
            Subscription.objects.filter(endpoint=row.endpoint_id).update(renew_due_at=None)
            return False
        outcome = way.call(spec, way.scope())
    except IpaasError as error:
        Subscription.objects.filter(endpoint=row.endpoint_id).update(message=error.detail[:500])
        return False
    if outcome.kind != "ok":
        gone = outcome.error is not None and outcome.error.error_class is ErrorClass.NOT_FOUND
        _failed(way, outcome, SYSTEM, "", state=State.GONE if gone else State.ACTIVE)
        return False
    with transaction.atomic():
        Subscription.objects.filter(endpoint=row.endpoint_id).update(renew_due_at=_next_renewal(spec), message="")
        _record("endpoint.subscription_renewed", way, SYSTEM, {"id": row.vendor_id})
    return True


def _next_renewal(spec: SubscriptionCall | None) -> datetime | None:
    return now() + timedelta(seconds=spec.every_s) if spec is not None else None


@transaction.atomic
def _begin(*, actor: Actor, endpoint: Endpoint, connection: str, trigger: str, events: Sequence[str]) -> _Way:
    require_permission(actor, "connections.edit", endpoint)
    locked = Endpoint.objects.select_for_update(of=("self",)).get(id=endpoint.id)
    present = Subscription.objects.filter(endpoint=locked).first()
    if present is not None and present.state != State.GONE:
        raise EndpointSubscribed(endpoint=locked.slug, state=state_name(present.state))
    if present is not None:
        present.delete()
    row = Subscription(endpoint=locked, connection=connection, trigger=trigger, created_by=actor.label[:200])
    way = _way(endpoint, row)
    known = way.trigger.events
    unknown = sorted(set(events) - known.keys())
    if unknown:
        raise _invalid(
            "events", said("{name} has no event {names}", name=way.trigger.name, names=", ".join(unknown)[:200])
        )
    row.trigger, row.events = way.trigger.name, list(events or known)
    assert way.trigger.subscription is not None  # noqa: S101 - _way has looked
    if (
        endpoint.secret_slug or way.trigger.subscription.create.secret
    ):  # it goes to the connection's host, or is made there
        require_permission(actor, "secrets.rotate", endpoint)
    row.save()
    return way


def _way_of(endpoint: Endpoint) -> _Way:
    row = Subscription.objects.filter(endpoint=endpoint).first()
    if row is None:
        raise NotFound(what="subscription")
    return _way(endpoint, row)


def _way(endpoint: Endpoint, row: Subscription) -> _Way:
    """Raises InvalidInput where connection or trigger can not be used."""
    places = Connection.objects.in_workspace(endpoint.workspace_id).in_environment(endpoint.environment_id)
    connection = places.filter(slug=row.connection).first()
    if connection is None:
        raise _invalid(
            "connection", said("there is no connection {connection!r} in this environment", connection=row.connection)
        )
    triggers = [one for one in connector_of(connection).manifest.triggers.values() if one.subscription is not None]
    if row.trigger:
        triggers = [one for one in triggers if one.name == row.trigger]
    if len(triggers) != 1:
        named = said("a trigger {trigger!r}", trigger=row.trigger) if row.trigger else said("exactly one trigger")
        message = said(
            "{connector} does not have {named} that can be subscribed to", connector=connection.connector, named=named
        )
        raise _invalid("trigger" if row.trigger or triggers else "connection", message)
    return _Way(endpoint, row, connection, triggers[0])


def _invalid(path: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": f"/{path}", "code": f"subscription.{path}", "message": message}])


def _signing_secret(endpoint: Endpoint) -> str:
    if not endpoint.secret_slug:
        return ""
    versions = open_versions(endpoint.workspace_id, endpoint.secret_slug, purpose=f"endpoint/{endpoint.slug}")
    return next((fields[FIELD] for fields in versions if FIELD in fields), "")


@transaction.atomic
def _subscribed(way: _Way, spec: SubscriptionCall, data: Any, actor: Actor) -> Subscription:
    row = way.row
    row.vendor_id = _read(spec.id, {"data": data}, 300) or ""
    row.state = State.ACTIVE if row.vendor_id else State.UNKNOWN
    row.message = "" if row.vendor_id else "The answer does not say the subscription's id."
    row.renew_due_at = _next_renewal(way.trigger.subscription.renew if way.trigger.subscription is not None else None)
    row.save()
    chosen = _read(spec.secret, {"data": data}, 2000) if spec.secret else None
    secrets = Secret.objects.in_workspace(way.endpoint.workspace_id).filter(slug=way.endpoint.secret_slug)
    if chosen and (secret := secrets.filter(kind=Secret.Kind.SIGNING).first()):
        put_version(secret=secret, fields={FIELD: chosen}, actor=actor)
    details = {"id": row.vendor_id, "connection": row.connection, "trigger": row.trigger, "events": row.events}
    _record("endpoint.subscribed", way, actor, details)
    return row


def _found(way: _Way, actor: Actor) -> str | None:
    """The id of a living subscription. Raises SubscriptionFailed where the vendor can not be asked."""
    spec = way.trigger.subscription.check if way.trigger.subscription is not None else None
    if spec is None:
        return None
    scope = way.scope()
    outcome = way.call(spec, scope)
    if outcome.error is not None and outcome.error.error_class is ErrorClass.NOT_FOUND:
        return None
    if outcome.kind != "ok":
        raise _failed(way, outcome, actor, "", state=way.row.state)
    return _read(spec.found, {**scope, "data": outcome.data}, 300)


def _read(expression: str, scope: Mapping[str, Any], most: int) -> str | None:
    try:
        found = compile_expression(bare(expression)).evaluate(scope)
    except ExpressionError:
        return None
    return None if found is None or found is False else str(found)[:most]


@transaction.atomic
def _failed(way: _Way, outcome: GatewayOutcome, actor: Actor, secret: str, *, state: str = "") -> SubscriptionFailed:
    """Keep that it failed: in doubt the row stays, else there is nothing to keep."""
    reason = _without(secret, outcome.error.message if outcome.error is not None else outcome.kind)
    code = _without(secret, outcome.error.code if outcome.error is not None else outcome.kind)
    details = {"code": code, "doubt": outcome.kind == "unknown"}
    _record("endpoint.subscription_failed", way, actor, details)
    if state:
        Subscription.objects.filter(endpoint=way.endpoint).update(state=state, message=reason[:500])
    elif outcome.kind == "unknown":
        way.row.state, way.row.message = State.UNKNOWN, reason[:500]
        way.row.save()
    else:
        way.row.delete()
    return SubscriptionFailed(reason=reason)


def _without(secret: str, text: str) -> str:
    """A vendor's words without the signing secret that it was told, in any spelling, or half of it where they end."""
    if not secret:
        return text
    text = scrub_text(text, SecretValues([secret], fingerprint_key=os.urandom(32)))
    halves = (secret[:length] for length in range(len(secret) - 1, MIN_VALUE - 1, -1))
    return text.removesuffix(next((half for half in halves if text.endswith(half)), ""))


def _record(action: str, way: _Way, actor: Actor, details: Mapping[str, Any]) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=way.endpoint.workspace_id,
        subject=("endpoint", way.endpoint.id, way.endpoint.slug),
        details=details,
    )
