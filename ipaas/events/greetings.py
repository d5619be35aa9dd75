"""Signing secrets that a sender brings with its first request (handshake ``keep_secret``): kept once, in the vault.

Nothing vouches for that request but that somebody knows the address and that a secret is waited for: since the
endpoint was made, since it was given a new address, or since the vendor is being told of it. Later ones are refused.
"""

import hmac
import secrets
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.events.checks import FIELD
from ipaas.events.intake import EndpointUnknown
from ipaas.events.models import Endpoint, Subscription
from ipaas.sdk.handshakes import Answer, Greeting, HandshakeRefused
from ipaas.vault.inbound import open_versions
from ipaas.vault.models import Secret
from ipaas.vault.services import create_secret, put_version

MOST_OF_SLUG = 50


def waits_for_secret(endpoint: Endpoint) -> bool:
    """Whether the sender's secret would be kept if it came now."""
    if endpoint.greeted_at is None:
        return True
    told = Subscription.objects.filter(endpoint=endpoint, state=Subscription.State.PENDING)
    return told.filter(created_at__gt=endpoint.greeted_at).exists()


@transaction.atomic
def keep_greeting(endpoint_id: UUID, greeting: Greeting) -> Answer:
    """Keep a secret as the endpoint's signing secret, and answer with it; the same one again is answered again.

    Raises HandshakeRefused where no secret is waited for.
    """
    rows = Endpoint.objects.select_for_update(of=("self",)).select_related("workspace", "environment")
    endpoint = rows.filter(id=endpoint_id).first()
    if endpoint is None:
        raise EndpointUnknown
    if not waits_for_secret(endpoint):
        if _is_kept(endpoint, greeting.secret):
            return greeting.answer()
        raise HandshakeRefused(
            reason="it brings another secret than the one that is kept; a new subscription or address waits for one"
        )
    endpoint.secret_slug = _keep(endpoint, greeting.secret)
    endpoint.greeted_at = now()
    endpoint.save(update_fields=["secret_slug", "greeted_at", "updated_at"])
    audit.record(
        "endpoint.greeted",
        actor=SYSTEM,
        workspace_id=endpoint.workspace_id,
        subject=("endpoint", endpoint.id, endpoint.slug),
        details={"secret": endpoint.secret_slug},
    )
    return greeting.answer()


def _is_kept(endpoint: Endpoint, brought: str) -> bool:
    versions = open_versions(endpoint.workspace_id, endpoint.secret_slug, purpose=f"endpoint/{endpoint.slug}")
    return any(hmac.compare_digest(brought.encode(), fields.get(FIELD, "").encode()) for fields in versions)


def _keep(endpoint: Endpoint, brought: str) -> str:
    """A new version of the endpoint's signing secret, or a secret of its own; the slug of it."""
    known = Secret.objects.in_workspace(endpoint.workspace_id)
    present = known.filter(slug=endpoint.secret_slug, kind=Secret.Kind.SIGNING).first()
    if present is not None:
        put_version(secret=present, fields={FIELD: brought}, actor=SYSTEM)
        return present.slug
    slug = f"{endpoint.slug[:MOST_OF_SLUG].rstrip('-')}-hook"
    if known.filter(slug=slug).exists():
        slug = f"{slug}-{secrets.token_hex(3)}"
    made = create_secret(
        workspace=endpoint.workspace,
        slug=slug,
        fields={FIELD: brought},
        actor=SYSTEM,
        kind=Secret.Kind.SIGNING,
        description=f"Brought by the sender of the endpoint {endpoint.slug} ({endpoint.environment.slug}).",
    )
    return made.slug
