"""Telling administrators that an old credential is still good at its provider."""

from django.urls import reverse
from django.utils.translation import gettext as _

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.page_address import page_address
from ipaas.notices.admins import mail_admins


def mail_of_revocation(entry: AuditEntry) -> None:
    """Write to every administrator, in the transaction in which the failure was put on record."""
    workspace = Workspace.objects.filter(id=entry.workspace_id).first()
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
