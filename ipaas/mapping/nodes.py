"""The parts of a mapping: how the tree under ``fields`` is read.

Under a key stands one of: a text (a bare expression), ``{value: constant}``, ``{expr, default?, on_missing?}``,
``{each, as?, where?, fields | item}`` for a list, ``{fields: {…}}`` or any other object for a nested target object. The
explicit ``{fields: …}`` is for targets whose only key is ``value``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ipaas.core.document_forms import Finding, pointer
from ipaas.core.phrases import said

OnMissing = Literal["error", "omit", "null", "default"]
ON_MISSING = ("error", "omit", "null", "default")
EXPRESSION_KEYS = frozenset({"expr", "default", "on_missing"})
EACH_KEYS = frozenset({"each", "as", "where", "fields", "item"})
DEFAULT_ELEMENT = "item"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One expression; ``on_missing`` says what an absent input means, ``default`` stands in for absent and null."""

    expr: str
    on_missing: OnMissing = "error"
    default: Any = None

    @property
    def plain(self) -> bool:
        return self.on_missing == "error"


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any


@dataclass(frozen=True, slots=True)
class Group:
    fields: Mapping[str, "Node"]


@dataclass(frozen=True, slots=True)
class Each:
    items: str
    as_name: str
    where: str | None
    body: "Node"


Node = Leaf | Constant | Group | Each


def is_each(tree: Mapping[str, Any]) -> bool:
    return "each" in tree and set(tree) <= EACH_KEYS


def is_expression(tree: Mapping[str, Any]) -> bool:
    return "expr" in tree and set(tree) <= EXPRESSION_KEYS


def read_node(tree: Any) -> Node:
    """The node of a valid tree (see ``tree_findings``)."""
    if isinstance(tree, str):
        return Leaf(tree)
    if set(tree) == {"value"}:
        return Constant(tree["value"])
    if is_expression(tree):
        return Leaf(
            tree["expr"], tree.get("on_missing", "default" if "default" in tree else "error"), tree.get("default")
        )
    if is_each(tree):
        body = Group({key: read_node(part) for key, part in tree["fields"].items()}) if "fields" in tree else None
        return Each(tree["each"], tree.get("as", DEFAULT_ELEMENT), tree.get("where"), body or read_node(tree["item"]))
    inner = tree["fields"] if set(tree) == {"fields"} else tree
    return Group({key: read_node(part) for key, part in inner.items()})


def tree_findings(tree: Any, path: str) -> Iterator[Finding]:
    """What is malformed in a tree, expressions not yet looked at."""
    if isinstance(tree, str):
        return
    if not isinstance(tree, dict):
        yield Finding(
            path,
            "mapping.leaf",
            said("write an expression as text, {{value: …}} for a constant, or an object of fields"),
        )
    elif not tree:
        yield Finding(
            path,
            "mapping.empty",
            said("an object without fields makes nothing; write {{value: {{}}}} if that is meant"),
        )
    elif set(tree) == {"value"}:
        return
    elif is_expression(tree):
        yield from _expression_findings(tree, path)
    elif is_each(tree):
        yield from _each_findings(tree, path)
    else:
        yield from _group_findings(tree, path)


def _group_findings(tree: dict[str, Any], path: str) -> Iterator[Finding]:
    if set(tree) == {"fields"} and isinstance(tree["fields"], dict):
        path, tree = path + "/fields", tree["fields"]
    for key, part in tree.items():
        yield from tree_findings(part, path + pointer(key))


def _expression_findings(tree: dict[str, Any], path: str) -> Iterator[Finding]:
    if not isinstance(tree["expr"], str):
        yield Finding(path + "/expr", "mapping.expression", said("an expression is a text"))
    if "on_missing" in tree and tree["on_missing"] not in ON_MISSING:
        yield Finding(
            path + "/on_missing", "mapping.on_missing", said("must be one of {words}", words=", ".join(ON_MISSING))
        )
    if tree.get("on_missing", "default") == "default" and "on_missing" in tree and "default" not in tree:
        yield Finding(path, "mapping.default", said("on_missing: default needs a default"))


def _each_findings(tree: dict[str, Any], path: str) -> Iterator[Finding]:
    for key in ("each", "where"):
        if key in tree and not isinstance(tree[key], str):
            yield Finding(f"{path}/{key}", "mapping.expression", said("an expression is a text"))
    name = tree.get("as", DEFAULT_ELEMENT)
    if not isinstance(name, str) or not (name.isascii() and name.isidentifier() and name == name.lower()):
        yield Finding(path + "/as", "mapping.name", said("a name is small letters, digits and underscores"))
    if ("fields" in tree) == ("item" in tree):
        yield Finding(path, "mapping.each", said("a list needs either fields (objects) or item (anything else)"))
    elif "fields" in tree and not isinstance(tree["fields"], dict):
        yield Finding(path + "/fields", "mapping.fields", said("fields is an object"))
    else:
        yield from tree_findings(
            tree.get("fields", tree.get("item")), path + ("/fields" if "fields" in tree else "/item")
        )
