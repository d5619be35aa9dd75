"""Functions over amounts of money: rounding and dividing without losing a cent."""

from decimal import Decimal
from typing import Any

from ipaas.core.jsonio import JSON
from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.functions.numbers import minor_digits, money_major, number, round_
from ipaas.expressions.limits import Budget
from ipaas.expressions.registry import Number, function

GROUP = "Numbers and money"


@function(
    GROUP,
    ("money_round(1.005, 'EUR')", Decimal("1.01")),
    ("money_round(1.005, 'EUR', 'half_even')", Decimal("1.00")),
    ("money_round(100.5, 'JPY')", 101),
)
def money_round(budget: Budget, amount: Any, currency: str, mode: str = "half_up") -> Number:
    """An amount with the digits of its currency; modes as in round."""
    rounded: Number = round_(budget, number(budget, amount), minor_digits(currency), mode)
    return rounded


@function(
    GROUP,
    ("money_allocate(100, 'EUR', [1, 1, 1])", [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]),
    ("money_allocate(10, 'JPY', [70, 20, 10]) ", [7, 2, 1]),
    ("sum(money_allocate(0.05, 'EUR', [3, 7]))", Decimal("0.05")),
)
def money_allocate(budget: Budget, amount: Any, currency: str, shares: list[Any]) -> list[JSON]:
    """An amount divided by shares, to the smallest unit; the parts always add up to the amount.

    What is left over goes, one unit each, to the largest remainders, the earlier share first among equal ones.
    """
    from ipaas.expressions.functions.numbers import money_minor

    budget.list(len(shares))
    budget.spend(10 * len(shares))
    weights = [Decimal(op.as_number(one)) for one in shares]
    whole = op.CONTEXT.create_decimal(sum(weights, Decimal(0)))
    if not weights or whole <= 0 or min(weights) < 0:
        raise ExpressionValue(reason="shares are numbers from 0 on, and not all 0")
    units = money_minor(budget, amount, currency)
    sign = -1 if units < 0 else 1
    exact = [op.CONTEXT.divide(op.CONTEXT.multiply(Decimal(abs(units)), one), whole) for one in weights]
    parts = [int(one) for one in exact]
    order = sorted(range(len(parts)), key=lambda at: (parts[at] - exact[at], at))
    for at in order[: abs(units) - sum(parts)]:
        parts[at] += 1
    return [money_major(budget, sign * one, currency) for one in parts]
