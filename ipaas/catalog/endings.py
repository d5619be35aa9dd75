"""What vendors let end: versions of an API, as manifests say, and single operations, as answers announce."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from ipaas.catalog.models import OperationUse
from ipaas.core.clock import now

SOON = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Sunset:
    """The last day of an API's version; ``over`` when it is past."""

    day: date
    over: bool


def near_sunset(api_sunset: str) -> Sunset | None:
    """The end that a manifest tells, from ninety days before it."""
    if not api_sunset:
        return None
    day, today = date.fromisoformat(api_sunset), now().date()
    return Sunset(day, day < today) if day - today <= SOON else None


def announced_ends(workspace_id: UUID, *, connector: str = "", slugs: Collection[str] = ()) -> QuerySet[OperationUse]:
    """Operations whose end answers announced, of the connections over a connector or with one of some slugs."""
    rows = OperationUse.objects.filter(connection__workspace_id=workspace_id).exclude(
        deprecated_at=None, sunset_at=None
    )
    wanted = Q(connection__connector=connector) if connector else Q(connection__slug__in=slugs)
    return rows.filter(wanted).select_related("connection__environment").order_by("operation", "connection__slug")
