"""Parameters of an operation: where each goes, and the template that writes it in its style (OpenAPI 3.1, 4.8.12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ipaas.sdk.openapi.findings import Findings, below
from ipaas.sdk.openapi.naming import identifier
from ipaas.sdk.openapi.references import References
from ipaas.sdk.openapi.schemas import SchemaConverter

_SEPARATORS = {"form": ",", "simple": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
_DEFAULT_STYLE = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that OpenAPI itself says are ignored: they are written by other parts."""


@dataclass
class Placed:
    """The parameters of one operation, sorted into the parts of a request; ``names`` maps (place, name) to ours."""

    properties: dict[str, Any] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    effect_header: str = ""
    effect_property: str = ""


class ParameterReader:
    def __init__(self, references: References, converter: SchemaConverter, findings: Findings) -> None:
        self._references, self._converter, self._findings = references, converter, findings

    def read(self, parameters: Sequence[tuple[str, Any]]) -> Placed:
        """From (pointer, parameter) pairs; of two with the same name and place the later one counts."""
        placed, found = Placed(), {}
        for path, given in parameters:
            parameter = self._references.resolved(given, path)
            where, name = str(parameter.get("in", "")), str(parameter.get("name", ""))
            if name and where in _DEFAULT_STYLE:
                found[(where, name.lower() if where == "header" else name)] = (path, parameter)
            elif parameter:
                self._findings.dropped(
                    path, "parameter_place", f"a parameter in {where[:20] or 'no place'} is not known"
                )
        for (where, _), (path, parameter) in found.items():
            self._place(placed, where, parameter, path)
        return placed

    def _place(self, placed: Placed, where: str, parameter: Mapping[str, Any], path: str) -> None:
        name = str(parameter["name"])
        if where == "header" and name.lower() in _NOT_PARAMETERS:
            return
        ours = identifier(name, placed.properties)
        schema, as_json = self._schema(parameter, path)
        if where == "header" and "idempoten" in name.lower():
            placed.effect_header = name
            return
        placed.properties[ours] = {"title": name, **_described(schema, parameter)}
        if parameter.get("required") is True or where == "path":
            placed.required.append(ours)
        style = str(parameter.get("style") or _DEFAULT_STYLE[where])
        style = "form" if style == "cookie" else style  # OpenAPI 3.2: form, without encoding what needs none
        explode = parameter.get("explode", style == "form")
        value = f"params.{ours}"
        if as_json:
            writing = {name: f"{{{{ to_json({value}) if {value} is not none else none }}}}"}
        elif where == "path":
            writing = {name: self._in_path(name, value, schema, style, explode is True)}
        else:
            writing = self._written(name, value, schema, style, explode is True, path)
        places = {"path": placed.path, "query": placed.query, "header": placed.headers, "cookie": placed.cookies}
        places[where].update(writing)

    def _schema(self, parameter: Mapping[str, Any], path: str) -> tuple[dict[str, Any], bool]:
        """The schema, and whether the value is written as JSON (a parameter with ``content``)."""
        content = parameter.get("content")
        if isinstance(content, Mapping) and content:
            kind, body = next(iter(content.items()))
            schema = body.get("schema", {}) if isinstance(body, Mapping) else {}
            return self._converted(schema, below(path, "content", kind, "schema")), "json" in kind
        return self._converted(parameter.get("schema", {}), below(path, "schema")), False

    def _converted(self, schema: Any, path: str) -> dict[str, Any]:
        made = self._converter.convert(schema, path)
        return made if isinstance(made, dict) else {}

    def _in_path(self, name: str, value: str, schema: Mapping[str, Any], style: str, explode: bool) -> str:
        """The segment's part: values encoded, what separates them as it is (RFC 6570, as OpenAPI uses it)."""
        kinds, encoded = self._kinds(schema), quote(name, safe="").replace("'", "%27")
        start = {"label": ".", "matrix": f";{encoded}="}.get(style, "")
        if "object" in kinds:
            between = {"label": ".", "matrix": ";"}.get(style, ",") if explode else ","
            start = ";" if style == "matrix" and explode else start
            text = f"url_encode(item.key) ~ '{'=' if explode else ','}' ~ url_encode(text(item.value))"
            return f"{start}{{{{+ join(map(entries({value}), {text}), '{between}') }}}}"
        if kinds == {"array"}:
            between = {"label": ".", "matrix": f";{encoded}="}.get(style, ",") if explode else ","
            return f"{start}{{{{+ join(map({value}, url_encode(text(item))), '{between}') }}}}"
        return f"{start}{{{{ {value} }}}}"

    def _written(
        self, name: str, value: str, schema: Mapping[str, Any], style: str, explode: bool, path: str
    ) -> dict[str, str]:
        kinds = self._kinds(schema)
        if "object" in kinds:
            return self._object(name, value, schema, style, explode, path)
        if kinds == {"array"} and not (style == "form" and explode):
            separator = _SEPARATORS.get(style)
            if separator is None:
                self._findings.note(path, "style", f"the style {style[:20]} is written as a list with commas")
            return {name: f"{{{{ join({value}, '{separator or ','}') if {value} is not none else none }}}}"}
        return {name: f"{{{{ {value} }}}}"}

    def _object(
        self, name: str, value: str, schema: Mapping[str, Any], style: str, explode: bool, path: str
    ) -> dict[str, str]:
        separator = _SEPARATORS.get(style)
        if separator and (style == "simple" or not explode):
            text = f"item.key ~ '{'=' if explode else separator}' ~ text(item.value)"
            return {
                name: f"{{{{ join(map(entries({value}), {text}), '{separator}') if {value} is not none else none }}}}"
            }
        known = self._resolved(schema).get("properties", {})
        if not known:
            text = "an object whose members are not named is written as JSON; check it with the vendor"
            self._findings.note(path, "object_parameter", text)
            return {name: f"{{{{ to_json({value}) if {value} is not none else none }}}}"}
        odd = sorted(str(member) for member in known if "'" in member or "." in member)
        if odd:
            self._findings.dropped(path, "object_member", f"{', '.join(odd)[:120]} can not be sent: of an odd name")
        return {
            (f"{name}[{member}]" if style == "deepObject" else member): f"{{{{ get({value}, '{member}') }}}}"
            for member in known
            if member not in odd
        }

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = str(schema.get("$ref", ""))
        found = self._converter.definitions.get(reference.removeprefix("#/definitions/")) if reference else schema
        return found if isinstance(found, Mapping) else {}

    def _kinds(self, schema: Mapping[str, Any]) -> set[str]:
        kinds = self._resolved(schema).get("type", "string")
        return ({kinds} if isinstance(kinds, str) else set(kinds)) - {"null"}


def _described(schema: Mapping[str, Any], parameter: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(schema)
    if isinstance(parameter.get("description"), str) and "$ref" not in made:
        made["description"] = parameter["description"]
    examples = parameter.get("examples")
    if "example" in parameter:
        made["examples"] = [parameter["example"]]
    elif isinstance(examples, Mapping):
        values = [one["value"] for one in examples.values() if isinstance(one, Mapping) and "value" in one]
        if values:
            made["examples"] = values
    if parameter.get("deprecated") is True:
        made["deprecated"] = True
    return made
