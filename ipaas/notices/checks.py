"""What must hold for a webhook before it is stored."""

import re
from uuid import UUID

from ipaas.catalog.resolution import egress_of
from ipaas.core.errors import InvalidInput
from ipaas.core.net import NetError, check_url
from ipaas.core.phrases import said
from ipaas.notices.event_types import TEST
from ipaas.notices.models import Webhook
from ipaas.outbox.event_types import event_types
from ipaas.vault.uses import SecretUse

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
LONGEST_SLUG = 60
LONGEST_URL = 2000


def check(webhook: Webhook) -> None:
    """Raise InvalidInput with every fault."""
    faults: list[tuple[str, str, str]] = []
    if not SLUG.match(webhook.slug) or len(webhook.slug) > LONGEST_SLUG:
        message = said("is up to {most} small letters, digits and single hyphens", most=LONGEST_SLUG)
        faults.append(("slug", "slug.invalid", message))
    if not 0 < len(webhook.title.strip()) <= 200 or not webhook.title.isprintable():
        faults.append(("title", "title.length", said("has 1 to 200 characters on one line")))
    faults += _address_faults(webhook)
    faults += _event_faults(webhook)
    if webhook.environment is not None and webhook.environment.workspace_id != webhook.workspace_id:
        faults.append(("environment", "environment.unknown", said("there is no such environment")))
    if faults:
        raise InvalidInput([{"path": path, "code": code, "message": message} for path, code, message in faults])


def choosable() -> list[str]:
    """The types of events that a webhook can be told of; a test comes without being chosen."""
    return [name for name in event_types() if name != TEST]


def _address_faults(webhook: Webhook) -> list[tuple[str, str, str]]:
    if len(webhook.url) > LONGEST_URL:
        return [("url", "url.long", said("has at most {most} characters", most=LONGEST_URL))]
    policy = egress_of(webhook.workspace.settings)
    try:
        target = check_url(webhook.url, policy)
    except NetError as error:
        return [("url", error.code, said("{detail} {advice}", detail=error.detail, advice=error.advice))]
    if target.scheme != "https" and not policy.allows_private(target.host, target.port):
        message = said("must begin with https:// (http is for private targets that the workspace's settings allow)")
        return [("url", "url.plain", message)]
    return []


def _event_faults(webhook: Webhook) -> list[tuple[str, str, str]]:
    known = choosable()
    unknown = [name for name in webhook.events if name not in known]
    if unknown:
        return [
            (
                "events",
                "event.unknown",
                said("there is no event {name!r}; see the list of event types", name=unknown[0][:80]),
            )
        ]
    return [] if webhook.events else [("events", "event.none", said("choose at least one event"))]


def webhooks_using(workspace_id: UUID, slug: str) -> list[SecretUse]:
    """The webhooks that sign with a secret."""
    found = Webhook.objects.in_workspace(workspace_id).filter(secret_slug=slug)
    return [SecretUse("webhook", one.slug) for one in found]
