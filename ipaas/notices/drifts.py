"""Mail that data has moved away from the schema of a mapping: one for all that is new, at most one a day."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ipaas.accounts.mail import SOURCE
from ipaas.accounts.models import Membership, User, Workspace
from ipaas.core.clock import now
from ipaas.core.ids import uuid7_at
from ipaas.core.page_address import page_address
from ipaas.core.phrases import in_words
from ipaas.mapping.models import Mapping
from ipaas.notices.models import DriftNotice
from ipaas.outbox.emitting import send_mail
from ipaas.ownership.models import Domain
from ipaas.ownership.naming import domain_slug
from ipaas.runtime.drift import words_of
from ipaas.runtime.drift_models import MappingDrift

AGAIN = timedelta(days=1)
MOST_TOLD = 10


def tell_drift() -> int:
    """Write about every mapping with drift that nobody was told of; returns about how many. Any number may race."""
    found = MappingDrift.objects.filter(state=MappingDrift.State.OPEN)
    return sum(_tell(one) for one in set(found.values_list("mapping_id", flat=True)))


@transaction.atomic
def _tell(mapping_id: UUID) -> bool:
    moment = now()
    notice, first = DriftNotice.objects.get_or_create(mapping_id=mapping_id, defaults={"told_at": moment})
    rows = MappingDrift.objects.filter(mapping_id=mapping_id, state=MappingDrift.State.OPEN)
    if not first:
        due = DriftNotice.objects.select_for_update(skip_locked=True).filter(told_at__lte=moment - AGAIN)
        locked = due.filter(mapping_id=notice.mapping_id).first()
        rows = rows.none() if locked is None else rows.filter(id__gte=uuid7_at(locked.told_at))
    fresh = list(rows.order_by("path")[: MOST_TOLD + 1])
    mapping = Mapping.objects.select_related("workspace").filter(id=mapping_id, archived=False).first()
    if not fresh or mapping is None:
        return False
    DriftNotice.objects.filter(mapping_id=mapping_id).update(told_at=moment)
    for person in _concerned(mapping):
        with translation.override(person.language or SOURCE):
            subject = _("Data has moved away from the schema of {title}").format(title=mapping.title or mapping.slug)
            text = _text(mapping, mapping.workspace, fresh)
        send_mail(to=person.email, subject=subject, text=text, workspace_id=mapping.workspace_id)
    return True


def _concerned(mapping: Mapping) -> list[User]:
    """The stewards and the owner of the mapping's domain; else the stewards of the workspace, its administrators."""
    members = Membership.objects.in_workspace(mapping.workspace_id).filter(user__is_active=True).select_related("user")
    newest = mapping.versions.order_by("-number").first()
    named = domain_slug(newest.content if newest is not None else mapping.draft)
    domain = Domain.objects.in_workspace(mapping.workspace_id).filter(slug=named).first() if named else None
    levels = [members.with_role(role) for role in ("steward", "admin")]
    if domain is not None:
        owner = [domain.owner_id] if domain.owner_id else []
        levels.insert(0, members.filter(id__in=[*owner, *domain.stewards.values_list("id", flat=True)]))
    found = next((rows for rows in map(list, levels) if rows), [])
    return sorted((one.user for one in found), key=lambda person: person.email)


def _text(mapping: Mapping, workspace: Workspace, rows: list[MappingDrift]) -> str:
    told = [f"- {in_words(words_of(row))}" for row in rows[:MOST_TOLD]]
    if len(rows) > MOST_TOLD:
        told.append(_("- and more"))
    why = ngettext(
        "Recent inputs of the mapping {title} differ from the schema {schema} in a new way:",
        "Recent inputs of the mapping {title} differ from the schema {schema} in new ways:",
        len(rows),
    ).format(title=mapping.title or mapping.slug, schema=rows[0].schema)
    advice = _("Make a test of it, change the mapping or the schema, or ignore it:")
    url = page_address(reverse("mapping:mapping_tests", args=[workspace.slug, mapping.slug]))
    return "\n".join([why, "", *told, "", advice, url, ""])
