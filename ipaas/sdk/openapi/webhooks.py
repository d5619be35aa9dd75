"""Webhooks that a document describes (3.1, or the extension ``x-webhooks``) as one trigger with its events."""

from collections.abc import Mapping
from typing import Any

from ipaas.sdk.openapi.findings import Findings, below
from ipaas.sdk.openapi.naming import identifier, sentence
from ipaas.sdk.openapi.references import References
from ipaas.sdk.openapi.schemas import SchemaConverter

_IDS = ("id", "event_id", "eventId", "webhook_id", "notification_id", "delivery_id", "uuid")
_TYPES = ("type", "event", "event_type", "eventType", "topic", "action")
_METHODS = ("post", "put", "get")


class WebhookReader:
    def __init__(self, references: References, converter: SchemaConverter, findings: Findings) -> None:
        self._references, self._converter, self._findings = references, converter, findings

    def triggers(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """One trigger named ``webhook`` with an event for each webhook; none where the document has none.

        How deliveries are signed is not part of OpenAPI: the scheme is chosen on the endpoint.
        """
        events: dict[str, Any] = {}
        bodies: list[Mapping[str, Any]] = []
        for key in ("webhooks", "x-webhooks"):
            found = content.get(key)
            for name, given in found.items() if isinstance(found, Mapping) else ():
                place = below("", key, str(name))
                item = self._references.resolved(given, place)
                operation = next((item[one] for one in _METHODS if isinstance(item.get(one), Mapping)), None)
                if operation is None:
                    self._findings.dropped(place, "webhook", "a webhook without an operation")
                    continue
                schema = self._body(operation, place)
                bodies.append(self._properties(schema))
                event = identifier(str(name), events)
                events[event] = {"title": sentence(operation.get("summary"), 80, str(name)[:80]), "schema": schema}
        if not events:
            return {}
        self._findings.note(
            "", "webhook_signature", "OpenAPI does not say how deliveries are signed: choose it on the endpoint"
        )
        id_path = self._common(_IDS, bodies)
        if id_path is None:
            self._findings.note(
                "", "webhook_id", "no member of every delivery names it; the header webhook-id is looked for"
            )
        type_path = self._common(_TYPES, bodies)
        trigger: dict[str, Any] = {
            "title": "Webhook",
            "doc": "Sent by the vendor when something happens.",
            "kind": "webhook",
            "signature": {"scheme": "none"},
            "delivery_id": {"header": "webhook-id"} if id_path is None else {"path": id_path},
            "events": events,
        }
        if type_path is not None:
            trigger["event_type"] = {"path": type_path}
        return {"webhook": trigger}

    def _body(self, operation: Mapping[str, Any], place: str) -> Any:
        where = below(place, "requestBody")
        body = self._references.resolved(operation.get("requestBody", {}), where)
        content = body.get("content")
        for kind, media in content.items() if isinstance(content, Mapping) else ():
            if "json" in str(kind) and isinstance(media, Mapping):
                return self._converter.convert(media.get("schema", {}), below(where, "content", kind, "schema"))
        if isinstance(content, Mapping) and content:
            kinds = ", ".join(map(str, content))[:80]
            self._findings.dropped(where, "content_type", f"a delivery of {kinds}: what is in it is not described")
        return {}

    def _properties(self, schema: Any) -> Mapping[str, Any]:
        for _ in range(8):
            reference = schema.get("$ref") if isinstance(schema, Mapping) else None
            if not isinstance(reference, str):
                break
            schema = self._converter.definitions.get(reference.removeprefix("#/definitions/"))
        found = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
        return found if isinstance(found, Mapping) else {}

    @staticmethod
    def _common(names: tuple[str, ...], bodies: list[Mapping[str, Any]]) -> str | None:
        return next((name for name in names if all(name in body for body in bodies)), None)
