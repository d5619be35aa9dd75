"""A published contract as JSON, OpenAPI and AsyncAPI, for programs of partners.

Sources: OpenAPI 3.1.1 (spec.openapis.org/oas/v3.1.1), AsyncAPI 3.0.0 (asyncapi.com/docs/reference/specification).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ipaas.contracts.bundling import rewritten
from ipaas.contracts.contract_document import EDGES
from ipaas.contracts.models import ContractVersion, SchemaVersion
from ipaas.core.references import split_reference

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Door:
    """Where a consumer sends to in an environment; ``event`` is the type of the event bus where there is no address."""

    environment: str
    address: str = ""
    event: str = ""


def schemas_of(version: ContractVersion) -> dict[str, Any]:
    """The JSON Schema of each edge that the contract has."""
    found: dict[str, Any] = {}
    for edge in EDGES:
        if edge in version.content:
            reference = split_reference(version.content[edge]["schema"])
            schema = SchemaVersion.objects.of(version.workspace_id, *reference)
            found[edge] = schema.whole if schema else True
    return found


def as_json(version: ContractVersion, doors: Sequence[Door]) -> Json:
    """The contract whole: the document with its schemas in full."""
    content = dict(version.content)
    for edge, schema in schemas_of(version).items():
        content[edge] = {**content[edge], "json_schema": schema}
    return {
        **content,
        "version": version.number,
        "state": version.state,
        "sha256": version.sha256,
        "published_at": version.published_at.isoformat(),
        "doors": [{key: value for key, value in _door(door).items() if value} for door in doors],
    }


def _door(door: Door) -> Json:
    return {"environment": door.environment, "address": door.address, "event": door.event}


def as_openapi(version: ContractVersion, doors: Sequence[Door]) -> Json:
    """OpenAPI 3.1: a post for each address; what the flow gives is a schema among the components."""
    content, schemas = version.content, schemas_of(version)
    paths: Json = {}
    for path, servers in _paths(doors).items():
        paths[path] = {"servers": servers, "post": _operation(content)}
    return {
        "openapi": "3.1.1",
        "info": _info(version),
        "paths": paths,
        "webhooks": {} if paths else {content["slug"]: {"post": _operation(content)}},
        "components": {
            "schemas": {
                _component(edge): _embedded(schema, f"#/components/schemas/{_component(edge)}")
                for edge, schema in schemas.items()
            }
        },
        "x-errors": content.get("errors", []),
        **{f"x-{key.replace('_', '-')}": content[key] for key in _FURTHER if key in content},
    }


_FURTHER = ("idempotency", "ordering", "service_level", "change_policy")


def _info(version: ContractVersion) -> Json:
    content = version.content
    info: Json = {"title": content["title"], "version": str(version.number)}
    if content.get("description"):
        info["description"] = content["description"]
    contact = content.get("contact", "")
    if contact:
        info["contact"] = {"name": content.get("owner") or content["title"]}
        info["contact"]["email" if "@" in contact and "/" not in contact else "url"] = contact
    return info


def _paths(doors: Sequence[Door]) -> dict[str, list[Json]]:
    """Servers by the path that is posted to."""
    paths: dict[str, list[Json]] = {}
    for door in doors:
        if door.address:
            parts = urlsplit(door.address)
            server = {"url": f"{parts.scheme}://{parts.netloc}", "description": door.environment}
            paths.setdefault(parts.path or "/", []).append(server)
    return paths


def _operation(content: Mapping[str, Any]) -> Json:
    media: Json = {"schema": {"$ref": f"#/components/schemas/{_component('input')}"}}
    examples = content.get("examples", ())
    if examples:
        media["examples"] = {
            f"example{number}": {"summary": one["title"], "value": one["input"]}
            for number, one in enumerate(examples, 1)
        }
    return {
        "operationId": f"send-{content['slug']}",
        "summary": content["title"],
        "requestBody": {"required": True, "content": {"application/json": media}},
        "responses": {
            "202": {"description": "Accepted and stored; the answer names the receipt."},
            "400": {"description": "The body is not JSON."},
            "401": {"description": "The signature is missing or wrong."},
            "409": {"description": "A known delivery id with another body."},
            "413": {"description": "The body is too large."},
            "429": {"description": "Too many deliveries; see Retry-After."},
        },
    }


def _component(edge: str) -> str:
    return edge.capitalize()


def _embedded(schema: Any, place: str) -> Any:
    """A schema at a place of a document: its references to its own parts go on to lead there."""

    def change(reference: str) -> str:
        return place + reference[1:] if reference == "#" or reference.startswith("#/") else reference

    return rewritten(schema, change, frozenset({"$id"}))


def as_asyncapi(version: ContractVersion, doors: Sequence[Door]) -> Json:
    """AsyncAPI 3.0: a channel that the integration receives from, and one that it sends to where there is an output."""
    content, schemas = version.content, schemas_of(version)
    messages: Json = {}
    channels: Json = {}
    operations: Json = {}
    for edge, schema in schemas.items():
        name = _component(edge)
        messages[name] = {
            "name": f"{content['slug']}.{edge}",
            "contentType": "application/json",
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": _embedded(schema, f"#/components/messages/{name}/payload/schema"),
            },
        }
        shown = [
            {"name": f"example{number}", "summary": one["title"], "payload": one[edge]}
            for number, one in enumerate(content.get("examples", ()), 1)
            if edge in one
        ]
        if shown:
            messages[name]["examples"] = shown
        channels[edge] = {
            "address": _address(doors) if edge == "input" else None,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        operations[edge] = {
            "action": "receive" if edge == "input" else "send",
            "channel": {"$ref": f"#/channels/{edge}"},
            "messages": [{"$ref": f"#/channels/{edge}/messages/{name}"}],
        }
    return {
        "asyncapi": "3.0.0",
        "info": _info(version),
        "servers": _servers(doors),
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _servers(doors: Sequence[Door]) -> Json:
    found: Json = {}
    for door in doors:
        if door.address:
            parts = urlsplit(door.address)
            found.setdefault(door.environment, {"host": parts.netloc, "protocol": parts.scheme})
    return found


def _address(doors: Sequence[Door]) -> str | None:
    """The address of the channel: the path of the only door, or the event type; None where there are several."""
    found = {urlsplit(door.address).path or "/" if door.address else door.event for door in doors}
    return found.pop() if len(found) == 1 else None


EXPORTS: dict[str, Callable[[ContractVersion, Sequence[Door]], Json]] = {
    "contract": as_json,
    "openapi": as_openapi,
    "asyncapi": as_asyncapi,
}
