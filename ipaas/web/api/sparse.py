"""Sparse answers: ``?fields=id,status`` leaves only these members of what is read."""

from collections.abc import Iterable
from typing import Any, ClassVar, cast

from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

from ipaas.core.errors import IpaasError

PARAMETER = "fields"
MOST = 100


class UnknownField(IpaasError):
    """The answer has no field {field}; it has: {known}."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "fields.unknown"
    title: ClassVar[str] = "Unknown field"
    remedy: ClassVar[str] = "Name fields of the answer in fields, separated by commas, or leave fields out."


def only(data: Any, text: str) -> Any:
    """An answer with the named members alone: those of each item of a list, else its own.

    What stands beside the items of a list (the cursor) stays. Raises ``UnknownField``, also for an empty list.
    """
    names = [name.strip() for name in text.split(",")]
    is_list = isinstance(data, dict) and isinstance(data.get("items"), list)
    known = _members_of_items(data) if is_list else _members(data)
    for name in names[: MOST + 1]:
        if name not in known or len(names) > MOST:
            raise UnknownField(field=repr(name[:80]), known=", ".join(known))
    if is_list:
        return {**data, "items": [_pick(item, names) for item in data["items"]]}
    return _pick(data, names)


def _pick(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _members(data: Any) -> list[str]:
    return list(data) if isinstance(data, dict) else []


def _members_of_items(data: dict[str, Any]) -> list[str]:
    items: Any = data["items"]
    if isinstance(items, ReturnList):
        return list(cast("Any", items.serializer).child.fields)
    if isinstance(data, ReturnDict):
        return list(cast("Any", data.serializer).fields["items"].child.fields)
    return _members(items[0]) if items else []
