"""What is wrong with the tree under ``fields``: first its form, then its expressions."""

from collections.abc import Callable, Iterator
from typing import Any

from ipaas.core.document_forms import Finding, pointer
from ipaas.core.phrases import said
from ipaas.expressions import Library
from ipaas.mapping.nodes import (
    CASE_KEYS,
    DEFAULT_ELEMENT,
    ON_MISSING,
    ON_NULL,
    SORT_KEYS,
    inner_fields,
    is_choose,
    is_constant,
    is_each,
    is_expression,
)
from ipaas.mapping.references import Names, expression_findings

MAX_DEPTH = 30
MAX_CASES = 100
MAX_SORT_KEYS = 10

Findings = Iterator[Finding]
Found = tuple[Finding | None, set[tuple[str, ...]]]


def tree_findings(tree: Any, path: str, depth: int = 0) -> Findings:
    """What is malformed in a tree, expressions not yet looked at."""
    if isinstance(tree, str):
        return
    if depth > MAX_DEPTH:
        yield Finding(path, "mapping.depth", said("a target has at most {count} levels", count=MAX_DEPTH))
    elif not isinstance(tree, dict):
        words = said("write an expression as text, {{value: …}} for a constant, or an object of fields")
        yield Finding(path, "mapping.leaf", words)
    elif not tree:
        words = said("an object without fields makes nothing; write {{value: {{}}}} if that is meant")
        yield Finding(path, "mapping.empty", words)
    elif not is_constant(tree):
        yield from _form(tree)(tree, path, depth)


def _form(tree: dict[str, Any]) -> Callable[[dict[str, Any], str, int], Findings]:
    if is_expression(tree):
        return _expression_form
    if is_each(tree):
        return _each_form
    return _choose_form if is_choose(tree) else _group_form


def _group_form(tree: dict[str, Any], path: str, depth: int) -> Findings:
    where, fields = inner_fields(tree)
    for key, part in fields.items():
        yield from tree_findings(part, path + where + pointer(key), depth + 1)


def _text(tree: dict[str, Any], key: str, path: str) -> Findings:
    if key in tree and not isinstance(tree[key], str):
        yield Finding(f"{path}/{key}", "mapping.expression", said("an expression is a text"))


def _expression_form(tree: dict[str, Any], path: str, _depth: int) -> Findings:
    yield from _text(tree, "expr", path)
    for key, words in (("on_missing", ON_MISSING), ("on_null", ON_NULL)):
        if key not in tree:
            continue
        if tree[key] not in words:
            yield Finding(f"{path}/{key}", f"mapping.{key}", said("must be one of {words}", words=", ".join(words)))
        elif tree[key] == "default" and "default" not in tree:
            yield Finding(path, "mapping.default", said("{key}: default needs a default", key=key))


def _each_form(tree: dict[str, Any], path: str, depth: int) -> Findings:
    for key in ("each", "where"):
        yield from _text(tree, key, path)
    yield from _sort_form(tree.get("sort", ""), path + "/sort")
    name = tree.get("as", DEFAULT_ELEMENT)
    if not isinstance(name, str) or not (name.isascii() and name.isidentifier() and name == name.lower()):
        yield Finding(path + "/as", "mapping.name", said("a name is small letters, digits and underscores"))
    if ("fields" in tree) == ("item" in tree):
        yield Finding(path, "mapping.each", said("a list needs either fields (objects) or item (anything else)"))
    elif "item" in tree:
        yield from tree_findings(tree["item"], path + "/item", depth + 1)
    elif not isinstance(tree["fields"], dict) or not tree["fields"]:
        yield Finding(path + "/fields", "mapping.fields", said("fields is an object with one field at least"))
    else:
        for key, part in tree["fields"].items():
            yield from tree_findings(part, path + "/fields" + pointer(key), depth + 1)


def _sort_form(sort: Any, path: str) -> Findings:
    if isinstance(sort, str):
        return
    if not isinstance(sort, list) or not 1 <= len(sort) <= MAX_SORT_KEYS:
        words = said("sort is an expression, or a list of up to {count} of {{by, descending?}}", count=MAX_SORT_KEYS)
        yield Finding(path, "mapping.sort", words)
        return
    for number, key in enumerate(sort):
        if not isinstance(key, dict) or "by" not in key or not set(key) <= SORT_KEYS:
            yield Finding(f"{path}/{number}", "mapping.sort", said("write {{by: expression, descending: true}}"))
            continue
        yield from _text(key, "by", f"{path}/{number}")
        if not isinstance(key.get("descending", False), bool):
            yield Finding(f"{path}/{number}/descending", "mapping.sort", said("must be true or false"))


def _choose_form(tree: dict[str, Any], path: str, depth: int) -> Findings:
    if not 1 <= len(tree["choose"]) <= MAX_CASES:
        yield Finding(path + "/choose", "mapping.choose", said("choose has 1 to {count} cases", count=MAX_CASES))
    for number, case in enumerate(tree["choose"]):
        place = f"{path}/choose/{number}"
        if not isinstance(case, dict) or set(case) != CASE_KEYS:
            yield Finding(place, "mapping.choose", said("a case is {{when: expression, then: field}}"))
            continue
        yield from _text(case, "when", place)
        yield from tree_findings(case["then"], place + "/then", depth + 1)
    if "otherwise" in tree:
        yield from tree_findings(tree["otherwise"], path + "/otherwise", depth + 1)


class Checker:
    """Problems of the expressions below well-formed fields, and with each expression the paths it reads."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def fields(self, fields: dict[str, Any], path: str, names: Names) -> Iterator[Found]:
        for key, tree in fields.items():
            yield from self.tree(tree, path + pointer(key), names)

    def tree(self, tree: Any, path: str, names: Names) -> Iterator[Found]:
        if isinstance(tree, str):
            yield from self.expression(tree, path, names)
        elif is_constant(tree):
            return
        elif is_expression(tree):
            yield from self.expression(tree["expr"], path + "/expr", names)
        elif is_each(tree):
            yield from self._each(tree, path, names)
        elif is_choose(tree):
            for number, case in enumerate(tree["choose"]):
                place = f"{path}/choose/{number}"
                yield from self.expression(case["when"], place + "/when", names)
                yield from self.tree(case["then"], place + "/then", names)
            if "otherwise" in tree:
                yield from self.tree(tree["otherwise"], path + "/otherwise", names)
        else:
            where, fields = inner_fields(tree)
            yield from self.fields(fields, path + where, names)

    def expression(self, text: str, path: str, names: Names) -> Iterator[Found]:
        found, paths = expression_findings(text, path, names, self.library)
        yield None, paths
        for finding in found:
            yield finding, set()

    def _each(self, tree: dict[str, Any], path: str, names: Names) -> Iterator[Found]:
        yield from self.expression(tree["each"], path + "/each", names)
        inner = names | {tree.get("as", DEFAULT_ELEMENT), "loop"}
        if "where" in tree:
            yield from self.expression(tree["where"], path + "/where", inner)
        sort = tree.get("sort", [])
        if isinstance(sort, str):
            yield from self.expression(sort, path + "/sort", inner)
        else:
            for number, key in enumerate(sort):
                yield from self.expression(key["by"], f"{path}/sort/{number}/by", inner)
        if "fields" in tree:
            yield from self.fields(tree["fields"], path + "/fields", inner)
        else:
            yield from self.tree(tree["item"], path + "/item", inner)
