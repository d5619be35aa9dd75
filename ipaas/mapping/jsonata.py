"""JSONata for whole documents: one expression makes the target, within limits.

JSONata computes in binary floating point. What would lose digits by that is refused on the way in and out unless the
document says ``numbers: round``; other numbers of a result come with 15 significant digits, which undoes the noise of
binary fractions: ``0.1 + 0.2`` is 0.3.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import jlens
import orjson

from ipaas.core import jsonio
from ipaas.expressions import ExpressionError, ExpressionLimit, ExpressionSyntax, ExpressionUndefined, ExpressionValue
from ipaas.expressions.compiler import Library
from ipaas.expressions.limits import MAX_LIST, MAX_TEXT, Budget
from ipaas.expressions.operators import as_text
from ipaas.mapping.elements import seconds_left

Numbers = Literal["exact", "round"]
NUMBERS: Final = ("exact", "round")
MAX_DEPTH: Final = 500
MAX_RESULT: Final = 16 * 1024 * 1024
MAX_SOURCE: Final = 100_000
MAX_WHOLE: Final = 2**53
DIGITS: Final = 15
NAMES: Final[tuple[str, ...]] = ("vars", "run", "trigger", "steps", "business_ids", "loop")
"""Names of the scope that an expression has as variables: ``$vars.region``."""

_LONG_WHOLE: Final = re.compile(r"[0-9]{16}")
_LIMITS: Final = frozenset({"D1011", "D1012", "D2016", "U1001", "U1002", "U1003", "U1004"})
_OWN: Final = "lookupRow"


@dataclass(frozen=True, slots=True)
class Jsonata:
    """A compiled expression; safe to share between threads, and other threads run while it works."""

    text: str
    expression: jlens.Expression
    numbers: Numbers
    library: Library
    reads: frozenset[str]
    variables: frozenset[str]

    def evaluate(self, scope: Mapping[str, Any], source: Any, budget: Budget) -> Any:
        """The target. Raises ``ExpressionError`` and nothing else."""
        given = self._written(source)
        raised: list[ExpressionError] = []
        try:
            made = self.expression.evaluate_json(
                given,
                self._bindings(scope, budget, raised),
                timeout=seconds_left(budget),
                max_depth=MAX_DEPTH,
                max_string_length=MAX_TEXT,
                max_array_length=MAX_LIST,
                max_result_size=MAX_RESULT,
                now=scope.get("now") or 0,
                seed=int.from_bytes(budget.draws.next()[:6], "big") if budget.draws else 0,
            )
        except jlens.JlensError as error:
            raise raised[0] if raised else self._told(error) from None
        except (ValueError, TypeError) as error:
            raise ExpressionValue(f"the data is not accepted ({type(error).__name__})") from None
        if made is None:
            raise ExpressionUndefined(
                reason="the expression gives nothing", hint="Make it give null or an object where nothing matches."
            )
        return self._result(made)

    def _written(self, source: Any) -> str:
        """The JSON of the source; ``ExpressionValue`` where a number of it would lose digits."""
        try:
            return orjson.dumps(source, default=_double, option=orjson.OPT_STRICT_INTEGER).decode()
        except orjson.JSONEncodeError:
            pass  # a number that does not survive, or what is no JSON: looked at with care
        text = jsonio.dumps(source).decode()
        if self.numbers == "exact":
            for place, number in _numbers(jsonio.loads(text), "source"):
                if not _survives(number):
                    raise ExpressionValue(
                        f"the number at {place} has more digits than JSONata computes with", hint=_EXACT
                    )
        return text

    def _bindings(self, scope: Mapping[str, Any], budget: Budget, raised: list[ExpressionError]) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: _doubles(scope[name]) for name in NAMES if name in self.variables and name in scope
        }
        if _OWN in self.variables:
            found[_OWN] = _Rows(self.library, budget, raised)
        for name, function in self.library.functions.items():
            if name in self.variables:
                found[name] = _Called(function.call, budget, raised)
        return found

    def _result(self, made: str) -> Any:
        whole = self._whole if _LONG_WHOLE.search(made) else None
        return json.loads(made, parse_float=self._fraction, parse_int=whole)

    def _fraction(self, text: str) -> int | Decimal:
        if len(text) <= DIGITS + 1 and "e" not in text:
            return Decimal(text)
        number = float(text)
        short = Decimal(f"{number:.{DIGITS}g}")
        if "e" in text or "E" in text:
            return self._whole(str(int(short))) if short == int(short) and abs(short) < MAX_WHOLE else short
        return short

    def _whole(self, text: str) -> int:
        number = int(text)
        if self.numbers == "exact" and abs(number) > MAX_WHOLE:
            raise ExpressionValue(reason="a whole number of the result has lost digits", hint=_EXACT)
        return number

    def _told(self, error: jlens.JlensError) -> ExpressionError:
        kind = ExpressionLimit if error.code in _LIMITS else ExpressionValue
        return kind(f"JSONata says {error.code}: {_words(error.code)}", hint=_HINT, position=error.position)


_EXACT: Final = "Make it a text, compute it with fields, or write numbers: round where that is meant."
_HINT: Final = "See the page about JSONata for its codes."
_FAMILIES: Final = {
    "S": "it is not understood",
    "T": "a value is of another kind than needed",
    "D": "a value can not be used",
    "U": "it is beyond a limit",
}
_CODES: Final = {
    "D1011": "it calls itself too deeply",
    "D1012": "it takes too long",
    "U1001": "a list would be too long",
}


def _words(code: str) -> str:
    """What a code says in general: the engine's own words may quote the data."""
    return _CODES.get(code) or _FAMILIES.get(code[:1], "it failed")


def compile_jsonata(text: str, numbers: Numbers = "exact", library: Library | None = None) -> Jsonata:
    """Compile one expression. Raises ``ExpressionSyntax`` with the place."""
    if len(text) > MAX_SOURCE:
        raise ExpressionLimit(f"an expression of {len(text)} characters is too long, {MAX_SOURCE} are allowed")
    try:
        expression = jlens.Expression(text)
    except jlens.JlensError as error:
        words = str(error)[:200]
        raise ExpressionSyntax(words, hint=_HINT, position=error.position, expression=text) from None
    reads = expression.reads()
    places = frozenset(_paths(reads["input"], "source")) if "input" in reads else frozenset[str]()
    return Jsonata(text, expression, numbers, library or Library(), places, _variables(text))


def _variables(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\$([A-Za-z_][A-Za-z0-9_]*)", text))


def _paths(read: Any, place: str) -> Iterator[str]:
    if not isinstance(read, dict) or not read:
        yield place
        return
    for key, inner in read.items():
        yield from _paths(inner, f"{place}.{key}")


def _numbers(value: Any, place: str) -> Iterator[tuple[str, int | Decimal]]:
    pending = [(place, value)]
    while pending:
        where, item = pending.pop()
        if isinstance(item, dict):
            pending.extend((f"{where}.{key}", part) for key, part in item.items())
        elif isinstance(item, list):
            pending.extend((f"{where}[{number}]", part) for number, part in enumerate(item))
        elif isinstance(item, int | Decimal) and not isinstance(item, bool):
            yield where, item


def _survives(number: int | Decimal) -> bool:
    if isinstance(number, int):
        return abs(number) <= MAX_WHOLE
    double = float(number)
    return math.isfinite(double) and Decimal(repr(double)) == number


def _double(value: Any) -> float:
    """A decimal as the double that shows the same digits; ``TypeError`` where none does."""
    if type(value) is not Decimal:
        raise TypeError
    text = str(value)
    number = float(text)
    if (len(text) > DIGITS + 1 or "E" in text) and not _survives(value):
        raise TypeError
    return number


def _doubles(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {key: _doubles(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_doubles(part) for part in value]
    return value


def _decimals(value: Any) -> Any:
    if isinstance(value, float):
        short = Decimal(f"{value:.{DIGITS}g}")
        return int(short) if short == int(short) and abs(short) < MAX_WHOLE else short
    if isinstance(value, dict):
        return {key: _decimals(part) for key, part in value.items()}
    return [_decimals(part) for part in value] if isinstance(value, list) else value


class _Called:
    """A function of the workspace, as JSONata calls it."""

    def __init__(self, call: Any, budget: Budget, raised: list[ExpressionError]) -> None:
        self.call, self.budget, self.raised = call, budget, raised

    def __call__(self, *arguments: Any) -> Any:
        try:
            return _doubles(self.call(self.budget, *map(_decimals, arguments)))
        except ExpressionError as error:
            self.raised.append(error)
            raise
        except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as failure:
            self.raised.append(ExpressionValue(f"a function failed ({type(failure).__name__})"))
            raise


class _Rows(_Called):
    """``$lookupRow('name', key)``: a row of a lookup; a third argument stands in for a missing one."""

    def __init__(self, library: Library, budget: Budget, raised: list[ExpressionError]) -> None:
        super().__init__(self._find, budget, raised)
        self.tables = library.lookups

    def _find(self, budget: Budget, name: Any, key: Any, *instead: Any) -> Any:
        table = self.tables.get(as_text(name))
        if table is None:
            raise ExpressionValue(reason="there is no such lookup", hint="Name it under lookups.")
        return table(budget, key, *((lambda: instead[0],) if instead else ()))
