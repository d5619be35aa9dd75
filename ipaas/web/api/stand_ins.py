"""The stand-in vendors of this instance: what they are told to do, and what reached them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.catalog import stand_ins
from ipaas.events.models import Endpoint
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, PageOutput, StrictSerializer
from ipaas.web.api.pagination import page_by_place, read_limit, read_place

MAX_SENT = 1000
"""Webhooks of one request: they are sent before it is answered."""


class FaultInput(StrictSerializer):
    vendor = serializers.CharField(max_length=60)
    action = serializers.CharField(max_length=60, required=False, help_text="One action; without it all.")
    kind = serializers.ChoiceField(choices=["status", "reject", "delay", "reset", "half", "drift"])
    percent = serializers.FloatField(min_value=0, max_value=100, required=False, help_text="Of the calls; else all.")
    when = serializers.ChoiceField(choices=["before", "after"], required=False, help_text="The effect.")
    status = serializers.IntegerField(min_value=300, max_value=599, required=False)
    retry_after = serializers.CharField(max_length=60, required=False)
    delay_ms = serializers.IntegerField(min_value=0, max_value=600_000, required=False)
    body = JsonField(required=False)
    times = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    seed = serializers.IntegerField(min_value=-(2**31), max_value=2**31 - 1, required=False)


class ClearInput(StrictSerializer):
    vendor = serializers.CharField(max_length=60, required=False, default="", allow_blank=True)
    fault_id = serializers.CharField(max_length=20, required=False, default="", allow_blank=True)


class LedgerQuery(StrictSerializer):
    vendor = serializers.CharField(max_length=60, required=False, help_text="Name of a stand-in.")
    action = serializers.CharField(max_length=60, required=False, help_text="Action that was called.")
    outcome = serializers.CharField(max_length=60, required=False, help_text="What the stand-in made of it.")
    reference = serializers.CharField(max_length=200, required=False, help_text="The caller's own reference.")
    key = serializers.CharField(max_length=200, required=False, help_text="Idempotency key of the call.")
    entity_id = serializers.CharField(max_length=200, required=False, help_text="Id that the stand-in gave.")


class SendInput(StrictSerializer):
    vendor = serializers.CharField(max_length=60)
    environment = serializers.SlugField(max_length=40)
    endpoint = serializers.SlugField(max_length=80)
    event = serializers.CharField(max_length=60, required=False)
    count = serializers.IntegerField(min_value=1, max_value=MAX_SENT, required=False)
    start = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=9999, required=False)
    concurrency = serializers.IntegerField(min_value=1, max_value=50, required=False)
    duplicate_percent = serializers.FloatField(min_value=0, max_value=100, required=False)
    out_of_order = serializers.BooleanField(required=False)


class StartInput(StrictSerializer):
    connector = serializers.SlugField(max_length=60, help_text="An imported connector.")
    version = serializers.CharField(max_length=40, required=False, help_text="One version; without it the newest.")


class StartedOutput(serializers.Serializer[Any]):
    vendor = serializers.CharField(help_text="Its name among the stand-ins: the connector's.")
    url = serializers.CharField(help_text="For the connection that is to reach it.")


class FaultOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    vendor = serializers.CharField()
    action = serializers.CharField()
    kind = serializers.CharField()
    percent = serializers.FloatField()
    when = serializers.CharField()
    status = serializers.IntegerField()
    retry_after = serializers.CharField()
    delay_ms = serializers.IntegerField()
    times = serializers.IntegerField(allow_null=True)
    fired = serializers.IntegerField()


class StandInCountOutput(serializers.Serializer[Any]):
    action = serializers.CharField()
    outcome = serializers.CharField()
    count = serializers.IntegerField()


class StandInOutput(serializers.Serializer[Any]):
    vendor = serializers.CharField()
    url = serializers.CharField()
    actions = serializers.ListField(child=serializers.CharField())
    faults = FaultOutput(many=True)
    counts = StandInCountOutput(many=True)
    entities = serializers.DictField(child=serializers.IntegerField())
    described = serializers.BooleanField(help_text="Made of an imported connector of this workspace.")


class StandInsOutput(PageOutput):
    items = StandInOutput(many=True)


class LedgerLineOutput(serializers.Serializer[Any]):
    """What arrived; the body is left out."""

    at = serializers.CharField()
    vendor = serializers.CharField()
    action = serializers.CharField()
    outcome = serializers.CharField()
    reference = serializers.CharField(allow_null=True)
    entity_id = serializers.CharField(allow_null=True)
    key = serializers.CharField(allow_null=True)
    status = serializers.IntegerField()


class LedgerOutput(PageOutput):
    items = LedgerLineOutput(many=True)


class ClearedOutput(serializers.Serializer[Any]):
    cleared = serializers.IntegerField()


class SentOutput(serializers.Serializer[Any]):
    sent = serializers.IntegerField()
    statuses = serializers.DictField(child=serializers.IntegerField(), help_text="HTTP status to count; 0: no answer.")


@extend_schema(tags=["stubs"])
class StandInViewSet(ApiViewSet):
    required_permissions = {
        **dict.fromkeys(("list", "ledger"), "stubs.view"),
        **dict.fromkeys(("fault", "clear", "reset", "send", "start", "stop"), "stubs.script"),
    }

    @extend_schema(responses=StandInsOutput)
    def list(self, request: Request) -> Response:
        """Every stand-in with its faults and counts; 404 in a workspace that may not reach them."""
        found = stand_ins.list_stand_ins(actor=self.actor, workspace=self.workspace)
        items, cursor = page_by_place(found, request)
        return Response(StandInsOutput({"items": items, "next_cursor": cursor}).data)

    @extend_schema(request=StartInput, responses={201: StartedOutput})
    def start(self, request: Request) -> Response:
        """Start the stand-in of an imported connector; one that runs is replaced and keeps its state."""
        given = self.read(StartInput)
        url = stand_ins.start_stand_in(actor=self.actor, workspace=self.workspace, **given)
        return Response({"vendor": given["connector"], "url": url}, status=201)

    @extend_schema(responses={204: None})
    def stop(self, request: Request, vendor: str) -> Response:
        """Take the stand-in of an imported connector away, with what reached it."""
        stand_ins.stop_stand_in(actor=self.actor, workspace=self.workspace, vendor=vendor)
        return Response(status=204)

    @extend_schema(parameters=[LedgerQuery], responses=LedgerOutput)
    def ledger(self, request: Request) -> Response:
        """What really arrived, newest first, by the stand-ins' own book. Pages by ``limit`` and ``cursor``."""
        page = stand_ins.ledger_page(
            actor=self.actor,
            workspace=self.workspace,
            filters=self.read_query(LedgerQuery),
            limit=read_limit(request),
            before=read_place(request),
        )
        cursor = None if page.next_before is None else str(page.next_before)
        return Response(LedgerOutput({"items": page.lines, "next_cursor": cursor}).data)

    @extend_schema(request=FaultInput, responses={201: FaultOutput})
    def fault(self, request: Request) -> Response:
        """Put a fault in force."""
        made = stand_ins.set_fault(actor=self.actor, workspace=self.workspace, fault=self.read(FaultInput))
        return Response(FaultOutput(made).data, status=201)

    @extend_schema(request=ClearInput, responses=ClearedOutput)
    def clear(self, request: Request) -> Response:
        """Lift one fault, those of a vendor, or all."""
        cleared = stand_ins.clear_faults(actor=self.actor, workspace=self.workspace, **self.read(ClearInput))
        return Response({"cleared": cleared})

    @extend_schema(request=None, responses={204: None})
    def reset(self, request: Request) -> Response:
        """Make all stand-ins forget state, ledger and faults."""
        stand_ins.reset_stand_ins(actor=self.actor, workspace=self.workspace)
        return Response(status=204)

    @extend_schema(request=SendInput, responses=SentOutput)
    def send(self, request: Request) -> Response:
        """Have a stand-in send signed webhooks to an endpoint; it must share the stand-ins' signing secret."""
        sending = self.read(SendInput)
        vendor, slug = sending.pop("vendor"), sending.pop("environment")
        places = Environment.objects.filter(workspace=self.workspace)
        environment = self.one(places, "environment", slug=slug)
        rows = Endpoint.objects.filter(environment=environment)
        endpoint = self.one(rows, "endpoint", slug=sending.pop("endpoint"))
        sent = stand_ins.send_webhooks(
            actor=self.actor,
            workspace=self.workspace,
            vendor=vendor,
            public_id=endpoint.public_id,
            sending=sending,
        )
        return Response(SentOutput(sent).data)
