"""Functions over numbers and money."""

import decimal
import re
from decimal import Decimal
from typing import Any, Final

from ipaas.core.jsonio import JsonLimits
from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.limits import Budget
from ipaas.expressions.registry import Number, function

GROUP = "Numbers and money"

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_ROUNDING: Final = {
    "half_up": decimal.ROUND_HALF_UP,
    "half_even": decimal.ROUND_HALF_EVEN,
    "down": decimal.ROUND_DOWN,
    "up": decimal.ROUND_UP,
    "floor": decimal.ROUND_FLOOR,
    "ceiling": decimal.ROUND_CEILING,
}
_MINOR_DIGITS: Final = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Digits after the point per currency where they are not two (ISO 4217)."""


@function(
    GROUP,
    ("number('12.50')", Decimal("12.50")),
    ("number(' 7 ')", 7),
    ("number('.89')", Decimal("0.89")),
    ("number(3)", 3),
)
def number(_budget: Budget, value: Any) -> Number:
    """The number that a text writes with a point; numbers stay as they are."""
    if not isinstance(value, str):
        return op.as_number(value)  # type: ignore[no-any-return]  # an int or a Decimal
    text = value.strip() if len(value) <= 100 else value
    if len(text) > JsonLimits.MAX_DIGITS or _NUMBER.fullmatch(text) is None:
        raise ExpressionValue(reason="this text is not a number", hint="Remove units and thousands separators first.")
    if text.lstrip("+-").isdigit():
        return int(text)
    found = Decimal(text)
    if abs(found.adjusted()) > 200:
        raise ExpressionValue(reason="the number is too large or too small")
    return found


@function(GROUP, ("integer('12')", 12), ("integer(12.9)", 12))
def integer(budget: Budget, value: Any) -> int:
    """A whole number: a text is read, a fraction is cut off."""
    return op.whole(int(number(budget, value)))


@function(
    GROUP,
    ("round(2.5)", 3),
    ("round(2.345, 2)", Decimal("2.35")),
    ("round(2.345, 2, 'half_even')", Decimal("2.34")),
    ("round(7, 2)", Decimal("7.00")),
    name="round",
)
def round_(_budget: Budget, value: Number, places: int = 0, mode: str = "half_up") -> Number:
    """Rounded to that many digits after the point.

    Modes: half_up, half_even, down, up, floor, ceiling.
    """
    if mode not in _ROUNDING:
        raise ExpressionValue(reason="this is not a mode of rounding", hint=f"Use one of {', '.join(_ROUNDING)}.")
    if not 0 <= places <= 20:
        raise ExpressionValue(reason="places are 0 to 20")
    try:
        rounded = Decimal(value).quantize(Decimal(1).scaleb(-places), _ROUNDING[mode], op.CONTEXT)
    except decimal.InvalidOperation:
        raise ExpressionValue(reason="the number has too many digits to be rounded so") from None
    return rounded if places else int(rounded)


@function(GROUP, ("floor(-1.5)", -2))
def floor(_budget: Budget, value: Number) -> int:
    """The largest whole number that is not above."""
    return op.whole(int(Decimal(value).to_integral_value(decimal.ROUND_FLOOR)))


@function(GROUP, ("ceil(1.2)", 2))
def ceil(_budget: Budget, value: Number) -> int:
    """The smallest whole number that is not below."""
    return op.whole(int(Decimal(value).to_integral_value(decimal.ROUND_CEILING)))


@function(GROUP, ("abs(-3.5)", Decimal("3.5")), name="abs")
def abs_(_budget: Budget, value: Number) -> Number:
    """The number without its sign."""
    return value if value >= 0 else op.CONTEXT.minus(value) if isinstance(value, Decimal) else -value


@function(GROUP, ("percent_of(19, 200)", Decimal(38)))
def percent_of(budget: Budget, percent: Number, value: Number) -> Any:
    """That many hundredths of a number."""
    return op.div(budget, op.mul(budget, percent, value), 100)


def minor_digits(currency: str) -> int:
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise ExpressionValue(
            reason="this is not a currency", hint="Use a code of three letters, such as EUR (ISO 4217)."
        )
    return _MINOR_DIGITS.get(currency.upper(), 2)


@function(
    GROUP, ("money_minor(12.5, 'EUR')", 1250), ("money_minor(300, 'JPY')", 300), ("money_minor('9.99', 'usd')", 999)
)
def money_minor(budget: Budget, amount: Any, currency: str) -> int:
    """An amount in the smallest unit of its currency, as payment interfaces take it.

    More digits than the currency has are refused, never rounded away: round first.
    """
    exact = Decimal(number(budget, amount)).scaleb(minor_digits(currency), op.CONTEXT)
    if exact != exact.to_integral_value():
        raise ExpressionValue(
            reason="the amount has more digits than its currency", hint="Say how with round(amount, places) first."
        )
    return op.whole(int(exact))


@function(GROUP, ("money_major(1250, 'EUR')", Decimal("12.50")), ("money_major(300, 'JPY')", 300))
def money_major(_budget: Budget, minor: int, currency: str) -> Number:
    """An amount given in the smallest unit, in the currency itself with all its digits."""
    places = minor_digits(currency)
    return Decimal(op.whole(minor)).scaleb(-places) if places else op.whole(minor)


@function(GROUP, ("number_format(1234567.5, 2, ',', '.')", "1.234.567,50"))
def number_format(budget: Budget, value: Number, places: int = 2, point: str = ".", thousands: str = "") -> str:
    """A number as text for people, rounded half up."""
    if len(point) > 1 or len(thousands) > 1:
        raise ExpressionValue(reason="point and thousands are one character at most")
    rounded = round_(budget, value, places)
    return format(rounded, ",f" if places else ",d").translate({ord(","): thousands, ord("."): point})
