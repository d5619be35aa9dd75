"""Functions that give lists, objects and texts another shape."""

from collections.abc import Mapping
from typing import Any

from ipaas.core.jsonio import JSON
from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.functions.lists import identity
from ipaas.expressions.limits import Budget, weigh
from ipaas.expressions.registry import Each, function, spend_text

LISTS, OBJECTS, TEXTS = "Lists", "Objects", "Texts"
_DEPTH = 40


@function(TEXTS, ("ascii('Füße in Łódź')", "Fusse in Lodz"), ("ascii('北京')", "BeiJing"), name="ascii")
def ascii_(budget: Budget, text: str) -> str:
    """The text in Latin letters without accents, sign by sign as they sound; the language is not known."""
    from anyascii import anyascii

    budget.text(8 * len(text))
    return spend_text(budget, anyascii(text))


@function(TEXTS, ("slug('Größe & Maß: 3,5 m')", "grosse-mass-3-5-m"), ("slug('A  b', '_')", "a_b"))
def slug(budget: Budget, text: str, separator: str = "-") -> str:
    """Small Latin letters and digits with a separator between words, for addresses and file names."""
    if len(separator) > 1 or separator.isalnum():
        raise ExpressionValue(reason="the separator is one sign at most")
    plain = str(ascii_(budget, text)).lower()
    words = "".join(one if one.isascii() and one.isalnum() else " " for one in plain).split()
    return separator.join(words)


@function(LISTS, ("difference([1, 2, 3], [2])", [1, 3]))
def difference(budget: Budget, items: list[Any], others: list[Any]) -> list[JSON]:
    """The elements that are not among the others."""
    budget.list(len(items) + len(others))
    unwanted = {identity(budget, one) for one in others}
    return [one for one in items if identity(budget, one) not in unwanted]


@function(LISTS, ("intersection([1, 2, 3], [3, 2])", [2, 3]))
def intersection(budget: Budget, items: list[Any], others: list[Any]) -> list[JSON]:
    """The elements that are among the others as well."""
    budget.list(len(items) + len(others))
    wanted = {identity(budget, one) for one in others}
    return [one for one in items if identity(budget, one) in wanted]


@function(LISTS, ("partition([1, 2, 3], item > 1)", [[2, 3], [1]]))
def partition(budget: Budget, items: list[Any], condition: Each) -> list[JSON]:
    """Two lists: the elements for which the expression holds, and the others."""
    budget.list(len(items))
    found: tuple[list[JSON], list[JSON]] = ([], [])
    for index, item in enumerate(items):
        budget.spend(1)
        found[0 if condition(item, index) else 1].append(item)
    return list(found)


@function(OBJECTS, ("rename({'a': 1, 'b': 2}, {'a': 'x'})", {"x": 1, "b": 2}))
def rename(budget: Budget, value: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, JSON]:
    """The object with other keys; two that become the same are refused."""
    budget.list(len(value) + len(names))
    found: dict[str, JSON] = {}
    for key, one in value.items():
        name = op.as_text(names[key]) if key in names else key
        if name in found:
            raise ExpressionValue(reason="two keys become the same")
        found[name] = one
    return found


@function(OBJECTS, ("map_values({'a': 1, 'b': 2}, item * 10)", {"a": 10, "b": 20}), grows=True)
def map_values(budget: Budget, value: Mapping[str, Any], made: Each) -> dict[str, JSON]:
    """The object with what the expression gives for each value."""
    budget.list(2 * len(value))
    return {key: made(one, index) for index, (key, one) in enumerate(value.items())}


@function(
    OBJECTS,
    ("merge_deep({'a': {'x': 1, 'y': 1}}, {'a': {'y': 2}})", {"a": {"x": 1, "y": 2}}),
    ("merge_deep({'a': [1]}, {'a': [2]})", {"a": [2]}),
    grows=True,
)
def merge_deep(budget: Budget, *objects: Mapping[str, Any]) -> dict[str, JSON]:
    """One object of the keys of all, objects inside merged too; of anything else the last stays."""
    found: dict[str, JSON] = {}
    for each in objects:
        weigh(budget, each)
        _merged(found, each)
    return found


def _merged(target: dict[str, JSON], source: Mapping[str, Any]) -> None:
    for key, value in source.items():
        there = target.get(key)
        if isinstance(value, Mapping):
            inner: dict[str, JSON] = {}
            if isinstance(there, Mapping):
                _merged(inner, there)
            _merged(inner, value)
            target[key] = inner
        else:
            target[key] = value


@function(
    OBJECTS,
    ("flat_keys({'a': {'b': 1}, 'c': [2]})", {"a.b": 1, "c.0": 2}),
    ("flat_keys({'a': {'b': 1}}, '_')", {"a_b": 1}),
    grows=True,
)
def flat_keys(budget: Budget, value: Mapping[str, Any], separator: str = ".") -> dict[str, JSON]:
    """One level: the path to each plain value as its key."""
    weigh(budget, value)
    found: dict[str, JSON] = {}
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:
        path, one = pending.pop()
        inner = one.items() if isinstance(one, Mapping) else enumerate(one) if isinstance(one, list | tuple) else None
        if inner is None or not one:
            found[spend_text(budget, path)] = one
            continue
        pending.extend(reversed([(f"{path}{separator}{key}" if path else str(key), part) for key, part in inner]))
    found.pop("", None)
    return found


@function(OBJECTS, ("deep_keys({'a.b': 1, 'a.c': 2})", {"a": {"b": 1, "c": 2}}), grows=True)
def deep_keys(budget: Budget, value: Mapping[str, Any], separator: str = ".") -> dict[str, JSON]:
    """Objects inside each other out of keys that are paths; the opposite of flat_keys, save that lists stay objects."""
    budget.list(4 * len(value))
    if not separator:
        raise ExpressionValue(reason="the separator is empty")
    found: dict[str, JSON] = {}
    for path, one in value.items():
        *steps, last = path.split(separator)
        if len(steps) > _DEPTH:
            raise ExpressionValue(f"a path has more than {_DEPTH} steps")
        budget.spend(len(steps) + 1)
        target = found
        for step in steps:
            target = target.setdefault(step, {})
            if not isinstance(target, dict):
                raise ExpressionValue(reason="a key leads inside of a plain value")
        if last in target:
            raise ExpressionValue(reason="a key stands beside others inside of it")
        target[last] = one
    return found
