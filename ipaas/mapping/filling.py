"""How a field that a mapping does not make yet comes into its document, with the objects and lists around it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said
from ipaas.core.yaml_edit import Edit
from ipaas.mapping.nodes import DEFAULT_ELEMENT, is_choose, is_constant, is_each, is_expression
from ipaas.mapping.places import joined

ELEMENT = "[]"
Steps = Sequence[str]


def fill(
    fields: Any, target: Steps, form: Any, *, each: str = "", pointer: tuple[str | int, ...] = ("fields",)
) -> Edit:
    """The edit that makes ``target`` (keys; ``[]`` behind a list) with ``form``.

    ``each`` is the place of the elements that a new list around it goes through. Raises ``InvalidInput`` where
    something that stands in the document already makes the field as a whole.
    """
    node, place = (fields if isinstance(fields, Mapping) else {}), ""
    for number, step in enumerate(target):
        place = joined(place, step)
        rest = list(target[number + 1 :])
        if not rest or step not in node or _is_empty(node[step]):
            return Edit("set", (*pointer, step), _around(rest, form, each))
        inner, key = _inside(node[step], rest, place)
        pointer = (*pointer, step, *key)
        if rest[0] == ELEMENT:
            return fill(inner, rest[1:], form, each=each, pointer=pointer)
        node = inner
    raise _whole(place)


def _is_empty(tree: Any) -> bool:
    return tree == {} or tree is None


def _inside(tree: Any, rest: Steps, place: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    if not isinstance(tree, Mapping) or is_expression(tree) or is_constant(tree) or is_choose(tree):
        raise _whole(place)
    if is_each(tree):
        if rest[0] != ELEMENT or not isinstance(tree.get("fields"), Mapping):
            raise _whole(place)
        return tree["fields"], ("fields",)
    if rest[0] == ELEMENT:
        raise _whole(place)
    if set(tree) == {"fields"} and isinstance(tree["fields"], Mapping):
        return tree["fields"], ("fields",)
    return tree, ()


def _around(rest: Steps, form: Any, each: str) -> Any:
    for step in reversed(rest):
        form = {"each": each, "as": DEFAULT_ELEMENT, "fields": form} if step == ELEMENT else {step: form}
    return form


def _whole(place: str) -> InvalidInput:
    message = said("{field} is made as a whole already; change that first", field=place)
    return InvalidInput([{"path": "", "code": "mapping.fill", "message": message}])


def expression_of(place: str, names: Mapping[str, str]) -> str:
    """What an expression says to read a place, where ``names`` stand for elements of lists."""
    best = max(
        ((name, at) for name, at in names.items() if at and (place == at or place.startswith((f"{at}.", f"{at}[")))),
        key=lambda pair: len(pair[1]),
        default=("", ""),
    )
    text = f"{best[0]}{place[len(best[1]) :]}" if best[0] else place
    return spelled(text.replace(ELEMENT, "[0]"))


def spelled(text: str) -> str:
    """A dotted path with the keys that are no names in brackets."""
    root, *keys = text.split(".")
    return root + "".join(f".{key}" if _is_name(key) else f'["{key}"]' for key in keys)


def _is_name(key: str) -> bool:
    word = key.partition("[")[0]
    return word.isascii() and word.isidentifier()
