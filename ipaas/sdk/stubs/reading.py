"""What a request asks for, read back into the parameters of its action: the inverse of the request templates."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from ipaas.core.jsonio import JsonInvalid, loads
from ipaas.sdk.cookies import cookie_pairs
from ipaas.sdk.manifest import ActionSpec
from ipaas.sdk.openapi.behaviour import opened
from ipaas.sdk.schemas import Validator, compile_schema, findings
from ipaas.sdk.stubs.bodies import form_tree, read_form, read_multipart
from ipaas.sdk.stubs.http import StubRequest

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_PLAIN = re.compile(r"params\.(\w+)")
_JOINED = re.compile(r"join\(params\.(\w+), '(.)'\)(?: if .*)?")
_AS_JSON = re.compile(r"to_json\(params\.(\w+)\)(?: if .*)?")
_MEMBER = re.compile(r"get\(params\.(\w+), '([^']+)'\)")
_LISTED = re.compile(r"join\(map\(params\.(\w+), url_encode\(text\(item\)\)\), '([^']+)'\)")
_PAIRED = re.compile(r"join\(map\(entries\(params\.(\w+)\), .*? ~ '(.)' ~ .*?\), '(.)'\)(?: if .*)?")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
MAX_DEPTH = 20
_WAYS = (
    ("plain", _PLAIN),
    ("joined", _JOINED),
    ("joined", _LISTED),
    ("paired", _PAIRED),
    ("json", _AS_JSON),
    ("member", _MEMBER),
)


class Written:
    """How one place of a request is written: from which parameter, and in which way."""

    __slots__ = ("member", "name", "separator", "way")

    def __init__(self, template: Any) -> None:
        self.name, self.way, self.separator, self.member = "", "fixed", "", ""
        text = str(template).strip()
        bare = text[2:-2].strip() if text.startswith("{{") and text.endswith("}}") else ""
        for way, pattern in _WAYS:
            found = pattern.fullmatch(bare.removeprefix("+").strip())
            if found:
                self.name, self.way = found[1], way
                self.separator = found[2] if way == "joined" else found[3] if way == "paired" else ""
                self.member = found[2] if way in ("member", "paired") else ""
                return

    def put(self, params: dict[str, Any], texts: list[str]) -> None:
        """Add what stands at this place, as texts, to the parameters."""
        if self.way == "fixed":
            return
        if self.way == "json":
            params[self.name] = _json(texts[-1])
        elif self.way == "joined":
            params[self.name] = texts[-1].split(self.separator)
        elif self.way == "paired":
            params[self.name] = _pairs(texts[-1], self.member, self.separator)
        elif self.way == "member":
            whole = params.setdefault(self.name, {})
            if isinstance(whole, dict):
                whole[self.member] = texts if len(texts) > 1 else texts[0]
        else:
            params[self.name] = texts if len(texts) > 1 else texts[0]


class RequestReader:
    """Reads requests of one action and says what is wrong with them."""

    def __init__(self, spec: ActionSpec) -> None:
        self._spec = spec
        schema = spec.params_schema
        self._definitions: Mapping[str, Any] = schema.get("definitions", {})
        self._properties: Mapping[str, Any] = schema.get("properties", {})
        pieces = _PLACEHOLDER.split(spec.path)
        self.places = [Written(f"{{{{{piece}}}}}") for piece in pieces[1::2]]
        texts = [re.escape(piece) if number % 2 == 0 else "([^/]+)" for number, piece in enumerate(pieces)]
        self.pattern = re.compile("".join(texts))
        self.literal = sum(len(piece) for piece in pieces[::2])
        self._query = _written(spec.query)
        told = spec.query.items() if isinstance(spec.query, Mapping) else ()
        self._fixed = {str(name): str(one) for name, one in told if isinstance(one, str) and "{{" not in one}
        self._headers = {name.lower(): one for name, one in _written(spec.headers).items()}
        self._cookies = _written(spec.cookies)
        body = spec.body if isinstance(spec.body, Mapping) else {}
        self._asked = body.get("query")
        self._variables = _written(body.get("variables"))
        self._validator: Validator | None = None

    def path_values(self, path: str) -> list[str] | None:
        """What stands in the places of the path, decoded; None where the path is another."""
        match = self.pattern.fullmatch(path)
        return [unquote(value) for value in match.groups()] if match else None

    def meant(self, request: StubRequest) -> bool:
        """Of operations that share a path: whether what the query must hold, or GraphQL's body, is this one's."""
        if (
            self._fixed
            and not self._fixed.items() <= dict(parse_qsl(request.raw_query, keep_blank_values=True)).items()
        ):
            return False
        if self._asked is None:
            return True
        body = request.json()
        return isinstance(body, dict) and body.get("query") == self._asked

    def problem(self, request: StubRequest, path: str) -> str:
        """What is wrong with a request, in a sentence; empty when nothing is."""
        params, wrong = self.params(request, path)
        if wrong:
            return wrong
        if self._validator is None:
            self._validator = compile_schema(dict(self._spec.params_schema))
        return "; ".join(
            f"{found['path'] or 'the request'}: {found['message']}" for found in findings(self._validator, params)[:3]
        )

    def params(self, request: StubRequest, path: str) -> tuple[dict[str, Any], str]:
        """The parameters of a request, and what can not be read."""
        params: dict[str, Any] = {}
        for place, value in zip(self.places, self.path_values(path) or (), strict=False):
            place.put(params, [value])
        _put_all(params, self._query, parse_qsl(request.raw_query, keep_blank_values=True))
        _put_all(params, self._cookies, cookie_pairs(request.headers.get("cookie", "")))
        for name, place in self._headers.items():
            if name in request.headers:
                place.put(params, [request.headers[name]])
        params = {name: self.typed(one, self._properties.get(name, {})) for name, one in params.items()}
        if self._asked is not None:
            variables = request.json().get("variables")
            for name, value in variables.items() if isinstance(variables, dict) else ():
                if name in self._variables:
                    params[self._variables[name].name] = value
            return params, ""
        body, wrong = self._body(request) if self._spec.has_body and request.body else (None, "")
        if self._spec.has_body and request.body:
            params["body"] = body
        return params, wrong

    def _body(self, request: StubRequest) -> tuple[Any, str]:
        form, schema = self._spec.body_format, self._properties.get("body", {})
        kind = request.headers.get("content-type", "")
        if form == "json":
            try:
                value = loads(request.body)
            except JsonInvalid as error:
                return None, f"the body is not JSON: {error.detail}"
        elif form == "form":
            value = self.typed(read_form(request.body), schema)
        elif form == "multipart":
            fields = read_multipart(kind, request.body)
            if fields is None:
                return None, "the body is not multipart/form-data"
            value = self.typed(form_tree_of(fields), schema)
        elif form == "xml":
            value = request.json()
            if value is None:
                return None, "the body is not XML"
        elif form == "base64":
            return "ZXhhbXBsZQ==", ""
        else:
            value = request.body.decode("utf-8", "replace")
        field = self._spec.idempotency.field
        if field and isinstance(value, dict):
            value = {name: one for name, one in value.items() if name != field}
        return value, ""

    def members_given(self, body: Any) -> dict[str, Any]:
        """The members of a body as the ledger keeps it; those of a form, which are texts there, as what they mean."""
        if not isinstance(body, dict):
            return {}
        if self._spec.body_format == "json":
            return dict(body)
        found: dict[str, Any] = self.typed(form_tree_of(body), self._properties.get("body", {}))
        return found

    def typed(self, value: Any, schema: Any, depth: int = 0) -> Any:
        """Texts of a query or form as the numbers, booleans and lists that the schema speaks of."""
        whole = opened(schema, self._definitions)
        if depth > MAX_DEPTH:
            return value
        kinds = self._kinds(whole)
        if isinstance(value, dict) and not (value.keys() <= {"filename", "content_type", "base64"}):
            members = self._members(whole)
            return {name: self.typed(one, members.get(name, {}), depth + 1) for name, one in value.items()}
        if isinstance(value, list) or (kinds and kinds <= {"array", "null"}):
            values = value if isinstance(value, list) else [value]
            return [self.typed(one, whole.get("items", {}), depth + 1) for one in values]
        if not isinstance(value, str) or "string" in kinds:
            return value
        if kinds & {"integer", "number"} and _NUMBER.fullmatch(value):
            return _json(value)
        if "boolean" in kinds and value in ("true", "false"):
            return value == "true"
        if "object" in kinds and value[:1] == "{":
            return _json(value)
        return None if value == "" and "null" in kinds else value

    def _kinds(self, schema: Mapping[str, Any], depth: int = 0) -> set[str]:
        kinds = schema.get("type")
        found = {kinds} if isinstance(kinds, str) else set(kinds or ())
        if not found and depth < MAX_DEPTH:
            for key in ("anyOf", "oneOf", "allOf"):
                for one in schema.get(key, ()):
                    found |= self._kinds(opened(one, self._definitions), depth + 1)
            found |= {_kind_of(one) for one in schema.get("enum", ())}
        return found

    def _members(self, schema: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
        found = dict(schema.get("properties", {}))
        if depth < MAX_DEPTH:
            for key in ("allOf", "anyOf", "oneOf"):
                for one in schema.get(key, ()):
                    found = {**self._members(opened(one, self._definitions), depth + 1), **found}
        return found


def form_tree_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a multipart body with brackets in their names opened; files stay as they are."""
    texts = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    return form_tree(texts)


def _written(templates: Any) -> dict[str, Written]:
    return {str(name): Written(one) for name, one in templates.items()} if isinstance(templates, Mapping) else {}


def _put_all(params: dict[str, Any], places: Mapping[str, Written], pairs: Iterable[tuple[str, str]]) -> None:
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    for name, found in given.items():
        if name in places:
            places[name].put(params, found)


def _pairs(text: str, inside: str, between: str) -> dict[str, str]:
    """``R,100,G,200`` or ``R=100;G=200`` as an object."""
    parts = text.split(between)
    if inside == between:
        return dict(zip(parts[::2], parts[1::2], strict=False))
    return dict(pair.partition(inside)[::2] for pair in parts)


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "null" if value is None else "number"


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
