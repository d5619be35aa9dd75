"""One operation of the document as an action of the manifest."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from ipaas.sdk.openapi.answers import AnswerReader, examples
from ipaas.sdk.openapi.findings import Findings, below, listed
from ipaas.sdk.openapi.naming import identifier, is_json, sentence
from ipaas.sdk.openapi.paging import pagination_of
from ipaas.sdk.openapi.parameters import ParameterReader, Placed
from ipaas.sdk.openapi.recorded import AGAIN
from ipaas.sdk.openapi.references import References
from ipaas.sdk.openapi.samples import NoSample, Sampler
from ipaas.sdk.openapi.schemas import SchemaConverter

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_SAFE = frozenset({"get", "head", "options"})
_REPEATABLE = frozenset({"put", "delete"})
_EFFECT_FIELD = re.compile(r"idempoten|^client_?(request|mutation)_?id$", re.IGNORECASE)
_WHOLE = re.compile(r"(\{[^{}]*\})")
_SAFE_IN_PATH = "/%:@!$&'()*+,;=~-._{}"
_EXPANDED = re.compile(r"\{[?&]([^{}]*)\}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
FILE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["base64"],
    "properties": {
        "filename": {"type": "string", "maxLength": 255},
        "content_type": {"type": "string", "maxLength": 120},
        "base64": {"type": "string", "contentEncoding": "base64", "examples": ["ZXhhbXBsZQ=="]},
    },
}


class OperationReader:
    """``good_status`` is that of the operation read last."""

    def __init__(self, references: References, converter: SchemaConverter, findings: Findings) -> None:
        self._references, self._converter, self._findings = references, converter, findings
        self._parameters = ParameterReader(references, converter, findings)
        self._sampler = Sampler(converter.definitions)
        self.answers = AnswerReader(references, converter, findings)
        self.good_status = 200

    def action(self, method: str, path: str, item: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Any]:
        """The action of one method of a path; whatever it can not hold is told in the findings."""
        place = below("/paths", path, method)
        shared = self._given(item, below("/paths", path, "parameters"))
        own = self._given(operation, below(place, "parameters"))
        placed = self._parameters.read([*shared, *own])
        made: dict[str, Any] = {
            "title": sentence(operation.get("summary"), 80, f"{method.upper()} {path}"[:80]),
            "doc": sentence(operation.get("description") or operation.get("summary"), 600, f"{method.upper()} {path}"),
            "method": method.upper(),
            "path": self._path(path, placed, place),
        }
        if placed.query:
            made["query"] = placed.query
        if placed.cookies:
            made["cookies"] = placed.cookies
        made |= self._body(operation, placed, place)
        made["headers"] = {"Accept": "application/json", **placed.headers}
        made["response"], self.good_status = self.answers.read(operation, made["headers"], place)
        made |= _effect(method, placed)
        made["params_schema"] = {
            "type": "object",
            "additionalProperties": False,
            "required": placed.required,
            "properties": placed.properties,
        }
        made["params_example"] = self._example(placed, place)
        if method == "get":
            answers = operation.get("responses")
            told = self.answers.headers(answers, place) if isinstance(answers, Mapping) else ()
            headers = {name.lower() for name in told}
            pages = pagination_of(placed, made["response"].get("schema"), self._converter.definitions, headers)
            made |= {"pagination": pages} if pages else {}
        if operation.get("deprecated") is True:
            made["doc"] = f"Deprecated by the vendor. {made['doc']}"
        if operation.get("callbacks"):
            self._findings.dropped(below(place, "callbacks"), "callbacks", "callbacks are not set up; use an endpoint")
        return made

    def _given(self, holder: Mapping[str, Any], place: str) -> list[tuple[str, Any]]:
        found = holder.get("parameters")
        if not isinstance(found, list | None):
            self._findings.dropped(place, "not_a_list", "a list was expected here")
        return [(below(place, number), one) for number, one in enumerate(listed(found))]

    def _example(self, placed: Placed, place: str) -> dict[str, Any]:
        found = {}
        for name, schema in placed.properties.items():
            if name in placed.required or "examples" in schema:
                try:
                    found[name] = self._sampler.fitting(schema)
                except NoSample:
                    self._findings.note(place, "no_example", f"no example could be made for {name}")
        return found

    # -- request -------------------------------------------------------------------------------------------------

    def _path(self, path: str, placed: Placed, place: str) -> str:
        def written(match: re.Match[str]) -> str:
            name = match[1]
            if name not in placed.path:
                if name in placed.query:
                    return placed.query.pop(name)
                self._findings.note(place, "path_parameter", f"{{{name[:60]}}} of the path is not described")
                return self._undescribed(name, placed)
            return placed.path[name]

        bare, _, fragment = path.partition("#")
        if fragment and not f"#{fragment}".startswith(AGAIN):
            self._findings.dropped(place, "path_fragment", "what follows # in the path is left out: it is never sent")
        text, _, asked = _EXPANDED.sub(lambda found: self._expanded(found[1], placed), bare).partition("?")
        for pair in filter(None, asked.split("&")):
            name, _, value = pair.partition("=")
            placed.query[unquote(name)] = _PLACEHOLDER.sub(written, unquote(value))
        plain = [
            quote(part, safe="/%:@!$&'()*+,;=~-._{}") if n % 2 == 0 else part
            for n, part in enumerate(_WHOLE.split(text))
        ]
        made = _PLACEHOLDER.sub(written, "".join(plain))
        return made if made.startswith("/") else f"/{made}"

    def _expanded(self, names: str, placed: Placed) -> str:
        """``{?limit,offset}`` (RFC 6570): parameters of the query, most often described as such too."""
        for name in (one.strip("*").split(":")[0] for one in names.split(",")):
            if name and name not in placed.query:
                placed.query[name] = self._undescribed(name, placed, required=False)
        return ""

    def _undescribed(self, name: str, placed: Placed, *, required: bool = True) -> str:
        ours = identifier(name, placed.properties)
        placed.properties[ours] = {"type": "string", "title": name}
        if required:
            placed.required.append(ours)
        return f"{{{{ params.{ours} }}}}"

    def _body(self, operation: Mapping[str, Any], placed: Placed, place: str) -> dict[str, Any]:
        if "requestBody" not in operation:
            return {}
        where = below(place, "requestBody")
        body = self._references.resolved(operation["requestBody"], where)
        content = body.get("content")
        if not isinstance(content, Mapping) or not content:
            return {}
        kind, form = _chosen(content)
        if len(content) > 1:
            others = ", ".join(sorted(str(one) for one in content if one != kind))[:160]
            self._findings.note(where, "content_types", f"{kind} is sent; also offered: {others}")
        if form is None:
            self._findings.dropped(where, "content_type", f"a body of {kind[:80]} is sent as text that the flow makes")
        media = content[kind] if isinstance(content[kind], Mapping) else {}
        schema = self._converter.convert(media.get("schema", {}), below(where, "content", kind, "schema"))
        schema = schema if isinstance(schema, dict) else {}
        if form in (None, "text", "base64"):
            note = "Base64 of the bytes to send." if form == "base64" else "The text to send."
            schema = {"type": "string", "description": schema.get("description", note)}
        if form == "multipart":
            schema = self._with_files(schema)
        self._tell_encoding(media.get("encoding"), below(where, "content", kind, "encoding"))
        placed.effect_property = self._effect_property(schema) if form == "json" else ""
        schema = self._without(schema, placed.effect_property)
        placed.properties["body"] = {**schema, **examples(media)}
        if body.get("required") is True:
            placed.required.append("body")
        made: dict[str, Any] = {"body": "{{ params.body }}", "body_format": form or "text"}
        if form == "json":
            made["omit_null"] = False
        if (
            kind not in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
            and "*" not in kind
        ):
            placed.headers["Content-Type"] = kind
        return made

    def _tell_encoding(self, encoding: Any, place: str) -> None:
        """Members of a form are written in the usual way; one that asks for another is told."""
        for name, one in encoding.items() if isinstance(encoding, Mapping) else ():
            asked = sorted({"style", "explode", "headers"} & one.keys()) if isinstance(one, Mapping) else []
            if asked:
                told = f"{', '.join(asked)} of {str(name)[:60]}: it is written in the usual way"
                self._findings.dropped(below(place, name), "encoding", told)

    def _with_files(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Members that hold bytes take a file instead of a text."""
        whole = dict(self._object(schema))
        members = whole.get("properties", {})
        whole["properties"] = {name: self._as_file(one) for name, one in members.items()}
        return whole if members else schema

    def _as_file(self, schema: Any) -> Any:
        seen = self._object(schema)
        if seen.get("format") == "binary":
            return FILE | {key: seen[key] for key in ("title", "description") if key in seen}
        if seen.get("type") == "array" and self._object(seen.get("items", {})).get("format") == "binary":
            return {**seen, "items": FILE}
        return schema

    def _effect_property(self, schema: Mapping[str, Any]) -> str:
        names = self._object(schema).get("properties", {})
        return next((name for name in names if _EFFECT_FIELD.search(name)), "")

    def _without(self, schema: dict[str, Any], name: str) -> dict[str, Any]:
        """The schema without a member that the platform fills in itself."""
        if not name:
            return schema
        whole = dict(self._object(schema))
        whole["properties"] = {key: one for key, one in whole["properties"].items() if key != name}
        if "required" in whole:
            whole["required"] = [key for key in whole["required"] if key != name]
        whole.pop("examples", None)
        return whole

    def _object(self, schema: Any) -> Mapping[str, Any]:
        for _ in range(8):
            reference = schema.get("$ref") if isinstance(schema, Mapping) else None
            if not isinstance(reference, str):
                break
            schema = self._converter.definitions.get(reference.removeprefix("#/definitions/"))
        return schema if isinstance(schema, Mapping) else {}


def _chosen(content: Mapping[str, Any]) -> tuple[str, str | None]:
    """The content type to send and the manifest's form for it; JSON before forms before text."""
    names = [str(one) for one in content]
    for form, fits in (
        ("json", is_json),
        ("form", lambda kind: kind.startswith("application/x-www-form-urlencoded")),
        ("multipart", lambda kind: kind.startswith("multipart/form-data")),
        ("text", lambda kind: kind.startswith("text/") or "xml" in kind),
        (
            "base64",
            lambda kind: kind.startswith(("application/octet-stream", "image/", "application/pdf", "application/zip")),
        ),
        ("json", lambda kind: kind.startswith(("*", "application/*"))),
    ):
        for name in names:
            if fits(name.lower()):
                return name, form
    return names[0], None


def _effect(method: str, placed: Placed) -> dict[str, Any]:
    """What a repetition does: by the method's meaning (RFC 9110, 9.2) and the keys that the vendor takes."""
    if method in _SAFE:
        return {"effect": "safe"}
    if placed.effect_header:
        return {"effect": "keyed", "idempotency": {"header": placed.effect_header}}
    if placed.effect_property:
        return {"effect": "keyed", "idempotency": {"field": placed.effect_property}}
    if method in _REPEATABLE and placed.properties:
        return {"effect": "keyed", "idempotency": {"natural": list(placed.properties)}}
    return {"effect": "unkeyed"}
