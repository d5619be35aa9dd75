"""A mapping as the list of its target fields, in reading order: where each stands in the document and what it reads."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ipaas.expressions import ExpressionError, compile_expression
from ipaas.mapping.nodes import DEFAULT_ELEMENT, is_choose, is_each, is_expression
from ipaas.mapping.places import joined

Kind = Literal["expression", "constant", "list", "choose", "object", "item", "unmapped"]
MAX_ROWS = 3_000
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Row:
    """One field of a target.

    ``path`` is its place (``lines[].sku``), ``pointer`` where its form stands in the document, ``form`` that form
    without the fields inside of it, ``reads`` the places that its expressions name, ``names`` what stands for elements
    of lists around it, with the places of those.
    """

    path: str
    name: str
    depth: int
    kind: Kind
    pointer: tuple[str | int, ...]
    form: Any
    reads: tuple[str, ...]
    names: Mapping[str, str]


def outline(fields: Any, pointer: tuple[str | int, ...] = ("fields",)) -> list[Row]:
    """The rows of ``fields``, as far as they can be read: the rest of a half-written document does not hide them."""
    found: list[Row] = []
    for row in _rows(fields, "", 0, pointer, {}):
        found.append(row)
        if len(found) >= MAX_ROWS:
            break
    return found


Names = Mapping[str, str]


def _rows(fields: Any, path: str, depth: int, pointer: tuple[str | int, ...], names: Names) -> Iterator[Row]:
    if not isinstance(fields, Mapping):
        return
    for key, tree in fields.items():
        yield from _row(tree, joined(path, str(key)), str(key), depth, (*pointer, key), names)


def _row(tree: Any, path: str, name: str, depth: int, pointer: tuple[str | int, ...], names: Names) -> Iterator[Row]:
    def row(kind: Kind, form: Any, *expressions: Any) -> Row:
        return Row(path, name, depth, kind, pointer, form, _reads(expressions, names), names)

    if isinstance(tree, str):
        yield row("expression", tree, tree)
    elif not isinstance(tree, Mapping):
        yield row("constant", {"value": tree})
    elif set(tree) == {"value"}:
        yield row("constant", tree)
    elif is_expression(tree):
        yield row("expression", tree, tree["expr"])
    elif is_each(tree):
        yield from _each(tree, row, pointer, path, depth, names)
    elif is_choose(tree):
        yield row("choose", tree, *_texts(tree))
    else:
        inner, place = (tree["fields"], (*pointer, "fields")) if set(tree) == {"fields"} else (tree, pointer)
        yield row("object", {})
        yield from _rows(inner, path, depth + 1, place, names)


def _each(
    tree: Mapping[str, Any], row: Any, pointer: tuple[str | int, ...], path: str, depth: int, names: Names
) -> Iterator[Row]:
    element = str(tree.get("as", DEFAULT_ELEMENT))
    source = next(iter(_reads((tree["each"],), names)), "")
    inner = {**names, element: f"{source}[]" if source else ""}
    yield row("list", {key: part for key, part in tree.items() if key not in ("fields", "item")}, tree["each"])
    if "fields" in tree:
        yield from _rows(tree["fields"], f"{path}[]", depth + 1, (*pointer, "fields"), inner)
    elif "item" in tree:
        yield from _row(tree["item"], f"{path}[]", "[]", depth + 1, (*pointer, "item"), inner)


def _texts(tree: Any) -> Iterator[str]:
    """Every text of a choice; those that are no expressions read nothing that is known."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping) and set(tree) != {"value"}:
        for key, part in tree.items():
            yield from _texts(part) if key not in ("default", "on_missing", "on_null", "as") else ()
    elif isinstance(tree, list):
        for part in tree:
            yield from _texts(part)


def _reads(expressions: Any, names: Names) -> tuple[str, ...]:
    """The places that expressions name, the longest of each; elements of lists by the place of the list."""
    found: dict[str, None] = {}
    for text in expressions:
        try:
            every = compile_expression(text).paths if isinstance(text, str) else ()
        except ExpressionError:
            continue
        inner = {path[:end] for path in every for end in range(1, len(path))}
        for path in sorted(set(every) - inner):
            found.setdefault(_placed(path, names))
    return tuple(place for place in found if place)


def _placed(path: tuple[str, ...], names: Names) -> str:
    root, *rest = path
    place = names.get(root, root)
    for part in rest:
        place = joined(place, part)
    return place


def general(path: str) -> str:
    """A place without the numbers of elements: ``lines[0].sku`` → ``lines[].sku``."""
    return _INDEX.sub("[]", path)
