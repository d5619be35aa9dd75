"""What a deed over many works on: open dead letters, runs under way, or ended runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.dateparse import parse_datetime

from ipaas.core.errors import InvalidInput
from ipaas.core.ids import uuid7_at
from ipaas.core.phrases import said
from ipaas.runtime.models import DeadLetter, Run, Work
from ipaas.runtime.reading import MOST_COUNTED, Counted, RunFilter, count_runs, indexed, narrowed

OF_LETTERS = ("replay", "correct", "discard")
WINDOW = 20_000
"""How many runs one slice looks through at most."""
_LETTER_TEXTS = ("cause", "error_class", "error_code", "step")
_RUN_TEXTS = ("text", "status", "error_class", "step")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter as read: conditions of dead letters, or a filter of runs and what else is asked of them."""

    exact: Mapping[str, Any] = field(default_factory=dict)
    runs: RunFilter = field(default_factory=RunFilter)


@dataclass(frozen=True, slots=True)
class Slice:
    """What to do next; with ``go_on_at`` the search goes on there, although fewer were found than asked for."""

    found: Sequence[Any]
    go_on_at: UUID | None = None


def read_wanted(deed: str, given: Mapping[str, Any]) -> Wanted:
    """Raises ``InvalidInput`` for a condition that there is not, or that has another form."""
    letters = deed in OF_LETTERS
    exact: dict[str, Any] = {}
    runs: dict[str, Any] = {}
    for key, value in given.items():
        if letters:
            exact |= _letter_condition(key, value)
        elif key == "business_key" and isinstance(value, str):
            exact[key] = value
        elif key == "run_ids" and isinstance(value, list):
            exact["id__in"] = [_uuid(key, one) for one in value]
        else:
            runs[key] = _run_condition(key, value)
    return Wanted(exact, RunFilter(**runs))


def targets(workspace_id: UUID, deed: str, wanted: Wanted, flows: frozenset[UUID] | None) -> QuerySet[Any]:
    """Everything that a deed with this filter would touch now; ``flows`` are those its actor is bound to."""
    if deed in OF_LETTERS:
        letters = DeadLetter.objects.filter(workspace_id=workspace_id, state=DeadLetter.State.OPEN, **wanted.exact)
        return letters if flows is None else letters.filter(flow_id__in=flows)
    return narrowed(indexed(_runs(workspace_id, deed, wanted, flows), workspace_id, wanted.runs), wanted.runs)


def count_targets(workspace_id: UUID, deed: str, wanted: Wanted, flows: frozenset[UUID] | None) -> Counted:
    """How many these are, counted up to a bound."""
    if deed in OF_LETTERS:
        rows = targets(workspace_id, deed, wanted, flows)
        number = rows.order_by().values("id")[: MOST_COUNTED + 1].count()
        return Counted(min(number, MOST_COUNTED), number > MOST_COUNTED)
    return count_runs(_runs(workspace_id, deed, wanted, flows), wanted.runs, workspace_id)


def next_targets(rows: QuerySet[Any], deed: str, workspace_id: UUID, after: UUID, before: UUID, size: int) -> Slice:
    """The first targets between two ids; of ended runs, which may be many, one window of the history at a time."""
    rows = rows.filter(id__gt=after, id__lt=before).order_by("id")
    if deed != "replay_runs":
        return Slice(list(rows[:size]))
    history = Run.objects.filter(workspace_id=workspace_id, id__gt=after, id__lt=before).order_by("id")
    end = history.values_list("id", flat=True)[WINDOW - 1 : WINDOW].first()
    found = list((rows if end is None else rows.filter(id__lte=end))[:size])
    return Slice(found, None if len(found) == size else end)


def _runs(workspace_id: UUID, deed: str, wanted: Wanted, flows: frozenset[UUID] | None) -> QuerySet[Run]:
    rows = Run.objects.filter(workspace_id=workspace_id, **wanted.exact)
    if deed == "cancel":
        under_way = Work.objects.filter(workspace_id=workspace_id, kind=Work.Kind.RUN)  # few, however many are stored
        rows = rows.filter(id__in=under_way.values("id"), status__in=Run.UNENDED, cancel_reason__isnull=True)
    else:
        again = Run.objects.filter(replay_of=OuterRef("id"))
        rows = rows.exclude(status__in=Run.UNENDED).filter(~Exists(again))
    return rows if flows is None else rows.filter(flow_id__in=flows)


# -- conditions ----------------------------------------------------------------------------------------------------


def _letter_condition(key: str, value: Any) -> dict[str, Any]:
    if key in ("flow_id", "environment_id"):
        return {key: _uuid(key, value)}
    if key in _LETTER_TEXTS and isinstance(value, str):
        return {key: value}
    if key == "run_ids" and isinstance(value, list):
        return {"run_id__in": [_uuid(key, one) for one in value]}
    if key in ("since", "until"):
        return {"id__gte" if key == "since" else "id__lt": uuid7_at(_moment(key, value))}
    raise _no_condition(key)


def _run_condition(key: str, value: Any) -> Any:
    readers: Mapping[str, Callable[[str, Any], Any]] = {
        **dict.fromkeys(("flow_id", "environment_id", "version_id"), _uuid),
        **dict.fromkeys(("since", "until"), _moment),
        **dict.fromkeys(("longer_s", "shorter_s"), _seconds),
        **dict.fromkeys(_RUN_TEXTS, _text),
    }
    if key not in readers:
        raise _no_condition(key)
    return readers[key](key, value)


def _uuid(key: str, value: Any) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise invalid(f"filter/{key}", said("this is not an id")) from None


def _moment(key: str, value: Any) -> datetime:
    try:
        found = parse_datetime(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise invalid(f"filter/{key}", said("give a time such as 2026-01-31T12:00:00Z"))
    return found


def _seconds(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
        raise invalid(f"filter/{key}", said("give a number of seconds"))
    return float(value)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _no_condition(key)
    return value


def _no_condition(key: str) -> InvalidInput:
    return invalid(f"filter/{key}", said("there is no such condition for this deed, or it has another form"))


def invalid(path: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": path, "code": "bulk.invalid", "message": message}])
