"""Functions that draw from the randomness of the run: a replay draws the same."""

import uuid as uuids
from decimal import Decimal
from typing import Any

from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.limits import Budget, Draws
from ipaas.expressions.registry import function

GROUP = "Recorded randomness (mappings only)"
_SCALE = 10**16


def _draws(budget: Budget) -> Draws:
    if budget.draws is None:
        raise ExpressionValue(reason="there is no run to draw randomness from", hint="Draw it in a mapping.")
    return budget.draws


def _fraction(budget: Budget) -> Decimal:
    return Decimal(int.from_bytes(_draws(budget).next()[:16], "big") % _SCALE) / _SCALE


@function(GROUP, ("random() < 1", True), draws=True)
def random(budget: Budget) -> Decimal:
    """A number from 0 up to and without 1, with 16 digits. It comes from the run, so a replay draws the same."""
    return _fraction(budget)


@function(GROUP, ("length(uuid())", 36), draws=True)
def uuid(budget: Budget) -> str:
    """A UUID of version 4 that comes from the run, so a replay draws the same."""
    budget.spend(4)
    return str(uuids.UUID(bytes=_draws(budget).next()[:16], version=4))


@function(GROUP, ("choice(['a'])", "a"), draws=True)
def choice(budget: Budget, items: list[Any]) -> Any:
    """An element drawn from a list; missing for an empty list."""
    return op.item(items, int(_fraction(budget) * len(items)) if items else 0, "the element drawn")
