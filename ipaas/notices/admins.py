"""Mail to the administrators of a workspace, each in their own language."""

from collections.abc import Callable
from uuid import UUID

from django.utils import translation

from ipaas.accounts.mail import SOURCE
from ipaas.accounts.models import Membership
from ipaas.outbox.emitting import send_mail


def mail_admins(workspace_id: UUID, words: Callable[[], tuple[str, str]]) -> int:
    """Write to every active administrator in the caller's transaction; returns to how many.

    ``words`` gives subject and text, in the language that is active when it is called.
    """
    members = Membership.objects.select_related("user").filter(workspace_id=workspace_id, user__is_active=True)
    people = [one.user for one in members.filter(roles__contains=["admin"])]
    for person in people:
        with translation.override(person.language or SOURCE):
            subject, text = words()
        send_mail(to=person.email, subject=subject, text=text, workspace_id=workspace_id)
    return len(people)
