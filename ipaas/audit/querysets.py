"""Reading the audit trail."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models
from django.db.models import Q

from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said

if TYPE_CHECKING:
    from ipaas.audit.models import AuditEntry  # noqa: F401 - named in strings below

MOST_CHARACTERS = 500
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """What to look for; empty means everything.

    ``who`` is an actor's id or part of a label, ``subject`` likewise of what was acted on; ``action`` a name or, ending
    in a dot, a family (``flow.``);
    ``flow`` the id or slug of a flow, wherever an entry names it; ``since`` is inclusive, ``until`` exclusive.
    """

    who: str = ""
    action: str = ""
    subject: str = ""
    subject_type: str = ""
    subject_id: str = ""
    correlation_id: str = ""
    flow: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "AuditFilters":
        """From a query string or CLI options; a bad date or an unknown filter raises ``InvalidInput``."""
        known = {field.name for field in fields(cls)}
        errors = [
            {"path": name, "code": "filter.unknown", "message": said("there is no filter {name!r}", name=name)}
            for name in query
            if name not in known
        ]
        values: dict[str, Any] = {name: text for name, text in query.items() if name in known and text}
        for name, text in values.items():
            if len(text) > MOST_CHARACTERS or _UNSTORABLE.search(text):
                message = said(
                    "is longer than {most} characters or holds one that no entry can hold", most=MOST_CHARACTERS
                )
                errors.append({"path": name, "code": "filter.text", "message": message})
        for name in ("since", "until"):
            if name in values:
                values[name] = _moment(name, values[name], errors)
        if errors:
            raise InvalidInput(errors)
        return cls(**values)

    def __bool__(self) -> bool:
        return any(asdict(self).values())

    def as_json(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items() if value}

    def condition(self) -> Q:
        """The filter as a condition on entries."""
        found = Q()
        for name in ("outcome", "subject_type", "subject_id", "correlation_id"):
            if value := getattr(self, name):
                found &= Q(**{name: value})
        if self.who:
            found &= Q(actor_id=self.who) | Q(actor_label__icontains=self.who)
        if self.subject:
            found &= Q(subject_id=self.subject) | Q(subject_label__icontains=self.subject)
        if self.action:
            found &= Q(action__startswith=self.action) if self.action.endswith(".") else Q(action=self.action)
        if self.flow:
            found &= _names_flow(self.flow)
        if self.since:
            found &= Q(created_at__gte=self.since)
        if self.until:
            found &= Q(created_at__lt=self.until)
        return found


def _names_flow(flow: str) -> Q:
    subject = Q(subject_type="flow") & (Q(subject_id=flow) | Q(subject_label=flow))
    return subject | Q(details__flow=flow) | Q(details__flow_id=flow) | Q(details__flows__contains=flow)


def _moment(name: str, text: str, errors: list[dict[str, str]]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)  # the ends of time have no neighbours in other zones
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.tzinfo is None:
        message = said("{text!r} is not a date and time with its zone, such as 2030-01-31T00:00:00Z", text=text[:40])
        errors.append({"path": name, "code": "filter.moment", "message": message})
        return None
    return moment


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Entries of one chain at a time."""

    def of_workspace(self, workspace_id: UUID | None) -> "AuditEntryQuerySet":
        """Entries of a workspace; None is the platform's own chain."""
        return self.filter(workspace_id=workspace_id)

    def matching(self, filters: AuditFilters) -> "AuditEntryQuerySet":
        return self.filter(filters.condition())

    def numbered(self) -> "AuditEntryQuerySet":
        return self.filter(seq__isnull=False).order_by("seq")

    def newest_first(self) -> "AuditEntryQuerySet":
        return self.order_by("-id")
