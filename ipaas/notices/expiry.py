"""Telling in time that a secret ends, by what its provider says."""

from datetime import timedelta

from django.db import transaction

from ipaas.core.clock import now
from ipaas.notices.models import ExpiryNotice
from ipaas.notices.rotations import tell_expiring_by_mail
from ipaas.outbox.emitting import emit
from ipaas.vault.models import Secret

EARLY = timedelta(days=14)


def tell_expiring() -> int:
    """Tell of every secret that ends within fourteen days, by event and by mail, once for each date.

    Any number of callers may race.
    """
    moment = now()
    ending = Secret.objects.select_related("workspace").filter(expires_at__gt=moment, expires_at__lte=moment + EARLY)
    return sum(tell_expiring_by_mail(secret) | _tell(secret) for secret in ending)


@transaction.atomic
def _tell(secret: Secret) -> bool:
    """Whether it was told just now; while nobody listens it stays to be told."""
    assert secret.expires_at is not None  # noqa: S101 - chosen by it
    _, fresh = ExpiryNotice.objects.get_or_create(secret_id=secret.id, about="expiry", expires_at=secret.expires_at)
    if not fresh:
        return False
    data = {"secret_id": str(secret.id), "secret": secret.slug, "expires_at": secret.expires_at.isoformat()}
    told = emit(
        "ipaas.secret.expiring",
        workspace_id=secret.workspace_id,
        data=data,
        subject=secret.slug,
        source=f"secret/{secret.slug}",
    )
    if told is None:
        transaction.set_rollback(True)
    return told is not None
