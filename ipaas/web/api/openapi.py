"""The API's OpenAPI 3.1 description: what views declare, with what holds for all of them put in once."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_lib_doc_excludes

from ipaas.web.api import sparse
from ipaas.web.api.examples import example_of, with_examples
from ipaas.web.api.fields import PageOutput, StrictSerializer
from ipaas.web.api.pagination import page_parameters
from ipaas.web.api.problems import MEDIA_TYPE

PREFIX: Final = "/api/v1/"
VERBS: Final = {
    "assign": "assign",
    "draft": "save",
    "create": "create",
    "retrieve": "get",
    "partial_update": "update",
    "import_rows": "import",
    "destroy": "delete",
}
TAGS: Final = {
    "me": "Who calls.",
    "workspace": "The workspace of the caller and its settings.",
    "insight": "How flows do, whether work is taken, which policies hold.",
    "environments": "Where flows run, and the variables that they read there.",
    "documents": "Documents of every kind, as text or as content: check and apply.",
    "flows": "Flows: their drafts and versions, where they are deployed, and starting them.",
    "schemas": "Schemas: what data must look like.",
    "contracts": "Contracts: what integrations promise, as pages, OpenAPI and AsyncAPI.",
    "event types": "Event types: events of the business, who owns them, what they carry, who publishes and takes them.",
    "mappings": "Mappings: how one shape becomes another.",
    "lookups": "Lookups: rows that mappings find by a key.",
    "functions": "Reusable functions that mappings call by name.",
    "terms": "The glossary: what words mean, and which fields hold it.",
    "conventions": "Rules that drafts are checked by.",
    "reviews": "Reviews of changes and their decisions; domains with their stewards.",
    "runs": "Runs: find them, see each step, act on those that stopped.",
    "dead letters": "What failed for good and waits for a person.",
    "bulk jobs": "One deed over many runs or dead letters, at a rate.",
    "approvals": "Questions that runs wait for.",
    "connections": "Connectors of the installation, and the connections made with them.",
    "secrets": "Credentials: values go in and never come out.",
    "endpoints": "Addresses at which deliveries come in.",
    "receipts": "Accepted deliveries, and what became of each.",
    "webhooks": "Addresses outside that are told of events, and what became of each delivery.",
    "stubs": "Stand-ins for vendors: faults, ledger, webhooks.",
    "access": "Members, roles, service accounts and API keys.",
    "audit": "The audit trail: read, export, verify.",
}
PLACES: Final = {
    "slug": "The slug; it never changes.",
    "number": "Number of a version, from 1.",
    "limit": "How many at most.",
    "cursor": "Where to go on: next_cursor of the page before.",
}
"""Parameters of many operations; an id is described by its name."""
ERRORS: Final = {
    "400": ("BadRequest", "The request can not be read, or names a field that the answer does not have."),
    "401": ("NotAuthenticated", "No live API key and no session."),
    "403": ("PermissionDenied", "The caller lacks the permission."),
    "404": ("NotFound", "There is nothing with this identity in the caller's workspace."),
    "409": ("Conflict", "The state of things does not permit it, or the same request is under way."),
    "412": ("PreconditionFailed", "The draft has moved on; the detail says who changed it."),
    "428": ("PreconditionMissing", "The request does not say upon which draft its change was made."),
    "413": ("TooLarge", "The body is too large."),
    "415": ("UnsupportedMediaType", "The body is not JSON."),
    "422": ("InvalidInput", "The input is not valid; errors names every place."),
    "429": ("RateLimited", "Too many requests; Retry-After says when the next one is taken."),
    "500": ("Defect", "A defect on this side; it is logged under the request's id."),
}
CODES: Final = {
    "400": "json.syntax", "401": "not_authenticated", "403": "permission_denied", "404": "not_found", "409": "conflict",
    "412": "draft.moved_on", "428": "precondition.missing", "413": "too_large",
    "415": "unsupported_media_type", "422": "invalid_input",
    "429": "rate_limited", "500": "internal",
}  # fmt: skip
ANSWER_HEADERS: Final[dict[str, tuple[str, str]]] = {
    "X-Request-ID": (
        "The request's own id, or one made for it; logs, audit and problems carry it.",
        "4bf92f3577b34da6",
    ),
    "RateLimit-Policy": ("Requests (q) that the caller may make in a window of w seconds.", '"default";q=600;w=60'),
    "RateLimit": ("Requests left (r), and seconds until all are free again (t).", '"default";r=599;t=1'),
}

TAG: Final = {"ETag": ("Tag of the draft, for If-Match when it is saved.", '"3"')}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped there
    target_class = "ipaas.accounts.api_auth.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A key of the workspace: ipk_…"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped there
    target_class = "ipaas.accounts.api_auth.SessionActorAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        description = "A signed-in person. Changes need the header X-CSRFToken; X-Workspace names the workspace."
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": description}


class Operation(AutoSchema):
    """An operation named by its route, described by its view's docstring, with the parameters that all have."""

    @property
    def _of(self) -> Any:
        return self.view

    def get_operation_id(self) -> str:
        name, action = routes()[self.path], self._of.action
        verb = VERBS.get(action)
        if verb is None:
            return name
        base = name.removesuffix("_list").removesuffix("_detail")
        return base if verb == "get" and base == name else f"{base}_{verb}"

    def get_summary(self) -> str | None:
        first = re.split(r"[.;:](?:\s|$)", self._text(), maxsplit=1)[0]
        return first.replace("``", "") or None

    def get_description(self) -> str:  # type: ignore[override]  # as in its own base
        needed = getattr(type(self.view), "required_permissions", {})
        permission = needed.get(self._of.action) if isinstance(needed, dict) else "that of the deed"
        if not permission:
            return self._text()
        named = f"`{permission}`" if "." in permission else permission
        return f"{self._text()}\n\nPermission: {named}.".replace("``", "`")

    def _text(self) -> str:
        doc = getattr(self.view, self._of.action).__doc__ or ""
        return "\n".join(line.strip() for line in doc.strip().splitlines())

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        """As it is there, but any JSON is any JSON, null among it."""
        found = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(found, dict) and found.get("oneOf") == [{}, {"type": "null"}]:
            del found["oneOf"]
        return found

    def _insert_field_validators(self, field: Any, schema: Any) -> None:
        """As it is there, but a text that may be blank is one plain text, not a choice of two."""
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]  # untyped there
        if "oneOf" in schema and getattr(field, "allow_blank", False):
            schema.update(schema.pop("oneOf")[0])
            schema.pop("minLength", None)
            if "pattern" in schema:
                schema["pattern"] = f"^$|{schema['pattern']}"

    def _get_parameters(self) -> list[Any]:
        found = list(super()._get_parameters())
        files = getattr(self.view, "files", ())
        if self.method == "GET" and self._of.action not in files:
            text = "Names of members, separated by commas: the answer, or each item of a list, has these alone."
            found.append(_parameter(sparse.PARAMETER, "query", text))
        if self.method == "GET" and _is_page(self.get_response_serializers()):
            found += [one for one in page_parameters() if one["name"] not in {other["name"] for other in found}]
        if self.method == "POST":
            text = "1 to 200 visible characters. The same request with the same key is carried out once."
            found.append(_parameter("Idempotency-Key", "header", text))
        found += [
            _parameter(name, "header", text) for name, text in self._of.request_headers.get(self._of.action, {}).items()
        ]
        for one in found:
            one.setdefault("description", PLACES.get(one["name"]) or _of_id(one["name"]))
            if one["in"] == "path":
                one["example"] = example_of(one["schema"], {}, one["name"])
        return found


def _is_page(serializer: Any) -> bool:
    return issubclass(serializer if isinstance(serializer, type) else type(serializer), PageOutput)


def _of_id(name: str) -> str:
    return f"The id of the {name.removesuffix('_id').replace('_', ' ')}."


def _parameter(name: str, place: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": False, "description": text, "schema": {"type": "string"}}


def undescribed() -> list[type]:
    """Bases whose docstrings say nothing of the schemas made of their subclasses."""
    return [*get_lib_doc_excludes(), StrictSerializer, PageOutput]  # type: ignore[no-untyped-call]  # untyped there


@cache
def routes() -> dict[str, str]:
    """Path of the description → name of its route."""
    from ipaas.web.api import urls

    named = [(str(entry.pattern), entry.name) for entry in urls.urlpatterns if entry.name]  # type: ignore[attr-defined]
    return {PREFIX + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route): name for route, name in named}


@cache
def description() -> dict[str, Any]:
    """The whole description, made once in a process; it holds nothing of any workspace."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation, in the order of the URL map."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """What every operation has: problems, headers of the answer, examples. Called by the generator at its end."""
    components = result["components"]
    components["schemas"] |= {"Problem": _problem_schema(), "ProblemPlace": _place_schema()}
    components["headers"] = {name: _header(*told) for name, told in (ANSWER_HEADERS | TAG).items()}
    components["responses"] = {name: _problem(status, name, text) for status, (name, text) in ERRORS.items()}
    result["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    order = {path: at for at, path in enumerate(routes())}
    result["paths"] = dict(sorted(result["paths"].items(), key=lambda item: order[item[0]]))
    for path, method, operation in operations(result):
        operation.setdefault("parameters", [])
        for answer in operation["responses"].values():
            answer["description"] = answer.get("description") or "Done."
            named = [*ANSWER_HEADERS, *(["ETag"] if _is_tagged(answer) else [])]
            answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
        for status in _statuses(path, method, operation):
            operation["responses"].setdefault(status, {"$ref": f"#/components/responses/{ERRORS[status][0]}"})
    return with_examples(result)


def _is_tagged(answer: dict[str, Any]) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith(("/DraftOutput", "/SavedOutput"))


def _statuses(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    found = ["400", "401", "404", "422", "429", "500"]
    if path != f"{PREFIX}me":
        found.append("403")
    if method != "get":
        found += ["409", "413"]
    if any(one["name"] == "If-Match" for one in operation.get("parameters", ())):
        found += ["412", "428"]
    if "requestBody" in operation:
        found.append("415")
    return sorted(found)


def _header(text: str, example: str) -> dict[str, Any]:
    return {"description": text, "schema": {"type": "string"}, "example": example}


def _problem(status: str, name: str, text: str) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": f"/docs/reference/errors#{CODES[status]}",
        "title": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize(),
        "status": int(status),
        "detail": text,
        "code": CODES[status],
        "instance": f"{PREFIX}flows/orders",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    if status == "422":
        example["errors"] = [{"path": "/reason", "code": "required", "message": "This field is required."}]
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in ANSWER_HEADERS}
    if status == "429":
        headers["Retry-After"] = _header("Seconds until the next request is taken.", "3")
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": text, "headers": headers, "content": content}


def _problem_schema() -> dict[str, Any]:
    texts = {
        "type": "Address of what the documentation of this instance says about the code.",
        "title": "What kind of error it is.",
        "detail": "What happened, where.",
        "code": "Stable name of the error, for programs.",
        "remedy": "What to do next.",
        "instance": "Path of the request.",
        "trace_id": "W3C trace id of the request.",
        "request_id": "The request's id, as in X-Request-ID.",
    }
    properties: dict[str, Any] = {name: {"type": "string", "description": text} for name, text in texts.items()}
    properties["status"] = {"type": "integer", "description": "HTTP status."}
    items = {"$ref": "#/components/schemas/ProblemPlace"}
    properties["errors"] = {"type": "array", "items": items, "description": "Every place that is not valid."}
    required = ["type", "title", "status", "detail", "code"]
    text = "An error as problem details (RFC 9457)."
    return {"type": "object", "description": text, "properties": properties, "required": required}


def _place_schema() -> dict[str, Any]:
    texts = {
        "path": "JSON pointer into the body, or the name of a parameter.",
        "code": "Stable name of the rule.",
        "message": "What is wrong there.",
        "severity": "error or warning, of documents.",
    }
    properties: dict[str, Any] = {name: {"type": "string", "description": text} for name, text in texts.items()}
    properties |= {name: {"type": "integer", "description": f"The {name}, from 1."} for name in ("line", "column")}
    return {"type": "object", "properties": properties, "required": ["path", "code", "message"]}
