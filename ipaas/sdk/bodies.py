"""Bodies that are not JSON: forms with members inside members, multipart with files, plain bytes."""

import hashlib
from base64 import b64decode
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ipaas.core.errors import IpaasError
from ipaas.core.jsonio import dumps

_FILE = frozenset({"filename", "content_type", "base64"})


class RequestNotBuildable(IpaasError):
    """The request cannot be built: {reason}."""

    status = 422
    code = "request_not_buildable"
    title = "Request not buildable"
    remedy = "Correct the parameter; nothing was sent."


def scalar_text(value: Any) -> str | None:
    """A scalar as it stands in a path, query or header; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return format(value, "f") if isinstance(value, Decimal) else str(value) if isinstance(value, int | float) else None


def decoded(value: Any, where: str) -> bytes:
    """Bytes from a Base64 text."""
    try:
        return b64decode(value, validate=True)
    except (ValueError, TypeError) as error:
        raise RequestNotBuildable(reason=f"{where} is not Base64") from error


def form_pairs(value: Any) -> list[tuple[str, str]]:
    """Names and values of a form; what lies inside is named with brackets (``a[b]=1``), a list repeats its name.

    Objects in a list are numbered (``a[0][b]=1``); null is left out.
    """
    if not isinstance(value, Mapping):
        raise RequestNotBuildable(reason="a form takes an object")
    return [pair for name, one in value.items() for pair in _form(str(name), one)]


def _form(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _form(f"{name}[{key}]", one)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _form(f"{name}[{number}]" if isinstance(one, Mapping | list) else name, one)
    else:
        text = scalar_text(value)
        if text is None:
            raise RequestNotBuildable(reason=f"the form field {name} takes a text, number or boolean")
        yield name, text


def multipart(value: Any) -> tuple[str, bytes]:
    """Boundary and body of ``multipart/form-data`` (RFC 7578); the same value always gives the same bytes.

    A member that is an object with ``base64`` (and ``filename``, ``content_type``) is a file; other objects go as JSON.
    """
    if not isinstance(value, Mapping):
        raise RequestNotBuildable(reason="a multipart body takes an object")
    parts = [part for name, one in value.items() for part in _parts(str(name), one)]
    boundary = "part-" + hashlib.sha256(b"\0".join(head + content for head, content in parts)).hexdigest()[:40]
    lines = [_line(boundary, head, content) for head, content in parts]
    return boundary, b"".join([*lines, b"--%s--\r\n" % boundary.encode()])


def part_of(boundary: str, name: str, value: Any) -> bytes:
    """A further part, to stand before those of a body."""
    return b"".join(_line(boundary, head, content) for head, content in _parts(name, value))


def _line(boundary: str, head: bytes, content: bytes) -> bytes:
    return b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary.encode(), head, content)


def _parts(name: str, value: Any) -> Iterator[tuple[bytes, bytes]]:
    if value is None:
        return
    if isinstance(value, list):
        for one in value:
            yield from _parts(name, one)
    elif isinstance(value, Mapping) and "base64" in value and value.keys() <= _FILE:
        filename = _quoted(str(value.get("filename") or "file"))
        kind = str(value.get("content_type") or "application/octet-stream")
        if any(not 32 <= ord(char) < 127 for char in kind):
            raise RequestNotBuildable(reason=f"the content type of {name} holds a control character")
        head = f'Content-Disposition: form-data; name="{_quoted(name)}"; filename="{filename}"\r\nContent-Type: {kind}'
        yield head.encode(), decoded(value["base64"], name)
    elif isinstance(value, Mapping):
        head = f'Content-Disposition: form-data; name="{_quoted(name)}"\r\nContent-Type: application/json'
        yield head.encode(), dumps(value)
    else:
        text = scalar_text(value)
        if text is None:
            raise RequestNotBuildable(reason=f"the part {name} takes a text, number, boolean, object or file")
        yield f'Content-Disposition: form-data; name="{_quoted(name)}"'.encode(), text.encode()


def _quoted(text: str) -> str:
    """As browsers write it (HTML, "multipart form data")."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
