"""What the operators mean: exact numbers, no surprises between kinds, every result bounded.

Integers are exact up to 40 digits. Other numbers are decimals with 34 significant digits, rounded half to even
where that is exceeded (IEEE 754 decimal128), so money is exact; a quotient is always a decimal.
"""

import decimal
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ipaas.core.jsonio import JSON
from ipaas.expressions.errors import (
    ExpressionError,
    ExpressionLimit,
    ExpressionType,
    ExpressionUndefined,
    ExpressionValue,
)
from ipaas.expressions.limits import Budget

CONTEXT = decimal.Context(
    prec=34,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-200,
    Emax=200,
    traps=[decimal.Overflow, decimal.InvalidOperation, decimal.DivisionByZero],
)
_WHOLE_LIMIT = 10**40
_NUMBERS = (int, Decimal, float)


def kind_of(value: JSON) -> str:
    """The word for a value's kind, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, _NUMBERS):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else "of an unknown kind"


def wrong_kind(value: JSON, wanted: str, hint: str = "") -> ExpressionType:
    """The error that a value is of another kind than wanted."""
    if value is None and not hint:
        hint = "Say what to use instead with default(value, instead)."
    return ExpressionType(f"{wanted} is needed, this is {kind_of(value)}", hint=hint or "Convert it first.")


def as_number(value: JSON) -> Any:
    """An ``int`` or ``Decimal``; a float of the platform's own becomes the decimal that it shows."""
    kind = type(value)
    if kind is int or kind is Decimal:
        return value
    if kind is float:
        exact = Decimal(repr(value))
        if exact.is_finite():
            return exact
    hint = "Convert it with number(text)." if kind is str else ""
    raise wrong_kind(value, "a number", hint)


def as_integer(value: JSON) -> int:
    number = as_number(value)
    if number != int(number):
        raise ExpressionType(reason="a whole number is needed", hint="Round it with round(value).")
    return int(number)


def as_text(value: JSON) -> str:
    if type(value) is str:
        return value
    hint = "Convert it with text(value)." if isinstance(value, _NUMBERS) else ""
    raise wrong_kind(value, "a text", hint)


def as_list(value: JSON) -> list[JSON]:
    if isinstance(value, list):
        return value
    if isinstance(value, tuple):
        return list(value)
    raise wrong_kind(value, "a list")


def as_object(value: JSON) -> Mapping[str, JSON]:
    if isinstance(value, Mapping):
        return value
    raise wrong_kind(value, "an object")


def as_boolean(value: JSON) -> bool:
    if value is True or value is False:
        return value
    raise wrong_kind(value, "true or false")


def as_any(value: JSON) -> JSON:
    return value


def text_of(value: JSON) -> str:
    """A scalar as text: numbers with their digits, ``true`` and ``false``; null, lists and objects are refused."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is Decimal or kind is float:
        return format(as_number(value), "f")
    raise wrong_kind(value, "a text or a number", "Use to_json(value) for its JSON text." if value is not None else "")


def whole(value: int) -> int:
    if -_WHOLE_LIMIT < value < _WHOLE_LIMIT:
        return value
    raise ExpressionLimit(reason="a whole number would have more than 40 digits")


def _decimals(operation: Any, left: JSON, right: JSON) -> Decimal:
    try:
        result: Decimal = operation(as_number(left), as_number(right))
    except (decimal.DivisionByZero, decimal.DivisionUndefined):
        raise ExpressionValue(reason="division by zero", hint="Test the divisor first.") from None
    except decimal.InvalidOperation as error:
        if decimal.DivisionUndefined in error.args[0] or decimal.DivisionByZero in error.args[0]:
            raise ExpressionValue(reason="division by zero", hint="Test the divisor first.") from None
        raise ExpressionValue(reason="the numbers can not be combined") from None
    except decimal.Overflow:
        raise ExpressionLimit(reason="the number is too large") from None
    if not result.is_finite():
        raise ExpressionValue(reason="the result is not a number")
    return result


def add(budget: Budget, left: JSON, right: JSON) -> JSON:
    kind = type(left)
    if kind is type(right):
        if kind is int:
            return whole(left + right)
        if kind is str:
            budget.text(len(left) + len(right))
            return left + right
    if isinstance(left, list) and isinstance(right, list):
        budget.list(len(left) + len(right))
        return [*left, *right]
    if str in (kind, type(right)):
        raise ExpressionType(
            f"{kind_of(left)} and {kind_of(right)} can not be added",
            hint="Join texts with ~, convert with number(text).",
        )
    return _decimals(CONTEXT.add, left, right)


def sub(_budget: Budget, left: JSON, right: JSON) -> JSON:
    if type(left) is int and type(right) is int:
        return whole(left - right)
    return _decimals(CONTEXT.subtract, left, right)


def mul(_budget: Budget, left: JSON, right: JSON) -> JSON:
    if type(left) is int and type(right) is int:
        return whole(left * right)
    return _decimals(CONTEXT.multiply, left, right)


def div(_budget: Budget, left: JSON, right: JSON) -> JSON:
    return _decimals(CONTEXT.divide, left, right)


def floor_div(_budget: Budget, left: JSON, right: JSON) -> JSON:
    """The quotient rounded down, whatever the signs."""
    left, right = as_number(left), as_number(right)
    if right == 0:
        raise ExpressionValue(reason="division by zero", hint="Test the divisor first.")
    if type(left) is int and type(right) is int:
        return left // right
    quotient = _decimals(CONTEXT.divide, left, right)
    return whole(int(quotient.to_integral_value(decimal.ROUND_FLOOR)))


def mod(budget: Budget, left: JSON, right: JSON) -> JSON:
    """What ``//`` leaves over; it has the sign of the divisor."""
    if type(left) is int and type(right) is int and right != 0:
        return left % right
    return sub(budget, left, mul(budget, right, floor_div(budget, left, right)))


def power(_budget: Budget, left: JSON, right: JSON) -> JSON:
    base, exponent = as_number(left), as_integer(right)
    if abs(exponent) > 1000:
        raise ExpressionLimit(reason="an exponent is beyond 1000")
    if type(base) is int and exponent >= 0:
        if base.bit_length() * exponent > 200:
            raise ExpressionLimit(reason="a whole number would have more than 40 digits")
        return whole(base**exponent)
    return _decimals(CONTEXT.power, base, exponent)


def negative(value: JSON) -> JSON:
    number = as_number(value)
    return -number if type(number) is int else CONTEXT.minus(number)


def positive(value: JSON) -> JSON:
    return as_number(value)


def concat(budget: Budget, parts: tuple[JSON, ...]) -> str:
    """The texts of scalars, joined."""
    texts = [part if type(part) is str else text_of(part) for part in parts]
    budget.text(sum(map(len, texts)))
    return "".join(texts)


def equal(budget: Budget, left: JSON, right: JSON) -> bool:
    """By value: 1 equals 1.0, but never true; lists and objects element by element."""
    kind, other = type(left), type(right)
    if kind is other and kind in (str, int, bool):
        return bool(left == right)
    budget.spend(1)
    if kind is bool or other is bool or left is None or right is None:
        return left is right
    if isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
        return bool(as_number(left) == as_number(right))
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(equal(budget, *pair) for pair in zip(left, right, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(budget, item, right[key]) for key, item in left.items())
    return kind is other and bool(left == right)


def unequal(budget: Budget, left: JSON, right: JSON) -> bool:
    return not equal(budget, left, right)


def ordered(left: JSON, right: JSON) -> tuple[Any, Any]:
    """Two values that have an order: both numbers or both texts."""
    kind, other = type(left), type(right)
    if kind is other and (kind is int or kind is str or kind is Decimal):
        return left, right
    if kind is not bool and other is not bool and isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
        return as_number(left), as_number(right)
    raise ExpressionType(
        f"{kind_of(left)} and {kind_of(right)} have no order",
        hint="Compare numbers with numbers and texts with texts; convert with number() or text().",
    )


def less(_budget: Budget, left: JSON, right: JSON) -> bool:
    left, right = ordered(left, right)
    return bool(left < right)


def less_equal(_budget: Budget, left: JSON, right: JSON) -> bool:
    left, right = ordered(left, right)
    return bool(left <= right)


def greater(_budget: Budget, left: JSON, right: JSON) -> bool:
    left, right = ordered(left, right)
    return bool(left > right)


def greater_equal(_budget: Budget, left: JSON, right: JSON) -> bool:
    left, right = ordered(left, right)
    return bool(left >= right)


def contains(budget: Budget, item: JSON, container: JSON) -> bool:
    """A text in a text, an element in a list, a key in an object."""
    if isinstance(container, str):
        budget.spend((len(container) >> 4) + 1)
        return as_text(item) in container
    if isinstance(container, Mapping):
        return as_text(item) in container
    if isinstance(container, list | tuple):
        budget.spend(len(container) + 1)
        return any(equal(budget, item, each) for each in container)
    raise wrong_kind(container, "a text, a list or an object")


def contains_not(budget: Budget, item: JSON, container: JSON) -> bool:
    return not contains(budget, item, container)


def name(scope: Mapping[str, JSON], key: str) -> JSON:
    """A name of the scope."""
    try:
        return scope[key]
    except KeyError:
        raise ExpressionUndefined(
            f"nothing is called {key!r} here", hint="Check the spelling of the name.", path=key
        ) from None


def key(value: JSON, name: str, path: str) -> JSON:
    """One key of an object; ``path`` is the whole way to it, for the message."""
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
    elif value is not None:
        raise ExpressionType(f"{path}: {kind_of(value)} has no keys", hint="Use [number] for an element of a list.")
    reason = f"{path} is missing" if value is not None else f"{path} is missing, because what should hold it is null"
    raise ExpressionUndefined(reason, hint=f"Check the spelling, or say default({path}, instead).", path=path)


def item(value: JSON, index: JSON, path: str) -> JSON:
    """An element by number or by a computed key."""
    if type(index) is str and (value is None or isinstance(value, Mapping)):
        return key(value, index, path)
    if isinstance(value, list | tuple | str):
        number = as_integer(index)
        if -len(value) <= number < len(value):
            return value[number]
        raise ExpressionUndefined(
            f"{path} is missing: there are {len(value)}",
            hint=f"Test the length, or say default({path}, instead).",
            path=path,
        )
    if value is None:
        return key(None, "", path)
    raise ExpressionType(f"{kind_of(value)} has no element given by {kind_of(index)}")


def part(budget: Budget, value: JSON, start: JSON, stop: JSON) -> JSON:
    """A slice of a list or a text."""
    if not isinstance(value, list | tuple | str):
        raise wrong_kind(value, "a list or a text")
    first = None if start is None else as_integer(start)
    last = None if stop is None else as_integer(stop)
    found = value[first:last]
    budget.spend(len(found) + 1)
    return found


def located(position: int, compute: Any) -> JSON:
    """Run a part of an expression; an error of it says where it is."""
    try:
        return compute()
    except ExpressionError as error:
        if error.position is not None:
            raise
        raise error.located(position=position) from None
    except RecursionError:
        raise ExpressionLimit(reason="the data is nested too deeply", position=position) from None
