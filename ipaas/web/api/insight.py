"""How things stand: figures of flows, workers and stores, the policies that hold."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.catalog.models import Connection
from ipaas.catalog.resolution import effective_policy
from ipaas.flows.models import Flow
from ipaas.policies.schema import policy_leaves
from ipaas.policies.settings import PLATFORM, Effective, merge
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, PageOutput, StrictSerializer
from ipaas.web.api.pagination import page_by_place
from ipaas.web.flow_figures import Figures, figures_of, open_letters
from ipaas.web.workers import backlog, stores

MOST_FLOWS = 2_000


class FigureQuery(StrictSerializer):
    environment = serializers.SlugField(max_length=40, help_text="Slug of an environment.")
    flow = serializers.SlugField(max_length=80, required=False, help_text="Slug of a flow.")


class FigureOutput(serializers.Serializer[Any]):
    flow = serializers.CharField()
    health = serializers.ChoiceField(choices=["idle", "healthy", "degraded", "failing"])
    success_percent = serializers.FloatField(allow_null=True, help_text="Of the runs that ended; null without any.")
    runs = serializers.IntegerField(help_text="Begun today (UTC), among the newest 5,000 of the flow.")
    under_way = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())
    hourly = serializers.ListField(child=serializers.IntegerField(), help_text="Runs begun in each hour of the day.")
    open_dead_letters = serializers.IntegerField(help_text="In all environments.")


class FiguresOutput(PageOutput):
    items = FigureOutput(many=True)


class LaneOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    due = serializers.IntegerField(help_text="Waits for a worker now.")
    oldest_due_at = serializers.DateTimeField(allow_null=True)
    under_way = serializers.IntegerField()
    lost = serializers.IntegerField(help_text="Leases that ended without their worker; they are taken up again.")
    later = serializers.IntegerField(help_text="Waits for its time.")
    late = serializers.BooleanField(help_text="The oldest has been due for more than 30 seconds.")


class StoreOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    ok = serializers.BooleanField()
    detail = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class WorkOutput(serializers.Serializer[Any]):
    lanes = LaneOutput(many=True)
    stores = StoreOutput(many=True)


class PolicyValueOutput(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Its place in a policy, such as retry.max_attempts.")
    value = JsonField(help_text="Null: off.")
    origin = serializers.ChoiceField(choices=["platform", "connector", "connection", "step"])


class PolicyOutput(PageOutput):
    items = PolicyValueOutput(many=True)


@extend_schema(tags=["insight"])
class FigureViewSet(ApiViewSet):
    required_permissions = {"list": "flows.view"}

    @extend_schema(parameters=[FigureQuery], responses=forced_singular_serializer(FiguresOutput))  # type: ignore[no-untyped-call]
    def list(self, request: Request) -> Response:
        """How flows do today in an environment: runs by status and hour, success, what is stuck."""
        query = self.read_query(FigureQuery)
        places = Environment.objects.filter(workspace=self.workspace)
        environment = self.one(places, "environment", slug=query["environment"])
        rows = Flow.objects.visible_to(self.actor).live().order_by("slug")
        rows = rows.filter(slug=query["flow"]) if "flow" in query else rows
        flows, cursor = page_by_place(list(rows.values_list("id", "slug")[:MOST_FLOWS]), request)
        figures = figures_of([flow_id for flow_id, _ in flows], environment.id)
        letters = open_letters(self.workspace.id)
        found = [_figure(slug, figures.get(one) or Figures(), letters.get(one, 0)) for one, slug in flows]
        return Response(FiguresOutput({"items": found, "next_cursor": cursor}).data)


def _figure(slug: str, found: Figures, letters: int) -> dict[str, Any]:
    names = ("health", "success_percent", "runs", "under_way", "by_status", "hourly")
    return {"flow": slug, "open_dead_letters": letters, **{name: getattr(found, name) for name in names}}


@extend_schema(tags=["insight"])
class WorkViewSet(ApiViewSet):
    required_permissions = {"retrieve": "settings.view"}

    @extend_schema(responses=WorkOutput)
    def retrieve(self, request: Request) -> Response:
        """Whether work is taken: what is due in each lane, and what the stores say."""
        found = {"lanes": backlog(self.workspace.id), "stores": stores(self.workspace.id)}
        return Response(WorkOutput(found).data)


@extend_schema(tags=["insight"])
class PolicyViewSet(ApiViewSet):
    required_permissions = {"list": "settings.view", "of_connection": "connections.view"}

    @extend_schema(responses=forced_singular_serializer(PolicyOutput))  # type: ignore[no-untyped-call]
    def list(self, request: Request) -> Response:
        """The policy that holds where nobody says otherwise."""
        return self._values(request, merge(PLATFORM, {}, {}, {}))

    @extend_schema(responses=PolicyOutput)
    def of_connection(self, request: Request, connection_id: Any) -> Response:
        """The policy in effect for calls over a connection, each value with where it comes from."""
        rows = Connection.objects.in_workspace(self.workspace.id).select_related("workspace", "environment")
        return self._values(request, effective_policy(self.one(rows, "connection", id=connection_id)))

    def _values(self, request: Request, effective: Effective) -> Response:
        items, cursor = page_by_place(list(_rows(effective)), request)
        return Response(PolicyOutput({"items": items, "next_cursor": cursor}).data)


def _rows(effective: Effective) -> Iterator[dict[str, Any]]:
    for path, _node in policy_leaves():
        value = getattr(effective.settings, path[0])
        if len(path) > 1 and value is not None:
            value = getattr(value, path[1])
        name = ".".join(path)
        origin = effective.origins.get(name) or effective.origins.get(path[0], "platform")
        yield {"name": name, "value": value, "origin": origin}
