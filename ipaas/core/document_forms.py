"""Reading the document form of a definition: text to content, findings with a place, hashes, differences."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

import jsonschema_rs
import yaml

from ipaas.core import jsonio, yamlio
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.core.phrases import said

MAX_DEPTH = 48
MAX_BYTES = 1_000_000
MAX_INT = 2**63
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to say about a place in a document; ``path`` is a JSON pointer (RFC 6901), "" the whole."""

    path: str
    code: str
    message: str
    severity: Severity = "error"
    line: int | None = None
    column: int | None = None

    def as_error(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "path": self.path,
            "code": self.code,
            "message": self.message,
            "severity": self.severity,
        }
        place = {"line": self.line, "column": self.column}
        return found | {name: number for name, number in place.items() if number is not None}


def pointer(*parts: str | int) -> str:
    """A JSON pointer from its parts."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == "error"]


def refuse(findings: Iterable[Finding]) -> None:
    """Raise ``InvalidInput`` with every finding when one of them is an error."""
    found = list(findings)
    errors = errors_of(found)
    if errors:
        raise InvalidInput([finding.as_error() for finding in (*errors, *(f for f in found if f not in errors))])


@dataclass(frozen=True, slots=True)
class Source:
    """A document as it was handed in; ``text`` names lines and columns, and is what people get back."""

    content: dict[str, Any]
    text: str | None = None

    def locate(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings with the place of each in the text, the nearest known ancestor's where a key is absent."""
        found = list(findings)
        if self.text is None or not found:
            return found
        try:
            root = yaml.compose(self.text, Loader=_Loader)
        except yaml.YAMLError:  # what the strict readers took and this one does not: findings go without places
            return found
        return [finding if root is None else _placed(finding, root) for finding in found]


def read_document(*, text: str | bytes | None = None, content: Any = None) -> Source:
    """A document from YAML or JSON text, or from content already parsed; exactly one is given.

    Raises ``InvalidInput``, never anything else, whatever is handed in.
    """
    if (text is None) == (content is None):
        raise InvalidInput(
            [{"path": "", "code": "document.missing", "message": said("give either a text or a content")}]
        )
    decoded = None
    if text is not None:
        content, decoded = _parse(text)
    normal = normalise(content)
    if not isinstance(normal, dict):
        raise InvalidInput(
            [{"path": "", "code": "document.object", "message": said("a document is an object with keys")}]
        )
    return Source(normal, decoded)


def _parse(text: str | bytes) -> tuple[Any, str]:
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        decoded.encode("utf-8")
    except UnicodeError:
        raise InvalidInput(
            [{"path": "", "code": "document.encoding", "message": said("the text is not UTF-8")}]
        ) from None
    if len(decoded) > MAX_BYTES:
        raise InvalidInput(
            [{"path": "", "code": "document.size", "message": said("longer than {most} characters", most=MAX_BYTES)}]
        )
    try:
        if decoded.lstrip()[:1] in ("{", "["):
            return jsonio.loads(decoded), decoded
        return yamlio.load(decoded), decoded
    except InvalidInput:
        raise
    except IpaasError as error:
        raise InvalidInput([unreadable(error, decoded)]) from error


def unreadable(error: IpaasError, text: str) -> dict[str, Any]:
    """Why a text is not JSON or YAML, as one entry of ``InvalidInput``, with the line and column where it stops."""
    offset = getattr(error, "offset", None)
    place = {key: error.params[key] for key in ("line", "column") if error.params.get(key)}
    if offset is not None:
        place = {"line": text.count("\n", 0, offset) + 1, "column": offset - text.rfind("\n", 0, offset)}
    return {"path": "", "code": error.code, "message": error.detail, "severity": "error", **place}


def normalise(value: Any) -> Any:
    """A copy in plain JSON types that PostgreSQL stores exactly; what it could not raises ``InvalidInput``.

    Decimals become integers or floats where that keeps their value; other precise numbers must be written as text.
    """
    return _normal(value, (), MAX_DEPTH)


def _normal(value: Any, path: tuple[str | int, ...], depth: int) -> Any:
    if depth == 0:
        raise _bad(path[:8], "document.depth", said("nested deeper than {most} levels", most=MAX_DEPTH))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _normal_text(value, path)
    if isinstance(value, int | float | Decimal):
        return _normal_number(value, path)
    if isinstance(value, list | tuple):
        return [_normal(item, (*path, index), depth - 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {_normal_key(key, path): _normal(item, (*path, key), depth - 1) for key, item in value.items()}
    raise _bad(
        path, "document.type", said("a {name} has no place in a document; write it as text", name=type(value).__name__)
    )


def _normal_key(key: Any, path: tuple[str | int, ...]) -> str:
    if not isinstance(key, str):
        raise _bad(
            path,
            "document.key",
            said("a key is a {name}, it must be a text; put it in quotes", name=type(key).__name__),
        )
    return _normal_text(key, path)


def _normal_text(value: str, path: tuple[str | int, ...]) -> str:
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise _bad(path, "document.text", said("the text holds a character that can not be stored"))
    return str(value)


def _normal_number(value: float | Decimal, path: tuple[str | int, ...]) -> int | float:
    exact = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite() or exact.adjusted() > 300:
        raise _bad(path, "document.number", said("the number is too large or not finite"))
    if isinstance(value, int) or exact == exact.to_integral_value():
        if abs(exact) >= MAX_INT:
            raise _bad(path, "document.number", said("the whole number has more than 63 bits; write it as text"))
        return int(exact)
    near = float(exact)
    if Decimal(repr(near)) != exact:
        raise _bad(path, "document.number", said("the number is too precise; write it as text"))
    return near


def exact(value: Any) -> Any:
    """A content with its floats as the decimals that were written, for computing with."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return value


def _bad(path: tuple[str | int, ...], code: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": pointer(*path), "code": code, "message": message, "severity": "error"}])


def content_sha256(content: Any) -> str:
    """The hash of the canonical JSON of a content, in hex."""
    return jsonio.sha256_of(content).hex()


def _placed(finding: Finding, root: yaml.Node) -> Finding:
    node, mark = root, root.start_mark
    for raw in finding.path.split("/")[1:]:
        step = _child(node, raw.replace("~1", "/").replace("~0", "~"))
        if step is None:
            break
        node, mark = step
    return replace(finding, line=mark.line + 1, column=mark.column + 1)


def _child(node: yaml.Node, part: str) -> tuple[yaml.Node, yaml.Mark] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark
    elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item, item.start_mark
    return None


def schema_findings(validator: jsonschema_rs.Validator, content: Any, *, limit: int = 50) -> list[Finding]:
    """What a JSON Schema says about a document, worded for people, at most ``limit`` findings."""
    found: list[Finding] = []
    for error in validator.iter_errors(content):
        found.extend(_worded(error))
        if len(found) >= limit:
            break
    return found[:limit]


def _worded(error: jsonschema_rs.ValidationError) -> Iterator[Finding]:
    path, keyword, kind = pointer(*error.instance_path), error.kind.name, error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        for key in kind.unexpected:
            yield Finding(path + pointer(key), "document.unknown_key", said("there is no key {key!r} here", key=key))
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        yield Finding(path, "document.missing_key", said("the key {property} is missing", property=kind.property))
    else:
        yield Finding(path, f"document.{keyword}", _short(error.message))


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for a near miss, else what there is, else ""."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    if near:
        return said("; did you mean {name!r}?", name=near[0])
    return said("; there is {names}", names=", ".join(names[:8])) if names else ""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two contents."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None


def difference(before: Any, after: Any) -> list[Change]:
    """Differences by path, in document order; items of lists with an ``id`` are matched by it, others by place."""
    return list(_differences(before, after, ""))


def _differences(before: Any, after: Any, path: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _by_key(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _by_key(_keyed(before), _keyed(after), path)
    elif type(before) is not type(after) or before != after:
        yield Change(path, "changed", before, after)


def _by_key(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Change]:
    for key, old in before.items():
        place = path + pointer(key)
        if key in after:
            yield from _differences(old, after[key], place)
        else:
            yield Change(place, "removed", old)
    for key, new in after.items():
        if key not in before:
            yield Change(path + pointer(key), "added", None, new)


def _keyed(items: list[Any]) -> dict[str, Any]:
    ids = [item.get("id") if isinstance(item, dict) else None for item in items]
    if all(isinstance(name, str) for name in ids) and len(set(ids)) == len(ids):
        return dict(zip((str(name) for name in ids), items, strict=True))
    return {str(index): item for index, item in enumerate(items)}
