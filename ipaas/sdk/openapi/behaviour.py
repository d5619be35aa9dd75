"""How the stand-in of an imported connector behaves, told by the shape of its paths.

``/parcels`` beside ``/parcels/{id}`` is a collection: what is created in it can be read, listed, changed and deleted.
Everything else answers with an example, in which what was sent is found again.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}")
_PLACE = "{}"
_BY_ITEM = {"GET": "read", "PUT": "put", "PATCH": "update", "POST": "update", "DELETE": "delete"}
_ASKING = frozenset({"GET", "HEAD", "OPTIONS"})
_USUAL_STATUS = 200
Shape = tuple[str, ...]
NONE: Mapping[str, Any] = MappingProxyType({})


def stub_section(
    actions: Mapping[str, Mapping[str, Any]],
    definitions: Mapping[str, Any],
    statuses: Mapping[str, int] = NONE,
    replies: Mapping[str, Any] = NONE,
) -> dict[str, Any]:
    """The manifest's ``stub`` of what was imported.

    ``statuses``: the good status of an action where it is not 200; ``replies``: the vendor's own form of ``invalid``,
    ``missing``, ``unauthorized``, ``key_conflict`` and ``rejection``.
    """
    reader = _Shapes(actions, definitions)
    operations: dict[str, Any] = {}
    for name in actions:
        do, collection = reader.deed(name)
        told: dict[str, Any] = {"do": do}
        if collection is not None:
            told["entity"] = reader.entity(collection)
        status = statuses.get(name, _USUAL_STATUS)
        if status != _USUAL_STATUS:
            told["reply"] = {"status": status}
        operations[name] = told
    return {"described": True, "operations": operations, **replies}


def shape_of(path: str) -> Shape:
    """The segments of a manifest's path, those with a value in them as ``{}``."""
    bare = _PLACEHOLDER.sub(_PLACE, path)
    return tuple(_PLACE if _PLACE in part else part for part in bare.split("/") if part)


class _Shapes:
    def __init__(self, actions: Mapping[str, Mapping[str, Any]], definitions: Mapping[str, Any]) -> None:
        self._actions, self._definitions = actions, definitions
        self._shapes = {name: shape_of(str(action.get("path", "/"))) for name, action in actions.items()}
        self._called = {(str(action.get("method")), self._shapes[name]): name for name, action in actions.items()}
        self._items = {shape[:-1] for shape in self._shapes.values() if shape[-1:] == (_PLACE,)}
        self._names: dict[Shape, str] = {}

    def deed(self, name: str) -> tuple[str, Shape | None]:
        """What an action does, and to which collection."""
        method, shape = str(self._actions[name].get("method")), self._shapes[name]
        safe = method in _ASKING or self._actions[name].get("effect") == "safe"
        other = "answer" if safe else "record"
        if not shape or isinstance(self._actions[name].get("body"), Mapping):  # a fixed body: the path says nothing
            return other, None
        if shape[-1] == _PLACE:
            collection = shape[:-1]
            known = bool(collection) and collection[-1] != _PLACE and method in _BY_ITEM
            return (_BY_ITEM[method], collection) if known else (other, None)
        listed = self._called.get(("GET", shape))
        listing = listed is not None and self._lists(listed)
        if method == "GET" and listing and (shape in self._items or ("POST", shape) in self._called):
            return "list", shape
        if method == "POST" and (shape in self._items or listing):
            return "create", shape
        if method != "GET" and len(shape) > 2 and shape[-2] == _PLACE and self._same_answer(name, shape[:-1]):
            return "update", shape[:-2]
        return other, None

    def entity(self, collection: Shape) -> str:
        """A name of its own for a collection: its last word, with those before where that is taken."""
        known = self._names.get(collection)
        if known is not None:
            return known
        words = [part for part in collection if part != _PLACE]
        made = ""
        for count in range(1, len(words) + 1):
            made = _slug("-".join(words[-count:]))
            if made not in self._names.values():
                break
        number, found = 2, made
        while found in self._names.values():
            found, number = f"{made[:55]}-{number}", number + 1
        self._names[collection] = found
        return found

    def _lists(self, name: str) -> bool:
        return list_in(self._actions[name].get("response", {}).get("schema"), self._definitions) is not None

    def _same_answer(self, name: str, item: Shape) -> bool:
        """Whether a deed on an item (``/charges/{id}/void``) answers with that item."""
        read = self._called.get(("GET", item))
        if read is None:
            return False
        one, other = (self._actions[each].get("response", {}).get("schema") for each in (name, read))
        return isinstance(one, Mapping) and isinstance(other, Mapping) and bool(one) and one == other


def opened(schema: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema with the reference at its top followed."""
    for _ in range(8):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str):
            break
        schema = definitions.get(reference.removeprefix("#/definitions/"))
    return schema if isinstance(schema, Mapping) else {}


def list_in(schema: Any, definitions: Mapping[str, Any]) -> str | None:
    """Where the list of a page stands: "" for the answer itself, else the one member that is a list; None: no list."""
    whole = opened(schema, definitions)
    if whole.get("type") == "array":
        return ""
    members = whole.get("properties")
    lists = [
        name
        for name, one in (members.items() if isinstance(members, Mapping) else ())
        if opened(one, definitions).get("type") == "array"
    ]
    return lists[0] if len(lists) == 1 else None


def _slug(text: str) -> str:
    made = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:58].strip("-") or "things"
    return made if made[0].isalpha() else f"n{made}"
