"""Dead letters by cause, at a bounded cost however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, Count, F, Func, Max, Min, QuerySet, Sum, TextField, Value
from django.db.models.functions import Cast, Collate

from ipaas.core.actor import Actor
from ipaas.core.ids import uuid7_time
from ipaas.runtime.models import DeadLetter, Run

Amounts = tuple[tuple[str, Decimal], ...]

MOST_GROUPED = 10_000
MOST_GROUPS = 100
_SAME = ("flow_id", "cause")
_TOLD = ("step", "error_class", "error_code")
"""What the cause is made of: the same for all letters of a group."""


_DIGEST = Func(F("business_key"), Value(0), function="hashtextextended", output_field=BigIntegerField())
"""Numbers are sorted faster than texts."""


def _as_text(name: str) -> Collate:
    return Collate(Cast(name, TextField()), "C")


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Open dead letters of one cause; ``affected`` counts distinct primary business ids.

    ``amounts`` is what they are worth together, by currency, the largest first.
    """

    flow_id: UUID
    cause: str
    step: str
    error_class: str
    error_code: str
    count: int
    affected: int
    oldest_at: datetime
    version_id: UUID | None
    """The flow version of the newest of them."""
    amounts: Amounts = ()


def open_letters(actor: Actor) -> QuerySet[DeadLetter]:
    """The open dead letters that exist for an actor."""
    return DeadLetter.objects.visible_to(actor).filter(state=DeadLetter.State.OPEN)


def group_letters(letters: QuerySet[DeadLetter]) -> Sequence[LetterGroup]:
    """Groups of the newest letters (at most ``MOST_GROUPED``), the most frequent cause first."""
    newest = letters.order_by("-id").values("id")[:MOST_GROUPED]
    names = _SAME
    rows = list(
        DeadLetter.objects.filter(id__in=newest)
        .values(*names)
        .annotate(
            count=Count("id"),
            affected=Count(_DIGEST, distinct=True),
            oldest=Min(_as_text("id")),
            sample=Max(_as_text("run_id")),
            **{f"least_{name}": Min(name) for name in _TOLD},
        )
        .order_by("-count", "cause")[:MOST_GROUPS]
    )
    samples = [row["sample"] for row in rows]
    amounts = worth_by(DeadLetter.objects.filter(id__in=newest), *names)
    versions = dict(Run.objects.filter(id__in=samples).values_list("id", "version_id"))
    return [
        LetterGroup(
            **{name: row[name] for name in names},
            **{name: row[f"least_{name}"] for name in _TOLD},
            count=row["count"],
            affected=row["affected"],
            oldest_at=uuid7_time(UUID(row["oldest"])),
            version_id=versions.get(UUID(row["sample"])),
            amounts=amounts.get(tuple(row[name] for name in names), ()),
        )
        for row in rows
    ]


def total_worth(groups: Sequence[LetterGroup]) -> Amounts:
    """What groups are worth together, by currency, the largest first."""
    totals: dict[str, Decimal] = {}
    for group in groups:
        for currency, amount in group.amounts:
            totals[currency] = totals.get(currency, Decimal()) + amount
    return tuple(sorted(totals.items(), key=lambda pair: (-pair[1], pair[0])))


def worth_by(letters: QuerySet[DeadLetter], *names: str) -> dict[tuple[Any, ...], Amounts]:
    """What dead letters are worth together, by the values of these columns and then by currency."""
    rows = letters.filter(amount__isnull=False).order_by().values(*names, "currency").annotate(total=Sum("amount"))
    found: dict[tuple[Any, ...], Amounts] = {}
    for row in rows.order_by("-total", "currency"):
        key = tuple(row[name] for name in names)
        found[key] = (*found.get(key, ()), (row["currency"], row["total"]))
    return found
