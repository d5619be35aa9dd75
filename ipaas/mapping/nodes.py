"""The parts of a mapping: how the tree under ``fields`` is read.

Under a key stands one of: a text (a bare expression), ``{value: constant}``,
``{expr, default?, on_missing?, on_null?}``, ``{each, as?, where?, sort?, fields | item}`` for a list,
``{choose: [{when, then}…], otherwise?}``, ``{fields: {…}}`` or any other object for a nested target object. The
explicit ``{fields: …}`` is for targets whose keys look like one of the other forms, such as an only key ``value``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ipaas.expressions.limits import Budget

OnMissing = Literal["error", "omit", "null", "default"]
OnNull = Literal["keep", "error", "omit", "default"]
ON_MISSING = ("error", "omit", "null", "default")
ON_NULL = ("keep", "error", "omit", "default")
EXPRESSION_KEYS = frozenset({"expr", "default", "on_missing", "on_null"})
EACH_KEYS = frozenset({"each", "as", "where", "sort", "fields", "item"})
CHOOSE_KEYS = frozenset({"choose", "otherwise"})
CASE_KEYS = frozenset({"when", "then"})
SORT_KEYS = frozenset({"by", "descending"})
DEFAULT_ELEMENT = "item"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One expression; ``on_missing`` and ``on_null`` say what an absent and a null value mean."""

    expr: str
    on_missing: OnMissing = "error"
    on_null: OnNull = "keep"
    default: Any = None

    @property
    def plain(self) -> bool:
        return self.on_missing == "error" and self.on_null == "keep"


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any


@dataclass(frozen=True, slots=True)
class Group:
    fields: Mapping[str, "Node"]


@dataclass(frozen=True, slots=True)
class SortKey:
    by: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Each:
    items: str
    as_name: str
    where: str | None
    sort: tuple[SortKey, ...]
    body: "Node"


@dataclass(frozen=True, slots=True)
class Case:
    when: str
    then: "Node"


@dataclass(frozen=True, slots=True)
class Choose:
    """The first case whose condition holds; without ``otherwise`` the field is left out where none does."""

    cases: tuple[Case, ...]
    otherwise: "Node | None"


@dataclass(frozen=True, slots=True)
class Text:
    """A text with expressions in it: literal pieces, and expressions with their offset."""

    template: str
    pieces: tuple[str | tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole document by one program of another language."""

    text: str
    reads: tuple[str, ...]
    evaluate: Callable[[Any, Any, Budget], Any]


Node = Leaf | Constant | Group | Each | Choose | Text | Whole


def is_constant(tree: Mapping[str, Any]) -> bool:
    return set(tree) == {"value"}


def is_each(tree: Mapping[str, Any]) -> bool:
    return "each" in tree and set(tree) <= EACH_KEYS


def is_expression(tree: Mapping[str, Any]) -> bool:
    return "expr" in tree and set(tree) <= EXPRESSION_KEYS


def is_choose(tree: Mapping[str, Any]) -> bool:
    return isinstance(tree.get("choose"), list) and set(tree) <= CHOOSE_KEYS


def inner_fields(tree: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Where the fields of a nested object stand, and they; the object is of no other form."""
    if set(tree) == {"fields"} and isinstance(tree["fields"], dict):
        return "/fields", tree["fields"]
    return "", tree


def read_node(tree: Any) -> Node:
    """The node of a valid tree (see ``checking.tree_findings``)."""
    if isinstance(tree, str):
        return Leaf(tree)
    if is_constant(tree):
        return Constant(tree["value"])
    if is_expression(tree):
        return _leaf(tree)
    if is_each(tree):
        return _each(tree)
    if is_choose(tree):
        otherwise = read_node(tree["otherwise"]) if "otherwise" in tree else None
        return Choose(tuple(Case(one["when"], read_node(one["then"])) for one in tree["choose"]), otherwise)
    return _group(inner_fields(tree)[1])


def _group(fields: Mapping[str, Any]) -> Group:
    return Group({key: read_node(part) for key, part in fields.items()})


def _leaf(tree: Mapping[str, Any]) -> Leaf:
    on_missing = tree.get("on_missing", "default" if "default" in tree else "error")
    on_null = tree.get("on_null", "default" if on_missing == "default" else "keep")
    return Leaf(tree["expr"], on_missing, on_null, tree.get("default"))


def _each(tree: Mapping[str, Any]) -> Each:
    body = _group(tree["fields"]) if "fields" in tree else read_node(tree["item"])
    given = tree.get("sort", [])
    keys: list[dict[str, Any]] = [{"by": given}] if isinstance(given, str) else given
    sort = tuple(SortKey(one["by"], one.get("descending", False)) for one in keys)
    return Each(tree["each"], tree.get("as", DEFAULT_ELEMENT), tree.get("where"), sort, body)


def can_omit(node: Node) -> bool:
    """Whether a field may be left out of its target."""
    if isinstance(node, Leaf):
        return "omit" in (node.on_missing, node.on_null)
    if isinstance(node, Choose):
        return node.otherwise is None or any(map(can_omit, (node.otherwise, *(one.then for one in node.cases))))
    return False
