"""Swagger 2.0 in the shape of OpenAPI 3.0, so that everything after it knows one shape only."""

from collections.abc import Mapping
from typing import Any

from ipaas.sdk.openapi.findings import Findings, below, listed

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_MOVED = {
    "#/definitions/": "#/components/schemas/",
    "#/parameters/": "#/components/parameters/",
    "#/responses/": "#/components/responses/",
    "#/securityDefinitions/": "#/components/securitySchemes/",
}
_STYLES: dict[str, dict[str, Any]] = {
    "csv": {"explode": False},
    "ssv": {"style": "spaceDelimited", "explode": False},
    "pipes": {"style": "pipeDelimited", "explode": False},
    "multi": {"explode": True},
}
_NOT_SCHEMA = frozenset(
    {"name", "in", "description", "required", "collectionFormat", "allowEmptyValue", "schema", "x-example", "$ref"}
)
_FLOWS = {"accessCode": "authorizationCode", "application": "clientCredentials"}
_JSON = ["application/json"]


def upgraded(content: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The document as OpenAPI 3.0."""
    document = _moved_references(content)
    consumes, produces = listed(document.get("consumes")) or _JSON, listed(document.get("produces")) or _JSON
    shared = dict(_items(document.get("parameters")))
    paths = {
        path: _path_item(item, shared, consumes, produces, findings, below("/paths", path))
        for path, item in _items(document.get("paths"))
    }
    components = {
        "schemas": dict(_items(document.get("definitions"))),
        "parameters": {
            name: _parameter(one)
            for name, one in _items(shared)
            if isinstance(one, dict) and one.get("in") not in ("body", "formData")
        },
        "responses": {name: _response(one, produces) for name, one in _items(document.get("responses"))},
        "securitySchemes": {name: _scheme(one) for name, one in _items(document.get("securityDefinitions"))},
    }
    kept = {key: document[key] for key in ("info", "tags", "security", "externalDocs") if key in document}
    return {"openapi": "3.0.3", **kept, "servers": _servers(document), "paths": paths, "components": components}


def _moved_references(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _moved(one) if key == "$ref" and isinstance(one, str) else _moved_references(one)
            for key, one in value.items()
        }
    return [_moved_references(one) for one in value] if isinstance(value, list) else value


def _moved(reference: str) -> str:
    for old, new in _MOVED.items():
        if reference.startswith(old):
            return new + reference.removeprefix(old)
    return reference


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _servers(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    host, base = str(document.get("host") or ""), str(document.get("basePath") or "")
    schemes = listed(document.get("schemes")) or ["https"]
    if not host:
        return [{"url": base}] if base else []
    return [{"url": f"{scheme}://{host}{base}".rstrip("/")} for scheme in schemes if scheme in ("http", "https")]


def _path_item(
    item: Any, shared: Mapping[str, Any], consumes: list[str], produces: list[str], findings: Findings, path: str
) -> Any:
    if not isinstance(item, dict):
        return item
    common = [_followed(one, shared) for one in listed(item.get("parameters"))]
    made: dict[str, Any] = {key: one for key, one in item.items() if key not in METHODS and key != "parameters"}
    made["parameters"] = [_parameter(one) for one in common if not _is_body(one)]
    for method in METHODS:
        if isinstance(item.get(method), dict):
            bodies = [one for one in common if _is_body(one)]
            made[method] = _operation(item[method], bodies, shared, consumes, produces, findings, below(path, method))
    return made


def _followed(parameter: Any, shared: Mapping[str, Any]) -> Any:
    """A shared body or form parameter in place of the reference to it; other references stay."""
    reference = parameter.get("$ref") if isinstance(parameter, dict) else None
    if isinstance(reference, str):
        target = shared.get(reference.rpartition("/")[2])
        return target if _is_body(target) else parameter
    return parameter


def _is_body(parameter: Any) -> bool:
    return isinstance(parameter, dict) and parameter.get("in") in ("body", "formData")


def _operation(
    operation: Mapping[str, Any],
    bodies: list[Any],
    shared: Mapping[str, Any],
    consumes: list[str],
    produces: list[str],
    findings: Findings,
    path: str,
) -> dict[str, Any]:
    own = [_followed(one, shared) for one in listed(operation.get("parameters"))]
    made = {
        key: one
        for key, one in operation.items()
        if key not in ("parameters", "responses", "consumes", "produces", "schemes")
    }
    made["parameters"] = [_parameter(one) for one in own if not _is_body(one)]
    body = _request_body(
        [*bodies, *(one for one in own if _is_body(one))], listed(operation.get("consumes")) or consumes
    )
    if body is not None:
        made["requestBody"] = body
    answers = listed(operation.get("produces")) or produces
    made["responses"] = {status: _response(one, answers) for status, one in _items(operation.get("responses"))}
    if operation.get("schemes"):
        findings.note(below(path, "schemes"), "schemes", "transport schemes of one operation are not looked at")
    return made


def _request_body(bodies: list[Any], consumes: list[str]) -> dict[str, Any] | None:
    whole = [one for one in bodies if one["in"] == "body"]
    if whole:
        last = whole[-1]
        content = {kind: {"schema": last.get("schema") or {}} for kind in consumes}
        return {"required": bool(last.get("required")), "description": last.get("description", ""), "content": content}
    if not bodies:
        return None
    schema = {
        "type": "object",
        "properties": {one["name"]: _schema_of(one) for one in bodies},
        "required": [one["name"] for one in bodies if one.get("required")],
    }
    has_file = any(one.get("type") == "file" for one in bodies)
    forms = [kind for kind in consumes if kind in ("multipart/form-data", "application/x-www-form-urlencoded")]
    kind = "multipart/form-data" if has_file or not forms else forms[0]
    if not has_file and not forms:
        kind = "application/x-www-form-urlencoded"
    return {"required": bool(schema["required"]), "content": {kind: {"schema": schema}}}


def _schema_of(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = {key: one for key, one in parameter.items() if key not in _NOT_SCHEMA}
    if "description" in parameter:
        schema["description"] = parameter["description"]
    return schema


def _parameter(parameter: Any) -> Any:
    if not isinstance(parameter, dict) or "$ref" in parameter:
        return parameter
    kept = {key: parameter[key] for key in ("name", "in", "description", "required") if key in parameter}
    schema = {key: one for key, one in parameter.items() if key not in _NOT_SCHEMA}
    made: dict[str, Any] = {**kept, "schema": schema}
    if schema.get("type") == "array":
        made |= _STYLES.get(str(parameter.get("collectionFormat", "csv")), {})
    return made | ({"example": parameter["x-example"]} if "x-example" in parameter else {})


def _response(response: Any, produces: list[str]) -> Any:
    if not isinstance(response, dict) or "$ref" in response:
        return response
    made: dict[str, Any] = {"description": response.get("description", "")}
    examples = dict(_items(response.get("examples")))
    if "schema" in response:
        made["content"] = {
            kind: {"schema": response["schema"], **({"example": examples[kind]} if kind in examples else {})}
            for kind in produces
        }
    if isinstance(response.get("headers"), dict):
        made["headers"] = {
            name: {"description": one.get("description", ""), "schema": _schema_of(one)}
            for name, one in response["headers"].items()
            if isinstance(one, dict)
        }
    return made


def _scheme(scheme: Any) -> Any:
    if not isinstance(scheme, dict):
        return scheme
    if scheme.get("type") == "basic":
        return {"type": "http", "scheme": "basic", "description": scheme.get("description", "")}
    if scheme.get("type") != "oauth2":
        return scheme
    flow = str(scheme.get("flow", ""))
    urls = {key: scheme[key] for key in ("authorizationUrl", "tokenUrl") if key in scheme}
    return {"type": "oauth2", "flows": {_FLOWS.get(flow, flow): {**urls, "scopes": scheme.get("scopes") or {}}}}
