"""Functions over lists.

An ``expression`` argument is evaluated for each element, called ``item`` and numbered ``index``.
"""

import functools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ipaas.core.jsonio import JSON, canonical
from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionType, ExpressionUndefined, ExpressionValue
from ipaas.expressions.limits import Budget, weigh
from ipaas.expressions.registry import Each, function

GROUP = "Lists"


def _walk(budget: Budget, items: list[Any], each: Any) -> Iterator[tuple[JSON, JSON]]:
    """Each element with what the expression says of it; a missing expression is the element itself."""
    budget.list(len(items))
    for index, item in enumerate(items):
        budget.spend(1)
        yield item, item if each is None else each(item, index)


def identity(budget: Budget, value: JSON) -> bytes:
    """What equal values share; 1, 1.0 and 1.00 are equal, 1 and true are not."""
    return canonical(weigh(budget, value))


@function(
    GROUP, ("map([1, 2], item * 10)", [10, 20]), ("[{'n': 1}] | map(item.n + index)", [1]), name="map", grows=True
)
def map_(budget: Budget, items: list[Any], value: Each) -> list[JSON]:
    """A list of what the expression gives for each element."""
    return [found for _, found in _walk(budget, items, value)]


@function(GROUP, ("select([1, 2, 3], item > 1)", [2, 3]))
def select(budget: Budget, items: list[Any], condition: Each) -> list[JSON]:
    """The elements for which the expression holds."""
    return [item for item, holds in _walk(budget, items, condition) if holds]


@function(GROUP, ("reject([1, none, 3], item is none)", [1, 3]))
def reject(budget: Budget, items: list[Any], condition: Each) -> list[JSON]:
    """The elements for which the expression does not hold."""
    return [item for item, holds in _walk(budget, items, condition) if not holds]


@function(GROUP, ("find([{'id': 1}, {'id': 2}], item.id == 2)", {"id": 2}), ("find([1], item > 5)", None))
def find(budget: Budget, items: list[Any], condition: Each) -> JSON:
    """The first element for which the expression holds, or null."""
    return next((item for item, holds in _walk(budget, items, condition) if holds), None)


@function(GROUP, ("any([1, 2], item > 1)", True), name="any")
def any_(budget: Budget, items: list[Any], condition: Each | None = None) -> bool:
    """Whether the expression holds for one element at least."""
    return any(holds for _, holds in _walk(budget, items, condition))


@function(GROUP, ("all([1, 2], item > 1)", False), ("all([], item > 1)", True), name="all")
def all_(budget: Budget, items: list[Any], condition: Each | None = None) -> bool:
    """Whether the expression holds for every element."""
    return all(holds for _, holds in _walk(budget, items, condition))


@function(GROUP, ("count([1, 2, 3], item > 1)", 2))
def count(budget: Budget, items: list[Any], condition: Each) -> int:
    """For how many elements the expression holds."""
    return sum(1 for _, holds in _walk(budget, items, condition) if holds)


@function(GROUP, ("sum([1, 2.5])", Decimal("3.5")), ("sum([{'q': 2, 'p': 3}], item.q * item.p)", 6), name="sum")
def sum_(budget: Budget, items: list[Any], value: Each | None = None) -> JSON:
    """The sum of the elements, or of what the expression gives for each; 0 for an empty list."""
    total: JSON = 0
    for _, found in _walk(budget, items, value):
        total = op.add(budget, total, op.as_number(found))
    return total


def _extreme(budget: Budget, items: list[Any], value: Any, *, largest: bool) -> JSON:
    best: list[JSON] = []
    for _, found in _walk(budget, items, value):
        if not best or op.less(budget, *((best[0], found) if largest else (found, best[0]))):
            best = [found]
    if not best:
        raise ExpressionUndefined(
            reason="an empty list has no extreme", hint="Test the length, or use default(…, instead)."
        )
    return best[0]


@function(GROUP, ("min([3, 1.5])", Decimal("1.5")), name="min")
def min_(budget: Budget, items: list[Any], value: Each | None = None) -> JSON:
    """The smallest element, or the smallest of what the expression gives."""
    return _extreme(budget, items, value, largest=False)


@function(GROUP, ("max([{'n': 1}, {'n': 4}], item.n)", 4), name="max")
def max_(budget: Budget, items: list[Any], value: Each | None = None) -> JSON:
    """The largest element, or the largest of what the expression gives."""
    return _extreme(budget, items, value, largest=True)


@function(GROUP, ("sort([3, 1, 2])", [1, 2, 3]), ("sort(['a', 'b'], descending=true)", ["b", "a"]))
def sort(budget: Budget, items: list[Any], by: Each | None = None, descending: bool = False) -> list[JSON]:
    """The elements in order, by themselves or by what the expression gives; equal ones keep their order."""

    def compare(left: tuple[JSON, JSON], right: tuple[JSON, JSON]) -> int:
        budget.spend(1)
        first, second = op.ordered(left[1], right[1])
        return int(first > second) - int(first < second)

    pairs = sorted(_walk(budget, items, by), key=functools.cmp_to_key(compare), reverse=descending)
    return [item for item, _ in pairs]


@function(GROUP, ("unique([1, 1.0, 2])", [1, 2]), ("unique([{'a': 1}, {'a': 1}], item.a)", [{"a": 1}]))
def unique(budget: Budget, items: list[Any], by: Each | None = None) -> list[JSON]:
    """The elements without repetitions, by themselves or by what the expression gives; the first of each stays."""
    found: dict[bytes, JSON] = {}
    for item, value in _walk(budget, items, by):
        found.setdefault(identity(budget, value), item)
    return list(found.values())


@function(
    GROUP,
    (
        "group_by([{'k': 'a', 'n': 1}, {'k': 'b', 'n': 2}, {'k': 'a', 'n': 3}], item.k) | map(length(item.items))",
        [2, 1],
    ),
    ("group_by([1], 'x')", [{"key": "x", "items": [1]}]),
)
def group_by(budget: Budget, items: list[Any], by: Each) -> list[JSON]:
    """A list of ``{key, items}``, one for each value of the expression, in the order in which they first occur."""
    groups: dict[bytes, dict[str, Any]] = {}
    for item, value in _walk(budget, items, by):
        groups.setdefault(identity(budget, value), {"key": value, "items": []})["items"].append(item)
    return list(groups.values())


@function(GROUP, ("index_by([{'id': 'a', 'n': 1}], item.id)", {"a": {"id": "a", "n": 1}}))
def index_by(budget: Budget, items: list[Any], by: Each) -> dict[str, JSON]:
    """An object from the text that the expression gives to the element; a text that occurs twice is refused."""
    found: dict[str, JSON] = {}
    for item, value in _walk(budget, items, by):
        key = op.text_of(value)
        if key in found:
            raise ExpressionValue(reason="two elements have the same key", hint="Use group_by where keys repeat.")
        found[key] = item
    return found


@function(GROUP, ("first([1, 2])", 1), ("default(first([]), 0)", 0))
def first(_budget: Budget, items: list[Any]) -> JSON:
    """The first element; missing for an empty list."""
    return op.item(items, 0, "the first element")


@function(GROUP, ("last([1, 2])", 2))
def last(_budget: Budget, items: list[Any]) -> JSON:
    """The last element; missing for an empty list."""
    return op.item(items, -1, "the last element")


@function(GROUP, ("flatten([[1], [2, 3]])", [1, 2, 3]), grows=True)
def flatten(budget: Budget, items: list[Any]) -> list[JSON]:
    """One list of the elements of lists; elements that are not lists stay as they are."""
    found: list[JSON] = []
    for item in items:
        part = item if isinstance(item, list | tuple) else [item]
        budget.list(len(found) + len(part) if len(part) > 1 else 0)
        found.extend(part)
    return found


@function(GROUP, ("reverse([1, 2])", [2, 1]))
def reverse(budget: Budget, items: list[Any]) -> list[JSON]:
    """The elements from the last to the first."""
    budget.list(len(items))
    return items[::-1]


@function(GROUP, ("chunk([1, 2, 3], 2)", [[1, 2], [3]]))
def chunk(budget: Budget, items: list[Any], size: int) -> list[JSON]:
    """Lists of at most that many elements each."""
    if size < 1:
        raise ExpressionValue(reason="the size of a chunk is 1 at least")
    budget.list(len(items))
    return [items[start : start + size] for start in range(0, len(items), size)]


@function(GROUP, ("range(3)", [0, 1, 2]), ("range(2, 4)", [2, 3]), name="range")
def range_(budget: Budget, start: int, stop: int | None = None) -> list[JSON]:
    """The whole numbers from start (0 when only one is given) up to and without stop."""
    first_number, end = (0, start) if stop is None else (start, stop)
    op.whole(first_number)
    budget.list(max(end - first_number, 0))
    return list(range(first_number, end))


@function(GROUP, ("zip([1, 2], ['a', 'b'])", [[1, "a"], [2, "b"]]), name="zip", grows=True)
def zip_(budget: Budget, left: list[Any], right: list[Any]) -> list[JSON]:
    """Pairs of the elements at the same place of two lists of the same length."""
    if len(left) != len(right):
        raise ExpressionType(reason="the lists differ in length")
    budget.list(len(left) * 2)
    return [list(pair) for pair in zip(left, right, strict=True)]
