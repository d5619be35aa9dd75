"""Request bodies that are not JSON, read back: forms with brackets in their names, multipart with files."""

import re
from base64 import b64encode
from collections.abc import Iterable
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

_PART = re.compile(r"\[([^\[\]]*)\]")
MAX_LEVELS = 20
MAX_FIELDS = 2_000


def form_tree(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """``a[b]=1&c=2&c=3`` as objects and lists, each value a text; numbered members (``a[0]``) become lists."""
    tree: dict[str, Any] = {}
    for number, (name, value) in enumerate(pairs):
        if number == MAX_FIELDS:
            break
        head, _, rest = name.partition("[")
        steps = [head, *_PART.findall(f"[{rest}")][:MAX_LEVELS] if rest else [head]
        place = tree
        for step in steps[:-1]:
            below = place.setdefault(step, {})
            if not isinstance(below, dict):
                break
            place = below
        else:
            _put(place, steps[-1], value)
    return {name: _lists(one) for name, one in tree.items()}


def read_form(body: bytes) -> dict[str, Any]:
    """The fields of an ``application/x-www-form-urlencoded`` body."""
    return form_tree(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def read_multipart(content_type: str, body: bytes) -> dict[str, Any] | None:
    """The fields of a ``multipart/form-data`` body, files as objects with ``base64``; None where it is none."""
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        return None
    found: dict[str, Any] = {}
    for part in list(message.iter_parts())[:MAX_FIELDS]:
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            continue
        content = part.get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
        filename = part.get_filename()
        if filename is None:
            _put(found, name, data.decode("utf-8", "replace"))
        else:
            kind = part.get_content_type()
            _put(found, name, {"filename": filename, "content_type": kind, "base64": b64encode(data).decode()})
    return found


def without_files(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    """The fields with the size of each file in place of what is in it."""
    if fields is None:
        return None
    return {
        name: [_sized(one) for one in value] if isinstance(value, list) else _sized(value)
        for name, value in fields.items()
    }


def _sized(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {**{key: value[key] for key in ("filename", "content_type")}, "bytes": len(value["base64"]) * 3 // 4}


def _put(place: dict[str, Any], name: str, value: Any) -> None:
    if name not in place:
        place[name] = value
    elif isinstance(place[name], list):
        place[name].append(value)
    else:
        place[name] = [place[name], value]


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    below = {name: _lists(one) for name, one in value.items()}
    if below and all(name.isdecimal() and len(name) < 6 for name in below):
        return [below[name] for name in sorted(below, key=int)]
    return below
