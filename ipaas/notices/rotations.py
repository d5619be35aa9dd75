"""Rotating what the platform can rotate by itself, and reminding people of the rest."""

from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.core.page_address import page_address
from ipaas.notices.admins import mail_admins
from ipaas.notices.models import ExpiryNotice
from ipaas.outbox.emitting import emit
from ipaas.vault.models import Secret
from ipaas.vault.rotating import rotate_secret

log = get_logger(__name__)
EARLY = timedelta(days=7)
AGAIN = timedelta(days=7)
"""People are reminded a week before, on the day, and every week from then on."""


def tell_rotations() -> int:
    """Rotate or remind of whatever is due; returns for how many something was done. Any number may race."""
    moment = now()
    done = 0
    for secret in Secret.objects.select_related("workspace").rotation_due(moment + EARLY):
        assert secret.rotation_due_at is not None  # noqa: S101 - chosen by it
        if secret.rotation == Secret.Rotation.AUTOMATIC:
            done += secret.rotation_due_at <= moment and _rotate(secret)
        else:
            done += _remind(secret, _stage(secret.rotation_due_at, moment))
    return done


def tell_expiring_by_mail(secret: Secret) -> bool:
    """Write to the administrators that a secret ends, once for each date."""
    assert secret.expires_at is not None  # noqa: S101 - chosen by it
    return _once(secret, "expiry mail", secret.expires_at) and bool(
        mail_admins(secret.workspace_id, lambda: _expiry_words(secret))
    )


def mail_of_reading(entry: AuditEntry) -> None:
    """Tell every administrator that somebody has broken the glass, in the transaction in which it happened."""

    def words() -> tuple[str, str]:
        subject = _("Secret read in an emergency: {slug}").format(slug=entry.subject_label)
        told = _("{who} has read the live value of {slug}. The reason given: {reason}").format(
            who=entry.actor_label, slug=entry.subject_label, reason=entry.details.get("reason", "")
        )
        advice = _("Rotate it when the emergency is over, and switch IPAAS_BREAK_GLASS off.")
        return subject, f"{told}\n\n{advice}\n"

    if entry.workspace_id is not None:
        mail_admins(entry.workspace_id, words)


def _stage(due_at: datetime, moment: datetime) -> datetime:
    """The latest of the moments at which people are reminded."""
    if moment < due_at:
        return due_at - EARLY
    return due_at + AGAIN * ((moment - due_at) // AGAIN)


@transaction.atomic
def _remind(secret: Secret, stage: datetime) -> bool:
    if not _once(secret, "rotation", stage):
        return False
    assert secret.rotation_due_at is not None  # noqa: S101 - chosen by it
    _emit("rotation_due", secret, {"due_at": secret.rotation_due_at.isoformat()})
    mail_admins(secret.workspace_id, lambda: _due_words(secret))
    return True


def _rotate(secret: Secret) -> bool:
    """Rotate it; a failure is told once a day, and tried again with every call."""
    try:
        with transaction.atomic():
            current = Secret.objects.select_for_update(no_key=True, skip_locked=True).filter(id=secret.id).first()
            if current is None or current.rotation_due_at is None or current.rotation_due_at > now():
                return False
            version = rotate_secret(secret=current, actor=SYSTEM)
            if version.handover:
                mail_admins(secret.workspace_id, lambda: _collect_words(secret))
    except IpaasError as error:
        log.warning("a secret could not be rotated", action="rotation_failed", secret=secret.slug, code=error.code)
        _tell_failure(secret, error)
        return False
    return True


@transaction.atomic
def _tell_failure(secret: Secret, error: IpaasError) -> None:
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    if _once(secret, "rotation failed", today):
        _emit("rotation_failed", secret, {"error_code": error.code})
        mail_admins(secret.workspace_id, lambda: _failure_words(secret, error))


def _once(secret: Secret, about: str, moment: datetime) -> bool:
    return ExpiryNotice.objects.get_or_create(secret_id=secret.id, about=about, expires_at=moment)[1]


def _emit(what: str, secret: Secret, more: dict[str, str]) -> None:
    emit(
        f"ipaas.secret.{what}",
        workspace_id=secret.workspace_id,
        data={"secret_id": str(secret.id), "secret": secret.slug, **more},
        subject=secret.slug,
        source=f"secret/{secret.slug}",
    )


def _due_words(secret: Secret) -> tuple[str, str]:
    assert secret.rotation_due_at is not None  # noqa: S101 - chosen by it
    subject = _("Secret to be rotated: {slug}").format(slug=secret.slug)
    told = _("The secret {slug} is to be rotated by {day}.").format(
        slug=secret.slug, day=secret.rotation_due_at.date().isoformat()
    )
    return subject, _with_address(secret, told, _("Make a new value where it is issued and enter it:"))


def _expiry_words(secret: Secret) -> tuple[str, str]:
    assert secret.expires_at is not None  # noqa: S101 - chosen by it
    subject = _("Secret expires: {slug}").format(slug=secret.slug)
    told = _("The secret {slug} expires on {day}, its provider said.").format(
        slug=secret.slug, day=secret.expires_at.date().isoformat()
    )
    return subject, _with_address(secret, told, _("Make a new value where it is issued and enter it:"))


def _collect_words(secret: Secret) -> tuple[str, str]:
    subject = _("Secret rotated: {slug}").format(slug=secret.slug)
    told = _("The platform has made a new value of {slug}. The old one is accepted a while longer.").format(
        slug=secret.slug
    )
    return subject, _with_address(secret, told, _("Collect it there, once, and give it to the other side:"))


def _failure_words(secret: Secret, error: IpaasError) -> tuple[str, str]:
    subject = _("Secret not rotated: {slug}").format(slug=secret.slug)
    told = _("The secret {slug} could not be rotated: {reason}").format(
        slug=secret.slug, reason=f"{error.detail} {error.advice}".strip()
    )
    return subject, _with_address(secret, told, _("It is tried again every hour. Its page:"))


def _with_address(secret: Secret, told: str, advice: str) -> str:
    url = page_address(reverse("vault:secret_detail", args=[secret.workspace.slug, secret.slug]))
    return f"{told}\n\n{advice}\n{url}\n"
