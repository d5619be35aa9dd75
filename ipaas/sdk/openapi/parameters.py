"""Parameters of an operation: where each goes, and the template that writes it in its style (OpenAPI 3.1, 4.8.12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
        if where == "cookie":
            self._findings.dropped(path, "cookie_parameter", f"the cookie {name[:60]} can not be sent")
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
        explode = parameter.get("explode", style == "form")
        value = f"params.{ours}"
        if as_json:
            writing = {name: f"{{{{ to_json({value}) if {value} is not none else none }}}}"}
        else:
            writing = self._written(name, value, schema, style, explode is True, path)
        {"path": placed.path, "query": placed.query, "header": placed.headers}[where].update(writing)

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

    def _written(
        self, name: str, value: str, schema: Mapping[str, Any], style: str, explode: bool, path: str
    ) -> dict[str, str]:
        kinds = self._kinds(schema)
        if "object" in kinds:
            return self._object(name, value, schema, style, explode, path)
        if "array" in kinds and not (style == "form" and explode):
            separator = _SEPARATORS.get(style)
            if separator is None:
                self._findings.note(path, "style", f"the style {style[:20]} is written as a list with commas")
            if kinds == {"array"}:
                return {name: f"{{{{ join({value}, '{separator or ','}') if {value} is not none else none }}}}"}
        return {name: f"{{{{ {value} }}}}"}

    def _object(
        self, name: str, value: str, schema: Mapping[str, Any], style: str, explode: bool, path: str
    ) -> dict[str, str]:
        known = self._resolved(schema).get("properties", {})
        if not known or not (style == "deepObject" or (style == "form" and explode)):
            text = "an object without named members, or in this style, is written as JSON; check it with the vendor"
            self._findings.note(path, "object_parameter", text)
            return {name: f"{{{{ to_json({value}) if {value} is not none else none }}}}"}
        return {
            (f"{name}[{member}]" if style == "deepObject" else member): f"{{{{ get({value}, '{member}') }}}}"
            for member in known
            if "'" not in member and "." not in member
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
