"""What lists of a mapping need at run time: bounded, and sorted by keys of one kind."""

import time
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from ipaas.expressions.errors import ExpressionLimit, ExpressionType
from ipaas.expressions.limits import Budget
from ipaas.expressions.operators import as_number, kind_of

MAX_LIST = 10_000


def listed(value: Any) -> list[Any] | tuple[Any, ...]:
    """A list that may be walked."""
    if not isinstance(value, list | tuple):
        hint = "Walk entries(value) of an object." if isinstance(value, dict) else "Say default(value, []) instead."
        raise ExpressionType(f"a list is needed, this is {kind_of(value)}", hint=hint)
    if len(value) > MAX_LIST:
        raise ExpressionLimit(f"{len(value)} elements are more than {MAX_LIST}", hint="Divide the list first.")
    return value


def refuse_null() -> None:
    raise ExpressionType(reason="this is null", hint="Say with on_null what null means.")


def in_order(budget: Budget, rows: list[tuple[Any, ...]], descending: Sequence[bool]) -> Iterable[Any]:
    """The first of each row, in the order of the others; null comes last, equal rows keep their order."""
    for place in range(len(descending), 0, -1):
        budget.spend(len(rows) * 4 + 1)
        keyed = [(_key(row[place]), row) for row in rows if row[place] is not None]
        if any(type(key) is str for key, _ in keyed) and any(type(key) is not str for key, _ in keyed):
            raise ExpressionType(
                reason="texts and numbers have no order among each other", hint="Sort by text(value) or number(value)."
            )
        keyed.sort(key=lambda pair: pair[0], reverse=descending[place - 1])
        rows = [row for _, row in keyed] + [row for row in rows if row[place] is None]
    return [row[0] for row in rows]


def _key(value: Any) -> Any:
    if type(value) is str:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ExpressionType(f"lists are sorted by texts or numbers, this is {kind_of(value)}", hint="Sort by text().")
    return as_number(value)


def seconds_left(budget: Budget) -> float:
    """What is left of the time; ``ExpressionLimit`` where nothing is."""
    left = budget.deadline - time.monotonic()
    if left <= 0:
        raise ExpressionLimit(reason="it takes too long", hint="Give it less data at once.")
    return left
