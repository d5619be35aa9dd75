"""Telling administrators of what is the matter with secrets: old ones that are still good, a store that is away."""

from django.urls import reverse
from django.utils.translation import gettext as _

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.page_address import page_address
from ipaas.notices.admins import mail_admins


def mail_of_revocation(entry: AuditEntry) -> None:
    """Write to every administrator, in the transaction in which the failure was put on record."""
    workspace = _workspace(entry)
    if workspace is None:
        return
    told = entry.details
    url = page_address(
        reverse("catalog:connection_detail", args=[workspace.slug, told["environment"], entry.subject_label])
    )

    def words() -> tuple[str, str]:
        subject = _("Old credential still good at the provider: {connection}").format(connection=entry.subject_label)
        what = _("Version {version} of {secret} was replaced, and the provider did not end it: {problem}").format(
            version=told["version"], secret=told["secret"], problem=told["problem"]
        )
        advice = _("It is tried again every hour. End it at the provider yourself, then say so there:")
        return subject, f"{what}\n\n{advice}\n{url}\n"

    mail_admins(workspace.id, words)


def mail_of_outage(entry: AuditEntry) -> None:
    """Write to every administrator that the store of secrets is away, likewise."""
    workspace = _workspace(entry)
    if workspace is None:
        return
    since, problem = str(entry.details["since"]), str(entry.details["problem"])
    url = page_address(reverse("accounts:vault", args=[workspace.slug]))

    def words() -> tuple[str, str]:
        subject = _("The store of secrets can not be used: {workspace}").format(workspace=workspace.name)
        what = _("Since {since} the store of secrets can not be used: {problem}").format(since=since, problem=problem)
        meanwhile = _("Runs that need a secret wait and go on by themselves; webhooks that it vouches for are refused.")
        return subject, f"{what}\n\n{meanwhile}\n{url}\n"

    mail_admins(workspace.id, words)


def _workspace(entry: AuditEntry) -> Workspace | None:
    return Workspace.objects.filter(id=entry.workspace_id).first() if entry.workspace_id is not None else None
