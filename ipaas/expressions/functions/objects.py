"""Functions over objects."""

from collections.abc import Mapping
from typing import Any

from ipaas.core.jsonio import JSON
from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionUndefined, ExpressionValue
from ipaas.expressions.limits import Budget
from ipaas.expressions.registry import Each, function

GROUP = "Objects"
_ABSENT = object()


@function(GROUP, ("keys({'a': 1, 'b': 2})", ["a", "b"]))
def keys(budget: Budget, value: Mapping[str, Any]) -> list[JSON]:
    """The keys in their order."""
    budget.list(len(value))
    return list(value)


@function(GROUP, ("values({'a': 1, 'b': 2})", [1, 2]))
def values(budget: Budget, value: Mapping[str, Any]) -> list[JSON]:
    """The values in the order of their keys."""
    budget.list(len(value))
    return list(value.values())


@function(GROUP, ("entries({'a': 1})", [{"key": "a", "value": 1}]))
def entries(budget: Budget, value: Mapping[str, Any]) -> list[JSON]:
    """A list of ``{key, value}``."""
    budget.list(2 * len(value))
    return [{"key": key, "value": item} for key, item in value.items()]


@function(GROUP, ("object(['a', 'b'], item, index)", {"a": 0, "b": 1}), name="object", grows=True)
def object_(budget: Budget, items: list[Any], key: Each, value: Each) -> dict[str, JSON]:
    """An object with one key for each element; a key that occurs twice is refused."""
    budget.list(2 * len(items))
    found: dict[str, JSON] = {}
    for index, item in enumerate(items):
        name = op.text_of(key(item, index))
        if name in found:
            raise ExpressionValue(reason="two elements have the same key")
        found[name] = value(item, index)
    return found


@function(GROUP, ("merge({'a': 1, 'b': 1}, {'b': 2})", {"a": 1, "b": 2}), grows=True)
def merge(budget: Budget, *objects: Mapping[str, Any]) -> dict[str, JSON]:
    """One object of the keys of all; later ones win. Objects inside are not merged."""
    found: dict[str, JSON] = {}
    for each in objects:
        budget.list(len(each))
        found.update(each)
    return found


def _names(names: tuple[JSON, ...]) -> list[str]:
    """Names given one by one or as one list."""
    given = names[0] if len(names) == 1 and isinstance(names[0], list) else names
    return [op.as_text(name) for name in given]


@function(GROUP, ("pick({'a': 1, 'b': 2}, 'a', 'c')", {"a": 1}))
def pick(budget: Budget, value: Mapping[str, Any], *names: Any) -> dict[str, JSON]:
    """Only the keys named; those that are missing are left out."""
    budget.list(len(value))
    return {name: value[name] for name in _names(names) if name in value}


@function(GROUP, ("omit({'a': 1, 'b': 2}, 'a')", {"b": 2}))
def omit(budget: Budget, value: Mapping[str, Any], *names: Any) -> dict[str, JSON]:
    """All keys but those named."""
    budget.list(len(value))
    unwanted = set(_names(names))
    return {key: item for key, item in value.items() if key not in unwanted}


@function(GROUP, ("compact({'a': none, 'b': 0})", {"b": 0}), ("compact([1, none])", [1]))
def compact(budget: Budget, value: Any) -> JSON:
    """An object or a list without what is null."""
    if isinstance(value, Mapping):
        budget.list(len(value))
        return {key: item for key, item in value.items() if item is not None}
    items = op.as_list(value)
    budget.list(len(items))
    return [item for item in items if item is not None]


@function(
    GROUP,
    ("get({'a': {'b': [5, 6]}}, 'a.b.1')", 6),
    ("get({'a': 1}, 'x.y', 'none')", "none"),
    ("get({'a': 1}, 'x')", None),
)
def get(_budget: Budget, value: Any, path: str, default: Any = None) -> JSON:
    """What a path of keys and numbers divided by points leads to; the default where it leads nowhere."""
    for step in path.split("."):
        value = _stepped(value, step)
        if value is _ABSENT:
            return default
    return value


def _stepped(value: JSON, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, _ABSENT)
    if isinstance(value, list | tuple) and step.isascii() and step.isdigit() and len(step) < 7:
        return value[int(step)] if int(step) < len(value) else _ABSENT
    return _ABSENT


@function(
    GROUP,
    ("lookup({'DE': 'Germany'}, 'DE')", "Germany"),
    ("lookup({'DE': 'Germany'}, 'XX', 'unknown')", "unknown"),
)
def lookup(_budget: Budget, table: Mapping[str, Any], key: Any, default: Any = None) -> JSON:
    """The entry of a table for a text or number; the default where there is none, which is missing when not given."""
    found = table.get(op.text_of(key), default)
    if found is None:
        raise ExpressionUndefined(reason="the table has no such entry", hint="Add the entry, or give a default.")
    return found
