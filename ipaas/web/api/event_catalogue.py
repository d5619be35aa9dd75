"""Event types: documents like others, and who publishes and takes the events."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.web.api.documents import DocumentViewSet, permissions_of_kind
from ipaas.web.event_catalogue import Traffic, named, shown_content, traffic_of


class EventFlowOutput(serializers.Serializer[Any]):
    flow = serializers.CharField()
    place = serializers.CharField(help_text="An environment that the flow runs in, or draft.")
    version = serializers.IntegerField(allow_null=True)


class EventPartyOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    note = serializers.CharField()


class EventTrafficOutput(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="The type that events carry.")
    producers = EventFlowOutput(many=True, help_text="Flows that publish it.")
    consumers = EventFlowOutput(many=True, help_text="Flows that it starts.")
    outside_producers = EventPartyOutput(many=True, help_text="Others, as the document says.")
    outside_consumers = EventPartyOutput(many=True, help_text="Others, as the document says.")


@extend_schema(tags=["event types"])
class EventTypeViewSet(DocumentViewSet):
    kind = "event_type"
    required_permissions = {**permissions_of_kind("event_types"), "traffic": "event_types.view"}

    @extend_schema(responses=EventTrafficOutput)
    def traffic(self, request: Request, slug: str) -> Response:
        """Who publishes the events of a type and who takes them; flows for those only who may see flows."""
        content = shown_content(self.document(slug))
        name = str(content.get("name", ""))
        found = traffic_of(self.actor, self.workspace).get(name, Traffic())
        parties = {
            f"outside_{side}": [{"name": one, "note": note} for one, note in named(content.get(side))]
            for side in ("producers", "consumers")
        }
        given = {"name": name, "producers": found.producers, "consumers": found.consumers, **parties}
        return Response(EventTrafficOutput(given).data)
