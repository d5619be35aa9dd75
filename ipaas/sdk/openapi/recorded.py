"""Requests that somebody made, as an OpenAPI document without what is secret in them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ipaas.core import jsonio
from ipaas.core.sensitive_names import is_sensitive_key
from ipaas.sdk.openapi.findings import Findings
from ipaas.sdk.openapi.naming import identifier, is_json
from ipaas.sdk.openapi.reading import ORIGIN

HIDDEN = "hidden"
AGAIN = "#operation-"
"""Ends a path that has several operations of one method; what follows # is never sent."""
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
NOWHERE = "address.invalid"
"""Stands for a host that only a variable names; the address is then given on the connection."""
_JWT_OR_KEY = re.compile(
    r"eyJ[\w-]{8,}\.|(?:sk|pk|rk)_(?:live|test)_|gh[pousr]_\w{16}|xox[abprs]-|AKIA[A-Z0-9]{12}|AIza\w{20}"
)
_RANDOM = re.compile(r"(?=[^a-z]*[a-z])(?=\D*\d)[A-Za-z0-9_\-+/=:.~]{24,}")
_ID = re.compile(
    r"\d{2,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16,}|[a-z]{2,6}_[A-Za-z0-9]{8,}"
)
_VARIABLE = re.compile(r"\$\{(\w+)\}|\{{1,2}\s*([\w.-]+)\s*\}{1,2}|\$([A-Z_][A-Z0-9_]*)|<([\w. -]+)>")
"""How documentations write a value that the reader puts in: ``$ID``, ``${id}``, ``{id}``, ``<id>``."""
_CAPITALS = re.compile(r"([A-Z]+(?:_[A-Z0-9]+)+)")
_ONE = r"(?:\$\{?\w+\}?|\{+[\w.$ -]+\}+|<[\w. -]+>)"
_ONLY_VARIABLES = re.compile(rf"^(?:(?:https?|{_ONE})://)?{_ONE}+(?::(?:\d+|{_ONE}))?(?=[/?#]|$)")
_OTHER_SCHEME = re.compile(r"(?!https?:)[a-zA-Z][a-zA-Z0-9+.-]*:(?!\d)")
_OURS = frozenset(
    {"host", "content-length", "content-type", "connection", "accept-encoding", "user-agent", "accept", "cookie", "te",
     "origin", "referer", "pragma", "cache-control", "upgrade-insecure-requests", "dnt", "priority", "accept-language",
     "proxy-authorization", "expect"}
)  # fmt: skip
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:;\s*[\w.+-]+=[\w.+-]+)*")
MAX_DEPTH = 12
MAX_LIST = 20


@dataclass
class File:
    """A part of a form that is a file."""

    filename: str = ""
    content_type: str = ""


@dataclass
class Recorded:
    """``body`` is JSON, a text, the fields of a form, or None; ``form``: json, form, multipart, text or unknown."""

    method: str
    url: str
    name: str = ""
    group: str = ""
    doc: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    query: list[tuple[str, str]] = field(default_factory=list)
    form: str = ""
    content_type: str = ""
    body: Any = None
    basic: bool = False
    bearer: bool = False
    digest: bool = False
    auth: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)


class Recording:
    """Gathers requests into one document; equal ones (method and shape of the path) are one operation."""

    def __init__(self, notation: str, title: str) -> None:
        self.findings = Findings()
        self.title = title
        self._notation = notation
        self._paths: dict[str, dict[str, Any]] = {}
        self._servers: dict[str, None] = {}
        self._schemes: dict[str, dict[str, Any]] = {}
        self._here: dict[str, None] = {}
        self._choices: dict[tuple[str, ...], None] = {}

    def add(self, one: Recorded, place: str) -> bool:
        """False, and told, for what has no address."""
        self._here = {}
        parts = _address(one.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or one.method.upper() == "CONNECT":
            self.findings.dropped(place, "address", "the request has no address that can be called")
            return False
        host = _VARIABLE.sub(lambda found: f"{{{_named(found)}}}", parts.netloc.rpartition("@")[2])
        if "@" in parts.netloc:
            one.basic = True
        if host != NOWHERE:
            self._servers[f"{parts.scheme}://{host}"] = None
        path, parameters = self._path(parts.path or "/", place)
        method = one.method.lower()
        here = [item for known, item in self._paths.items() if known.partition(AGAIN)[0] == path]
        same = next((item[method] for item in here if method in item and not _is_another(one, item[method])), None)
        if same is not None:
            self._add_answers(same, one)
            return True
        if any(method in item for item in here):
            path = f"{path}{AGAIN}{len(here) + 1}"
        operations = self._paths.setdefault(path, {})
        named = [*parse_qsl(parts.query, keep_blank_values=True), *one.query]
        parameters += self._query(named, place) + self._headers(one.headers, place)
        self._credentials(one)
        self._choices |= {tuple(self._here): None} if self._here else {}
        operation: dict[str, Any] = {
            "operationId": one.name or f"{method} {path}",
            "summary": one.name or f"{one.method.upper()} {path}",
            "parameters": parameters,
            "responses": {},
        }
        if one.group:
            operation["tags"] = [one.group]
        if one.doc:
            operation["description"] = one.doc
        if one.form:
            operation["requestBody"] = self._body(one, place)
        self._add_answers(operation, one)
        operations[method] = operation
        return True

    def document(self) -> bytes:
        """The document as bytes; it holds no value that a credential could be."""
        schemes = {"securitySchemes": self._schemes} if self._schemes else {}
        told = [[one.path, one.code, one.message, one.level] for one in self.findings]
        return jsonio.dumps(
            {
                "openapi": "3.0.3",
                "info": {"title": self.title, "version": ""},
                "servers": [{"url": url} for url in self._servers],
                "paths": self._paths,
                "components": schemes,
                "security": [{name: [] for name in names} for names in self._choices],
                ORIGIN: {"notation": self._notation, "findings": told},
            }
        )

    # -- parts of a request --------------------------------------------------------------------------------------

    def _path(self, path: str, place: str) -> tuple[str, list[dict[str, Any]]]:
        """The path with what looks like an id, or like a secret, as parameters."""
        made: list[str] = []
        found: dict[str, dict[str, Any]] = {}
        for raw in path.split("/"):
            text = unquote(raw)
            given = re.fullmatch(r":([\w.-]+)(?:=(.*))?", text)
            if given is None and _VARIABLE.search(text):
                made.append(_VARIABLE.sub(lambda one: self._in_path(found, _named(one)), text))
                continue
            if given is None and _CAPITALS.fullmatch(text):
                made.append(self._in_path(found, text))
                found[made[-1][1:-1]]["example"] = text
                continue
            if given is None and not (_ID.fullmatch(text) or looks_secret(text)):
                made.append(raw.replace("{", "").replace("}", ""))
                continue
            before = next((one for one in reversed(made) if one and "{" not in one), "item")
            written = self._in_path(found, given[1] if given else f"{before.rstrip('s')}_id")
            example = (given[2] if given else text) or ""
            name = written[1:-1]
            if looks_secret(text):
                self.findings.note(place, "secret", f"a part of the path looks secret: it is the parameter {name}")
            elif example and not _VARIABLE.search(example):
                found[name]["example"] = example
            made.append(written)
        return "/".join(made) or "/", list(found.values())

    @staticmethod
    def _in_path(found: dict[str, dict[str, Any]], wanted: str) -> str:
        name = identifier(wanted, found)
        found[name] = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        return f"{{{name}}}"

    def _query(self, pairs: Iterable[tuple[str, str]], place: str) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, value in pairs:
            if is_sensitive_key(name) or _JWT_OR_KEY.match(value) or _asks_for_a_secret(value):
                self._scheme(name, {"type": "apiKey", "in": "query", "name": name})
            elif name in found:
                schema = found[name]["schema"]
                values = (
                    [*schema["default"], value] if schema.get("type") == "array" else [schema.get("default"), value]
                )
                found[name]["schema"] = {"type": "array", "items": {"type": "string"}, "default": values}
            else:
                found[name] = {"name": name, "in": "query", "schema": _known(value)}
        return list(found.values())

    def _headers(self, pairs: Iterable[tuple[str, str]], place: str) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, value in pairs:
            lowered = name.lower()
            if lowered == "cookie":
                self.findings.dropped(place, "cookie", "cookies are not taken over: log in by a way of its own")
            elif lowered in _OURS or lowered.startswith((":", "sec-")) or lowered == "authorization":
                continue
            elif is_sensitive_key(name) or looks_secret(value) or _asks_for_a_secret(value):
                self._scheme(name, {"type": "apiKey", "in": "header", "name": name})
            else:
                found[lowered] = {"name": name, "in": "header", "schema": _known(value)}
        return list(found.values())

    def _credentials(self, one: Recorded) -> None:
        """Ways to authenticate that the request shows; never what it showed."""
        told = next((value for name, value in one.headers if name.lower() == "authorization"), None)
        word = told.split(" ", 1)[0].lower() if told is not None else ""
        if one.digest or word == "digest":
            self._scheme("digest", {"type": "http", "scheme": "digest"})
        elif one.basic or word == "basic":
            self._scheme("basic", {"type": "http", "scheme": "basic"})
        elif one.bearer or word == "bearer":
            self._scheme("bearer", {"type": "http", "scheme": "bearer"})
        elif told is not None:
            self._scheme("authorization", {"type": "apiKey", "in": "header", "name": "Authorization"})
        for name, scheme in one.auth:
            self._scheme(name, scheme)

    def _scheme(self, name: str, scheme: dict[str, Any]) -> None:
        """A credential of the request that is read just now."""
        self._schemes.setdefault(name, scheme)
        self._here[name] = None

    def _body(self, one: Recorded, place: str) -> dict[str, Any]:
        kind = _kind_of(one)
        if one.form == "text" and is_json(kind):
            text = "the body says that it is JSON and is not; what it holds is left out"
            self.findings.dropped(place, "body", text)
        if one.form == "unknown" or (one.form == "text" and is_json(kind)):
            return {"required": True, "content": {kind: {"schema": {}}}}
        shown = without_secrets(one.body)
        if shown != one.body:
            self.findings.note(place, "secret", "values in the body that look secret are left out")
        return {"required": True, "content": {kind: {"schema": schema_of(shown), "example": _with_files(shown)}}}

    def _add_answers(self, operation: dict[str, Any], one: Recorded) -> None:
        wanted = next((value.strip() for name, value in one.headers if name.lower() == "accept"), "")
        kind = wanted if is_json(wanted) else "application/json"
        for status, body in one.answers:
            content = {} if body is None else {kind: _shown(body)}
            known = operation["responses"].get(str(status))
            if known is None or (content and "content" not in known):
                operation["responses"][str(status)] = {"description": "", **({"content": content} if content else {})}
        if _MEDIA_TYPE.fullmatch(wanted) and not operation["responses"]:
            operation["responses"]["200"] = {"description": "", "content": {wanted: {}}}


def _is_another(one: Recorded, known: Mapping[str, Any]) -> bool:
    """Whether a request to the same path is an operation of its own: by its name, or by what it asks of GraphQL."""
    if one.name:
        return one.name != str(known["summary"])
    content = known.get("requestBody", {}).get("content", {}).get("application/json", {})
    asked = one.body.get("query") if isinstance(one.body, Mapping) else None
    other = content.get("example", {}).get("query") if isinstance(content.get("example"), Mapping) else None
    return isinstance(asked, str) and isinstance(other, str) and asked != other


def signed_by_aws(service: str, region: str) -> dict[str, Any]:
    """The scheme as AWS' own descriptions have it."""
    scheme = {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"}
    return {**scheme, "x-aws-service": service, "x-aws-region": region}


def _address(url: str) -> SplitResult:
    """Where a variable holds the whole of scheme and host, the address is that of nowhere."""
    text = _ONLY_VARIABLES.sub(f"https://{NOWHERE}", url.strip())
    if _OTHER_SCHEME.match(text) and not text.startswith("localhost:"):
        return urlsplit("")
    try:
        return urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        return urlsplit("")


def _named(found: re.Match[str]) -> str:
    return next(one for one in found.groups() if one).strip().replace(" ", "_")


def _asks_for_a_secret(value: str) -> bool:
    """Whether the value is a place for one: ``$API_KEY``, ``<your token>``."""
    found = _VARIABLE.search(value) or _CAPITALS.fullmatch(value)
    return found is not None and is_sensitive_key(_named(found))


def _kind_of(one: Recorded) -> str:
    bare = one.content_type.split(";", 1)[0].strip()
    if one.form == "json" and not is_json(bare):
        return "application/json"
    usual = {"form": "application/x-www-form-urlencoded", "multipart": "multipart/form-data"}
    return usual.get(one.form) or bare or ("application/octet-stream" if one.form == "unknown" else "text/plain")


def with_value(fields: dict[str, Any], name: str, value: Any) -> None:
    """Add to the fields of a form; a name that comes again has a list of values."""
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]


def looks_secret(text: str) -> bool:
    """Keys and tokens of known makes, and long random texts."""
    return bool(_JWT_OR_KEY.match(text)) or bool(_RANDOM.fullmatch(text) and not _ID.fullmatch(text))


def without_secrets(value: Any, name: str = "", depth: int = 0) -> Any:
    """A copy in which members with sensitive names, and values that look secret, are hidden."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        return {key: without_secrets(one, str(key), depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [without_secrets(one, name, depth + 1) for one in value[:MAX_LIST]]
    if isinstance(value, str) and value and (is_sensitive_key(name) or looks_secret(value)):
        return HIDDEN
    return value


def schema_of(value: Any, depth: int = 0) -> dict[str, Any]:
    """What a value shows of its form; nothing in it is demanded."""
    if isinstance(value, File):
        return {"type": "string", "format": "binary"}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, Mapping):
        members = {str(name): schema_of(one, depth + 1) for name, one in value.items()} if depth < MAX_DEPTH else {}
        return {"type": "object", "properties": members}
    if isinstance(value, list):
        return {"type": "array", "items": _shared([schema_of(one, depth + 1) for one in value[:MAX_LIST]])}
    if isinstance(value, int):
        return {"type": "integer"}
    if value is None:
        return {}
    return {"type": "string"} if isinstance(value, str) else {"type": "number"}


def _shared(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """One schema for all elements of a list; anything where they differ."""
    if not schemas or any(one.get("type") != schemas[0].get("type") for one in schemas):
        return {}
    if schemas[0].get("type") != "object":
        return schemas[0] if all(one == schemas[0] for one in schemas) else {}
    names = dict.fromkeys(name for one in schemas for name in one["properties"])
    members = {
        name: _shared([one["properties"][name] for one in schemas if name in one["properties"]]) for name in names
    }
    return {"type": "object", "properties": members}


def body_of(text: str, content_type: str) -> tuple[str, Any]:
    """(form, value) of a body that is text."""
    bare = content_type.split(";", 1)[0].strip().lower()
    if "json" in bare or (not bare and text.lstrip()[:1] in ("{", "[")):
        try:
            return "json", jsonio.loads(text)
        except jsonio.JsonInvalid:
            return _with_variables(text)
    if bare == "application/x-www-form-urlencoded":
        fields: dict[str, Any] = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            with_value(fields, name, value)
        return "form", fields
    return "text", text


def _with_variables(text: str) -> tuple[str, Any]:
    """JSON that is whole without comments and with its variables, ``{"id": {{id}}}``, as Postman has both."""
    bare = _COMMENT.sub(lambda found: found[1] or "", text)
    try:
        return "json", jsonio.loads(re.sub(r'(?<!["\w])\{\{[^{}"]*\}\}(?!["\w])', "null", bare))
    except jsonio.JsonInvalid:
        return "text", text


def _known(value: str) -> dict[str, Any]:
    open_ = looks_secret(value) or "{{" in value or _VARIABLE.fullmatch(value)
    return {"type": "string"} if open_ else {"type": "string", "default": value}


def _shown(body: Any) -> dict[str, Any]:
    shown = without_secrets(body)
    return {"schema": schema_of(shown), "example": shown}


def _with_files(value: Any) -> Any:
    """Fields of a form with something in place of their files."""
    if isinstance(value, File):
        told = {"filename": value.filename, "content_type": value.content_type}
        return {key: one for key, one in told.items() if one and not looks_secret(one)} | {"base64": "ZXhhbXBsZQ=="}
    if isinstance(value, list):
        return [_with_files(one) for one in value]
    return {key: _with_files(one) for key, one in value.items()} if isinstance(value, Mapping) else value
