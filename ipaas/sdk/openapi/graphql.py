"""A GraphQL schema (its language, or the answer to the introspection query): an action for each query and mutation."""

import re
from typing import Any

import graphql as gql

from ipaas.core import jsonio
from ipaas.sdk.openapi.findings import Findings, below
from ipaas.sdk.openapi.naming import identifier, sentence
from ipaas.sdk.openapi.reading import JSON_LIMITS, OpenApiUnreadable
from ipaas.sdk.openapi.samples import NoSample, Sampler

INTROSPECTION: dict[str, Any] = {"query": gql.get_introspection_query(descriptions=True)}
_OPENAPI_TEXT = re.compile(rb"^(?:openapi|swagger)\s*:", re.MULTILINE)
_SCHEMA_TEXT = re.compile(rb"^\s*(?:schema\s*(?:@\S+\s*)*\{|(?:extend\s+)?type\s+(?:Query|Mutation)\b)", re.MULTILINE)
_SCALARS: dict[str, dict[str, Any]] = {
    "Int": {"type": "integer"},
    "Float": {"type": "number"},
    "String": {"type": "string"},
    "Boolean": {"type": "boolean"},
    "ID": {"type": ["string", "integer"], "examples": ["1"]},
    "DateTime": {"type": "string", "format": "date-time"},
    "Date": {"type": "string", "format": "date"},
}
MAX_DEPTH = 3
MAX_FIELDS = 60
"""Members that an action asks for; a flow that wants others uses the GraphQL action of the HTTP connector."""
MAX_TOKENS = 2_000_000
MAX_TYPES = 20_000
_CODES = {
    "auth": ["UNAUTHENTICATED", "FORBIDDEN", "ACCESS_DENIED", "UNAUTHORIZED"],
    "throttled": ["THROTTLED", "RATE_LIMITED", "TOO_MANY_REQUESTS"],
    "not_found": ["NOT_FOUND"],
    "contract_violation": ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"],
    "transient": ["INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"],
}
_TOLD = {"code": "$.errors.0.extensions.code", "message": "$.errors.0.message"}
ERRORS: list[dict[str, Any]] = [
    {"match": {"path": "errors.0.extensions.code", "equals": codes}, "class": kind, **_TOLD}
    for kind, codes in _CODES.items()
] + [{"match": {"path": "errors.0", "present": True}, "class": "business_rejection", **_TOLD}]
"""Rules for ``errors`` in an answer with status 200, those with known codes before the rest."""
AUTH: list[dict[str, Any]] = [
    {"name": "bearer", "type": "bearer", "title": "Bearer token"},
    {"name": "api-key", "type": "api_key", "title": "API key in a header", "in": "header", "parameter": "X-Api-Key"},
    {"name": "none", "type": "none", "title": "No authentication"},
]
"""A schema does not say how callers prove who they are: the usual ways are on offer."""


def reply(code: str) -> dict[str, Any]:
    """How the stand-in tells an error: with status 200, as GraphQL servers do."""
    return {
        "status": 200,
        "body": {"data": None, "errors": [{"message": "{{ message }}", "extensions": {"code": code}}]},
    }


def is_schema(data: bytes) -> bool:
    """Whether this is a schema in GraphQL's language, or an answer to the introspection query."""
    if data.lstrip()[:1] == b"{":
        return b'"__schema"' in data[:4000]
    return _SCHEMA_TEXT.search(data) is not None and _OPENAPI_TEXT.search(data) is None


def check_schema(data: bytes) -> None:
    """Raise OpenApiUnreadable where this is none, with what the endpoint says: introspection may be off."""
    if is_schema(data):
        return
    told = ""
    if data.lstrip()[:1] == b"{":
        try:
            answer: Any = jsonio.loads(data, limits=JSON_LIMITS)
            told = f": {answer['errors'][0]['message']}"[:200]
        except (jsonio.JsonInvalid, LookupError, TypeError):
            told = ""
    raise OpenApiUnreadable(reason=f"it is no GraphQL schema with the type Query or Mutation{told}")


def read_graphql(data: bytes, findings: Findings) -> "Schema":
    """Raises OpenApiUnreadable."""
    try:
        if data.lstrip()[:1] == b"{":
            answer = jsonio.loads(data, limits=JSON_LIMITS)
            found = answer.get("data", answer)
            made = gql.build_client_schema(found)
        else:
            document = gql.parse(data.decode(), max_tokens=MAX_TOKENS, no_location=True)
            made = gql.build_ast_schema(document, assume_valid_sdl=True)
    except jsonio.JsonInvalid as error:
        raise OpenApiUnreadable(reason=error.detail) from error
    except RecursionError as error:
        raise OpenApiUnreadable(reason="its types are nested too deeply") from error
    except (gql.GraphQLError, TypeError, KeyError, ValueError, AttributeError, UnicodeDecodeError) as error:
        said = error.message if isinstance(error, gql.GraphQLError) else str(error)
        raise OpenApiUnreadable(reason=f"the GraphQL schema is not valid: {said[:200]}") from error
    if len(made.type_map) > MAX_TYPES:
        raise OpenApiUnreadable(reason=f"it has more than {MAX_TYPES} types")
    return Schema(made, findings)


class Schema:
    """Actions of a schema; ``definitions`` are its input types and enums."""

    def __init__(self, schema: gql.GraphQLSchema, findings: Findings) -> None:
        self._schema, self._findings = schema, findings
        self.definitions: dict[str, Any] = {}

    def actions(self, path: str) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """Actions by name, and their names by group."""
        made: dict[str, Any] = {}
        groups: dict[str, list[str]] = {}
        for kind, root in (("query", self._schema.query_type), ("mutation", self._schema.mutation_type)):
            for name, field in root.fields.items() if root is not None else ():
                action = identifier(name, made, empty=kind)
                made[action] = self._action(kind, name, field, path)
                groups.setdefault("Queries" if kind == "query" else "Mutations", []).append(action)
        if self._schema.subscription_type is not None:
            self._findings.dropped("", "subscription", "subscriptions are not called: they need a lasting connection")
        return made, groups

    def _action(self, kind: str, name: str, field: gql.GraphQLField, path: str) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        names: dict[str, str] = {}
        for given in field.args:
            names[given] = identifier(given, names.values())
        for given, argument in field.args.items():
            schema = self._input(argument.type)
            text = argument.description
            properties[names[given]] = {"title": given, **schema, **({"description": text[:600]} if text else {})}
        required = [names[given] for given, one in field.args.items() if gql.is_required_argument(one)]
        variables = {given: f"{{{{ params.{ours} }}}}" for given, ours in names.items()}
        declared = ", ".join(f"${given}: {argument.type}" for given, argument in field.args.items())
        passed = ", ".join(f"{given}: ${given}" for given in field.args)
        selected = self._selection(field.type, below("", kind, name))
        signature = f" {name}({declared})" if declared else f" {name}"
        query = f"{kind}{signature} {{ {name}{f'({passed})' if passed else ''}{selected} }}"
        doc = sentence(field.description, 600, f"The {kind} {name}.")
        if field.deprecation_reason:
            doc = f"Deprecated by the vendor: {field.deprecation_reason[:200]} {doc}"
        body = {"query": query, "variables": variables} if variables else {"query": query}
        pages = _pages(names, field.type) if kind == "query" else None
        return {
            "title": sentence(name, 80, name),
            "doc": doc,
            "method": "POST",
            "path": path,
            "headers": {"Accept": "application/json"},
            "effect": "safe" if kind == "query" else "unkeyed",
            "body": body,
            "params_schema": {
                "type": "object",
                "additionalProperties": False,
                "required": required,
                "properties": properties,
            },
            "params_example": self._example(required, properties, below("", kind, name)),
            **({"pagination": pages} if pages else {}),
            "response": {
                "format": "json",
                "result": f"{{{{ get(body, 'data.{name}') }}}}",
                "schema": {
                    "type": "object",
                    "properties": {
                        "data": {"type": ["object", "null"], "properties": {name: self._output(field.type)}}
                    },
                },
                "enforce": False,
            },
        }

    def _example(self, required: list[str], properties: dict[str, Any], place: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name in required:
            try:
                made[name] = Sampler(self.definitions).fitting(properties[name])
            except NoSample:
                self._findings.note(place, "no_example", f"no example could be made for {name}")
        return made

    # -- what is sent --------------------------------------------------------------------------------------------

    def _input(self, kind: Any) -> dict[str, Any]:
        if gql.is_non_null_type(kind):
            return self._input(kind.of_type)
        if gql.is_list_type(kind):
            return {"type": ["array", "null"], "items": self._input(kind.of_type)}
        if gql.is_scalar_type(kind):
            return _nullable(dict(_SCALARS.get(kind.name, {})))
        if kind.name not in self.definitions:
            self.definitions[kind.name] = {}
            self.definitions[kind.name] = self._named(kind)
        return {"$ref": f"#/definitions/{kind.name}"}

    def _named(self, kind: Any) -> dict[str, Any]:
        if gql.is_enum_type(kind):
            return {"enum": [*kind.values, None]}
        members = {name: self._input(one.type) for name, one in kind.fields.items()}
        required = [name for name, one in kind.fields.items() if gql.is_required_input_field(one)]
        return {"type": ["object", "null"], "additionalProperties": False, "properties": members, "required": required}

    # -- what comes back -----------------------------------------------------------------------------------------

    def _selection(self, kind: Any, place: str, depth: int = 0, budget: list[int] | None = None) -> str:
        """The members asked for: plain ones, and those of objects a few levels down, without arguments."""
        left = budget if budget is not None else [MAX_FIELDS]
        named = gql.get_named_type(kind)
        if gql.is_leaf_type(named):
            return ""
        if gql.is_union_type(named):
            return " { __typename }"
        chosen: list[str] = []
        for name, field in named.fields.items():
            if left[0] <= 0 or any(gql.is_required_argument(one) for one in field.args.values()):
                continue
            inner = gql.get_named_type(field.type)
            if gql.is_leaf_type(inner):
                chosen.append(name)
                left[0] -= 1
            elif depth + 1 < MAX_DEPTH:
                chosen.append(name + self._selection(inner, place, depth + 1, left))
        if left[0] <= 0 and depth == 0:
            self._findings.note(place, "selection", f"only the first {MAX_FIELDS} members of the answer are asked for")
        return f" {{ {' '.join(chosen)} }}" if chosen else " { __typename }"

    def _output(self, kind: Any, depth: int = 0) -> dict[str, Any]:
        if gql.is_non_null_type(kind):
            return self._output(kind.of_type, depth)
        if gql.is_list_type(kind):
            return {"type": ["array", "null"], "items": self._output(kind.of_type, depth)}
        if gql.is_scalar_type(kind):
            return _nullable(dict(_SCALARS.get(kind.name, {})))
        if gql.is_enum_type(kind):
            return {"enum": [*kind.values, None]}
        if gql.is_union_type(kind) or depth >= MAX_DEPTH:
            return {"type": ["object", "null"]}
        members = {
            name: self._output(one.type, depth + 1)
            for name, one in list(kind.fields.items())[:MAX_FIELDS]
            if not any(gql.is_required_argument(each) for each in one.args.values())
            and (depth + 1 < MAX_DEPTH or gql.is_leaf_type(gql.get_named_type(one.type)))
        }
        return {"type": ["object", "null"], "properties": members}


def _pages(names: dict[str, str], kind: Any) -> dict[str, Any] | None:
    """A list that goes on as Relay's connections do (GraphQL Cursor Connections Specification)."""
    fields = getattr(gql.get_named_type(kind), "fields", {})
    info = getattr(gql.get_named_type(fields["pageInfo"].type), "fields", {}) if "pageInfo" in fields else {}
    items = next((name for name in ("nodes", "edges") if name in fields), None)
    if "after" not in names or items is None or not {"endCursor", "hasNextPage"} <= set(info):
        return None
    following = "get(data, 'pageInfo.endCursor') if get(data, 'pageInfo.hasNextPage') else none"
    return {"param": names["after"], "next": following, "items": f"default(data.{items}, [])"}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("type")
    return schema if kinds is None else {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}
