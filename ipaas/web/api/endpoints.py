"""Where deliveries come in, and what became of each."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.core.errors import NotFound
from ipaas.core.ids import uuid7_time
from ipaas.events import services, subscriptions
from ipaas.events.checks import ANSWERS
from ipaas.events.intake import MAX_BODY
from ipaas.events.models import ArrivalNote, Endpoint, Receipt
from ipaas.events.redelivery import redeliver_receipt, send_test
from ipaas.runtime.models import Run
from ipaas.runtime.shown_deliveries import shown_note, shown_receipt
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, OptionalReasonInput, ReasonInput, StrictSerializer

HEADER_OR_NONE = r"\A[A-Za-z0-9-]{0,80}\Z"


class EndpointQuery(StrictSerializer):
    environment = serializers.SlugField(max_length=40, required=False, help_text="Slug of an environment.")
    slug = serializers.SlugField(max_length=80, required=False, help_text="Its own slug; one in each environment.")
    state = serializers.ChoiceField(choices=Endpoint.State.choices, required=False, help_text="Of the endpoint.")


class EndpointInput(StrictSerializer):
    environment = serializers.SlugField(max_length=40)
    slug = serializers.SlugField(max_length=80)
    title = serializers.CharField(max_length=200)
    connector = serializers.SlugField(max_length=80, required=False, default="", allow_blank=True)
    signature = serializers.DictField(child=JsonField(), required=False, default=dict)
    signature_required = serializers.BooleanField(required=False, default=True)
    secret_slug = serializers.SlugField(max_length=80, required=False, default="", allow_blank=True)
    delivery_header = serializers.RegexField(
        HEADER_OR_NONE, required=False, default="", allow_blank=True, help_text="Header with the delivery's id."
    )
    delivery_path = serializers.CharField(
        max_length=300,
        required=False,
        default="",
        allow_blank=True,
        help_text="Path of the id in the body instead, or several joined by +; without either the vendor's own place.",
    )
    event_header = serializers.RegexField(
        HEADER_OR_NONE, required=False, default="", allow_blank=True, help_text="Header with the event's type."
    )
    event_path = serializers.CharField(
        max_length=300, required=False, default="", allow_blank=True, help_text="Path of the type in the body instead."
    )
    handshake = serializers.DictField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=None,
        allow_null=True,
        help_text="A challenge of the sender to answer, as in a manifest; null for that of the scheme's vendor.",
    )
    sources = serializers.ListField(
        child=serializers.CharField(max_length=50),
        required=False,
        default=list,
        max_length=100,
        help_text="Networks that may send, such as 192.0.2.0/24; all when empty.",
    )
    max_body = serializers.IntegerField(
        min_value=100, max_value=MAX_BODY, required=False, default=None, allow_null=True, help_text="In bytes."
    )
    rate_per_minute = serializers.IntegerField(
        min_value=1,
        max_value=1_000_000,
        required=False,
        default=None,
        allow_null=True,
        help_text="Deliveries a minute, counted by each process that takes any.",
    )
    answer_status = serializers.ChoiceField(
        choices=ANSWERS,
        required=False,
        default=None,
        allow_null=True,
        help_text="Of accepted deliveries; null for what the connector's vendor asks for, else 202.",
    )


class EndpointChanges(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False)
    connector = serializers.SlugField(max_length=80, required=False, allow_blank=True)
    signature = serializers.DictField(child=JsonField(), required=False)
    signature_required = serializers.BooleanField(required=False)
    secret_slug = serializers.SlugField(max_length=80, required=False, allow_blank=True)
    delivery_header = serializers.RegexField(HEADER_OR_NONE, required=False, allow_blank=True)
    delivery_path = serializers.CharField(max_length=300, required=False, allow_blank=True)
    event_header = serializers.RegexField(HEADER_OR_NONE, required=False, allow_blank=True)
    event_path = serializers.CharField(max_length=300, required=False, allow_blank=True)
    handshake = serializers.DictField(child=serializers.CharField(max_length=200), required=False)
    sources = serializers.ListField(child=serializers.CharField(max_length=50), required=False, max_length=100)
    max_body = serializers.IntegerField(min_value=100, max_value=MAX_BODY, required=False, allow_null=True)
    rate_per_minute = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False, allow_null=True)
    answer_status = serializers.ChoiceField(choices=ANSWERS, required=False)


class SubscriptionInput(StrictSerializer):
    connection = serializers.SlugField(
        max_length=60, help_text="Over which the vendor is told; of the same environment."
    )
    trigger = serializers.CharField(
        max_length=60, required=False, default="", allow_blank=True, help_text="Where the connector has several."
    )
    events = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=list,
        max_length=200,
        help_text="Types of events; all that the trigger knows when empty.",
    )


class SubscriptionOutput(serializers.Serializer[Any]):
    connection = serializers.CharField()
    trigger = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    vendor_id = serializers.CharField(help_text="The subscription's id at the vendor.")
    state = serializers.ChoiceField(
        choices=[
            ("pending", "the vendor is being asked, or was when the program ended"),
            ("active", "the vendor delivers"),
            ("unknown", "nobody knows whether it was made: check it, or end it"),
            ("gone", "the vendor does not know it any more"),
            ("outdated", "it is for the address before the present one"),
        ]
    )
    message = serializers.CharField(help_text="What went wrong last.")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    checked_at = serializers.DateTimeField(allow_null=True)
    renew_due_at = serializers.DateTimeField(
        allow_null=True, help_text="When the platform asks the vendor to go on; null where it need not."
    )


class EndpointOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    environment = serializers.CharField(source="environment.slug")
    slug = serializers.CharField()
    title = serializers.CharField()
    path = serializers.SerializerMethodField()
    connector = serializers.CharField()
    signature = JsonField()
    signature_required = serializers.BooleanField()
    secret_slug = serializers.CharField()
    delivery_header = serializers.CharField()
    delivery_path = serializers.CharField()
    event_header = serializers.CharField()
    event_path = serializers.CharField()
    handshake = JsonField()
    sources = serializers.ListField(child=serializers.CharField())
    max_body = serializers.IntegerField(allow_null=True)
    rate_per_minute = serializers.IntegerField(allow_null=True)
    answer_status = serializers.IntegerField(help_text="What accepted deliveries are answered.")
    state = serializers.ChoiceField(choices=Endpoint.State.choices)
    subscription = serializers.SerializerMethodField(help_text="What the vendor was told of the address.")
    created_at = serializers.DateTimeField()

    @extend_schema_field(SubscriptionOutput(allow_null=True))
    def get_subscription(self, endpoint: Endpoint) -> Any:
        found = getattr(endpoint, "subscription", None)
        return SubscriptionOutput(found).data if found is not None else None

    def get_path(self, endpoint: Endpoint) -> str:
        """Where senders post to, below the ingress' address."""
        return f"/hooks/{endpoint.public_id}"


class SampleInput(StrictSerializer):
    body = JsonField(help_text="The document to deliver.")
    event = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class EndpointSampleOutput(serializers.Serializer[Any]):
    status = serializers.IntegerField(help_text="What the ingress answered.")
    delivery_id = serializers.CharField()
    receipt_id = serializers.UUIDField(allow_null=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class ArrivalQuery(StrictSerializer):
    verdict = serializers.ChoiceField(
        choices=ArrivalNote.Verdict.choices, required=False, help_text="What was made of it."
    )
    code = serializers.CharField(max_length=60, required=False, help_text="Why it was refused.")


class ArrivalOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    came_at = serializers.SerializerMethodField()
    verdict = serializers.ChoiceField(choices=ArrivalNote.Verdict.choices)
    status = serializers.IntegerField(help_text="What the sender was answered.")
    code = serializers.CharField()
    detail = serializers.CharField()
    method = serializers.CharField()
    peer = serializers.CharField(help_text="Whom it came from, as far as is known.")
    size = serializers.IntegerField(help_text="Of its body, in bytes.")
    receipt_id = serializers.UUIDField(allow_null=True, help_text="The receipt that it repeats.")

    @extend_schema_field(serializers.DateTimeField)
    def get_came_at(self, note: ArrivalNote) -> str:
        return uuid7_time(note.id).isoformat()


class ArrivalContent(serializers.Serializer[Any]):
    note = ArrivalOutput()
    content = JsonField()


@extend_schema(tags=["endpoints"])
class EndpointViewSet(ApiViewSet):
    serializer_class = EndpointOutput
    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "arrivals"), "connections.view"),
        "arrival": "runs.view",
        "test": "flows.trigger",
        **dict.fromkeys(("create", "partial_update", "destroy", "pause", "resume", "rotate"), "connections.edit"),
        **dict.fromkeys(("subscribe", "unsubscribe", "check_subscription"), "connections.edit"),
    }

    def get_queryset(self) -> QuerySet[Endpoint]:
        return Endpoint.objects.filter(workspace=self.workspace).select_related("environment", "subscription")

    @extend_schema(parameters=[EndpointQuery])
    def list(self, request: Request) -> Response:
        """The endpoints of the workspace."""
        query = self.read_query(EndpointQuery)
        if "environment" in query:
            query["environment__slug"] = query.pop("environment")
        return self.page_of(self.get_queryset().filter(**query), EndpointOutput)

    def endpoint(self, endpoint_id: Any) -> Endpoint:
        found: Endpoint = self.one(self.get_queryset(), "endpoint", id=endpoint_id)
        return found

    def retrieve(self, request: Request, endpoint_id: Any) -> Response:
        """An endpoint with the path at which it takes deliveries."""
        return Response(EndpointOutput(self.endpoint(endpoint_id)).data)

    @extend_schema(request=EndpointInput, responses={201: EndpointOutput})
    def create(self, request: Request) -> Response:
        """Make an address for a sender; without a required signature it needs settings.edit too."""
        given = self.read(EndpointInput)
        places = Environment.objects.filter(workspace=self.workspace)
        environment = self.one(places, "environment", slug=given.pop("environment"))
        made = services.create_endpoint(actor=self.actor, environment=environment, **given)
        return Response(EndpointOutput(made).data, status=201)

    @extend_schema(request=EndpointChanges, responses=EndpointOutput)
    def partial_update(self, request: Request, endpoint_id: Any) -> Response:
        """Change how deliveries are checked; taking unsigned ones from now on needs settings.edit too."""
        endpoint, changes = self.endpoint(endpoint_id), self.read(EndpointChanges)
        return self._shown(services.update_endpoint(actor=self.actor, endpoint=endpoint, changes=changes))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, endpoint_id: Any) -> Response:
        """Delete an endpoint; 409 while a deployed flow is started by it. Its receipts stay."""
        services.delete_endpoint(actor=self.actor, endpoint=self.endpoint(endpoint_id))
        return Response(status=204)

    @extend_schema(request=ReasonInput, responses=EndpointOutput)
    def pause(self, request: Request, endpoint_id: Any) -> Response:
        """Take nothing more; senders are told to come back later (503)."""
        endpoint, given = self.endpoint(endpoint_id), self.read(ReasonInput)
        return self._shown(services.pause_endpoint(actor=self.actor, endpoint=endpoint, **given))

    @extend_schema(request=OptionalReasonInput, responses=EndpointOutput)
    def resume(self, request: Request, endpoint_id: Any) -> Response:
        """Take deliveries again."""
        endpoint, given = self.endpoint(endpoint_id), self.read(OptionalReasonInput)
        return self._shown(services.resume_endpoint(actor=self.actor, endpoint=endpoint, **given))

    @extend_schema(request=ReasonInput, responses=EndpointOutput)
    def rotate(self, request: Request, endpoint_id: Any) -> Response:
        """Give the endpoint a new address; the old one is gone at once."""
        endpoint, given = self.endpoint(endpoint_id), self.read(ReasonInput)
        return self._shown(services.rotate_endpoint(actor=self.actor, endpoint=endpoint, **given))

    @extend_schema(request=SubscriptionInput, responses=EndpointOutput)
    def subscribe(self, request: Request, endpoint_id: Any) -> Response:
        """Have the vendor deliver here, by the connector's own action; 409 where it was told already."""
        endpoint, given = self.endpoint(endpoint_id), self.read(SubscriptionInput)
        subscriptions.subscribe_endpoint(actor=self.actor, endpoint=endpoint, **given)
        return self._shown(self.endpoint(endpoint_id))

    @extend_schema(request=None, responses={204: None})
    def unsubscribe(self, request: Request, endpoint_id: Any) -> Response:
        """Have the vendor stop; what it does not know any more counts as ended."""
        subscriptions.unsubscribe_endpoint(actor=self.actor, endpoint=self.endpoint(endpoint_id))
        return Response(status=204)

    @extend_schema(request=None, responses=EndpointOutput)
    def check_subscription(self, request: Request, endpoint_id: Any) -> Response:
        """Ask the vendor whether it delivers here; the subscription's state says it."""
        subscriptions.check_subscription(actor=self.actor, endpoint=self.endpoint(endpoint_id))
        return self._shown(self.endpoint(endpoint_id))

    @extend_schema(request=SampleInput, responses=EndpointSampleOutput)
    def test(self, request: Request, endpoint_id: Any) -> Response:
        """Post a document to the endpoint, signed as its sender would; what it starts is real."""
        endpoint, given = self.endpoint(endpoint_id), self.read(SampleInput)
        return Response(EndpointSampleOutput(send_test(actor=self.actor, endpoint=endpoint, **given)).data)

    @extend_schema(parameters=[ArrivalQuery], responses=ArrivalOutput(many=True))
    def arrivals(self, request: Request, endpoint_id: Any) -> Response:
        """What came lately and became no receipt: refusals, repetitions and challenges, newest first."""
        rows = self.endpoint(endpoint_id).arrivals.defer("sealed").filter(**self.read_query(ArrivalQuery))
        return self.page_of(rows, ArrivalOutput)

    @extend_schema(responses=ArrivalContent)
    def arrival(self, request: Request, endpoint_id: Any, arrival_id: Any) -> Response:
        """One of them with its content, redacted; nobody vouches for what a refused sender said."""
        if self.actor.flows is not None:
            raise NotFound(what="arrival")
        note = self.one(self.endpoint(endpoint_id).arrivals.select_related("endpoint"), "arrival", id=arrival_id)
        return Response(ArrivalContent({"note": note, "content": shown_note(note)}).data)

    def _shown(self, endpoint: Endpoint) -> Response:
        return Response(EndpointOutput(endpoint).data)


class ReceiptQuery(StrictSerializer):
    endpoint = serializers.UUIDField(required=False, help_text="Id of an endpoint.")
    state = serializers.ChoiceField(choices=Receipt.State.choices, required=False, help_text="What became of it.")
    delivery_id = serializers.CharField(max_length=200, required=False, help_text="The sender's own id.")


class ReceiptOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    endpoint_id = serializers.UUIDField()
    delivery_id = serializers.CharField(allow_null=True)
    event = serializers.CharField()
    state = serializers.ChoiceField(choices=Receipt.State.choices)
    received_at = serializers.SerializerMethodField()
    trace_id = serializers.CharField()
    run_ids = serializers.SerializerMethodField()
    note = serializers.CharField()
    redelivery_of = serializers.UUIDField(
        allow_null=True, help_text="The receipt that was taken once more as this one."
    )

    @extend_schema_field(serializers.DateTimeField)
    def get_received_at(self, receipt: Receipt) -> str:
        return uuid7_time(receipt.id).isoformat()

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_run_ids(self, receipt: Receipt) -> list[Any]:
        """The runs it started, of those that the caller may see."""
        visible = self.context["runs"]
        return [one for one in receipt.run_ids or [] if one in visible]


class ReceiptContent(serializers.Serializer[Any]):
    headers = JsonField()
    body = JsonField()


@extend_schema(tags=["receipts"])
class ReceiptViewSet(ApiViewSet):
    """Accepted deliveries; a key bound to flows sees those that started runs of its flows."""

    serializer_class = ReceiptOutput
    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "content"), "runs.view"),
        "redeliver": "flows.trigger",
    }

    def get_queryset(self) -> QuerySet[Receipt]:
        rows = Receipt.objects.filter(workspace_id=self.workspace.id)
        if self.actor.flows is None:
            return rows
        started = Run.objects.visible_to(self.actor).filter(receipt_id=OuterRef("id"))
        return rows.filter(Exists(started))

    @extend_schema(parameters=[ReceiptQuery])
    def list(self, request: Request) -> Response:
        """Accepted deliveries, newest first."""
        query = self.read_query(ReceiptQuery)
        if "endpoint" in query:
            query["endpoint_id"] = query.pop("endpoint")
        page = self.paginate_queryset(self.get_queryset().filter(**query)) or []
        return self.get_paginated_response(ReceiptOutput(page, many=True, context=self._runs(page)).data)

    def retrieve(self, request: Request, receipt_id: Any) -> Response:
        """An accepted delivery and the runs that it started."""
        receipt = self.one(self.get_queryset(), "receipt", id=receipt_id)
        return Response(ReceiptOutput(receipt, context=self._runs([receipt])).data)

    @extend_schema(responses=ReceiptContent)
    def content(self, request: Request, receipt_id: Any) -> Response:
        """Headers and body of an accepted delivery, redacted."""
        receipt = self.one(self.get_queryset(), "receipt", id=receipt_id)
        endpoint = Endpoint.objects.filter(workspace=self.workspace, id=receipt.endpoint_id).first()
        return Response(ReceiptContent(shown_receipt(receipt, endpoint)).data)

    @extend_schema(request=ReasonInput, responses={201: ReceiptOutput})
    def redeliver(self, request: Request, receipt_id: Any) -> Response:
        """Take it once more as a new receipt that names this one: flows start again, with effects of their own."""
        receipt, given = self.one(self.get_queryset(), "receipt", id=receipt_id), self.read(ReasonInput)
        made = redeliver_receipt(actor=self.actor, receipt=receipt, **given)
        return Response(ReceiptOutput(made, context=self._runs([made])).data, status=201)

    def _runs(self, receipts: Sequence[Receipt]) -> dict[str, Any]:
        ids = [one for receipt in receipts for one in receipt.run_ids or []]
        return {"runs": set(Run.objects.visible_to(self.actor).filter(id__in=ids).values_list("id", flat=True))}
