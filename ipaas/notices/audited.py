"""Audited deeds that are events too: told in the transaction of the deed, with ids and labels of its entry."""

from collections.abc import Sequence
from typing import NamedTuple

from ipaas.accounts.models import Environment
from ipaas.audit.models import AuditEntry
from ipaas.notices.rotations import mail_of_reading
from ipaas.notices.vault_mails import mail_of_outage, mail_of_revocation
from ipaas.outbox.emitting import emit


class Told(NamedTuple):
    """``about`` names the subject in the event's data (``<about>_id`` and ``<about>``); ``details`` go along."""

    about: str
    details: tuple[str, ...] = ()


TOLD: dict[str, Told] = {
    "approval.decided": Told("", ("approval", "decision", "state")),
    "approval.delegated": Told("", ("approval",)),
    **dict.fromkeys(
        ("review.requested", "review.approved", "review.returned", "review.withdrawn", "review.expired"),
        Told("document", ("review", "kind", "title")),
    ),
    "review.reminded": Told("document", ("review", "kind", "title")),
    "review.bypassed": Told("document", ("reason",)),
    "flow.published": Told("flow", ("version",)),
    "flow.deployed": Told("flow", ("environment", "version")),
    "flow.rolled_back": Told("flow", ("environment", "version")),
    "flow.undeployed": Told("flow", ("environment",)),
    "flow.paused": Told("flow"),
    "flow.resumed": Told("flow"),
    "connection.disabled": Told("connection"),
    "connection.enabled": Told("connection"),
    "connection.breaker_forced": Told("connection", ("state",)),
    "connection.end_announced": Told("connection", ("environment", "operation", "deprecated_at", "sunset_at")),
    "connection.revocation_failed": Told("connection", ("environment", "secret", "version")),
    **dict.fromkeys(("vault.backend_down", "vault.backend_back"), Told("backend", ("since",))),
    "secret.version_added": Told("secret"),
    "secret.version_revoked": Told("secret"),
    "secret.rotated": Told("secret", ("version",)),
    "secret.revealed": Told("secret", ("version", "reason")),
    "invitation.created": Told("invitation"),
    "member.added": Told("member"),
    "member.roles_changed": Told("member"),
    "member.removed": Told("member"),
    "webhook.disabled": Told("webhook"),
}


def tell_of(entries: Sequence[AuditEntry]) -> None:
    """Emit the events of new entries; those of other deeds are for the audit trail alone."""
    for entry in entries:
        told = TOLD.get(entry.action)
        if told is not None and entry.workspace_id is not None:
            _tell(entry, told)
        if entry.action == "secret.revealed":
            mail_of_reading(entry)
        elif entry.action == "connection.revocation_failed":
            mail_of_revocation(entry)
        elif entry.action == "vault.backend_down":
            mail_of_outage(entry)


def _tell(entry: AuditEntry, told: Told) -> None:
    assert entry.workspace_id is not None  # noqa: S101 - asked by the caller
    if told.about:
        data = {f"{told.about}_id": entry.subject_id, told.about: entry.subject_label, "by": entry.actor_label}
    else:
        data = {"run_id": entry.subject_id, "by": entry.actor_label}
    data |= {name: entry.details.get(name, "") for name in told.details}
    place = Environment.objects.filter(workspace_id=entry.workspace_id, slug=entry.details.get("environment", ""))
    emit(
        f"ipaas.{entry.action}",
        workspace_id=entry.workspace_id,
        environment_id=place.values_list("id", flat=True).first() if "environment" in told.details else None,
        data=data,
        subject=entry.subject_label if told.about else "",
        source=f"{told.about}/{entry.subject_label}" if told.about else "approvals",
    )
