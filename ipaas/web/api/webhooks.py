"""Webhooks: who outside is told of which events, and what became of each delivery."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.core.ids import uuid7_time
from ipaas.notices import services
from ipaas.notices.models import DeliveryAttempt, Webhook, WebhookDelivery
from ipaas.notices.services import WithSecret, shown_url
from ipaas.outbox.event_types import event_types
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, OptionalReasonInput, PageOutput, ReasonInput, StrictSerializer
from ipaas.web.api.pagination import page_by_place


class EventTypeOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    doc = serializers.CharField()
    schema = JsonField(help_text="JSON Schema of the event's data.")
    example = JsonField()


class EventTypesOutput(PageOutput):
    items = EventTypeOutput(many=True)


class WebhookQuery(StrictSerializer):
    slug = serializers.SlugField(max_length=60, required=False)
    state = serializers.ChoiceField(choices=Webhook.State.choices, required=False)


class WebhookInput(StrictSerializer):
    slug = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=200)
    url = serializers.CharField(max_length=2000)
    events = serializers.ListField(child=serializers.CharField(max_length=200), max_length=100)
    environment = serializers.SlugField(
        max_length=40, required=False, allow_null=True, default=None, help_text="Null: events of all environments."
    )


class WebhookChanges(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False)
    url = serializers.CharField(max_length=2000, required=False)
    events = serializers.ListField(child=serializers.CharField(max_length=200), max_length=100, required=False)
    environment = serializers.SlugField(max_length=40, required=False, allow_null=True)


class WebhookOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    url = serializers.SerializerMethodField(help_text="Whole for those who may change it, else only where it leads.")
    events = serializers.ListField(child=serializers.CharField())
    environment = serializers.SerializerMethodField(allow_null=True)
    secret_slug = serializers.CharField(help_text="The signing secret in the vault.")
    state = serializers.ChoiceField(choices=Webhook.State.choices)
    state_reason = serializers.CharField()
    failing_since = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()

    def get_url(self, webhook: Webhook) -> str:
        return shown_url(webhook, self.context["actor"])

    def get_environment(self, webhook: Webhook) -> str | None:
        return webhook.environment.slug if webhook.environment is not None else None


class WebhookSecretOutput(WebhookOutput):
    secret = serializers.CharField(allow_null=True, help_text="The new signing secret, this once.")


class WebhookRotationInput(StrictSerializer):
    overlap_hours = serializers.IntegerField(
        required=False, default=24, min_value=0, max_value=168, help_text="How long the old secret signs too."
    )
    after_version = serializers.IntegerField(
        min_value=0,
        required=False,
        help_text="The newest version of the signing secret that the caller knows; 409 where another came since.",
    )


class RedeliveryInput(StrictSerializer):
    since = serializers.DateTimeField(help_text="Failed deliveries of events since then, inclusive.")


class RedeliveryOutput(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="How many deliveries were queued again.")


class DeliveryQuery(StrictSerializer):
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices, required=False)
    event_type = serializers.CharField(max_length=200, required=False)


class DeliveryOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    event_id = serializers.UUIDField(help_text="The `webhook-id` that it is sent with.")
    event_type = serializers.CharField()
    happened_at = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices)
    attempts = serializers.IntegerField()
    due_at = serializers.DateTimeField(allow_null=True, help_text="When it is tried next.")
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_happened_at(self, delivery: WebhookDelivery) -> str:
        return uuid7_time(delivery.event_id).isoformat()


class DeliveryAttemptOutput(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields = ("number", "at", "duration_ms", "status", "error", "answer")


class DeliveryDetailOutput(DeliveryOutput):
    tries = DeliveryAttemptOutput(many=True)


@extend_schema(tags=["webhooks"])
class WebhookViewSet(ApiViewSet):
    serializer_class = WebhookOutput
    shown_once = frozenset({"secret"})
    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "types"), "webhooks.view"),
        **dict.fromkeys(("create", "partial_update", "destroy", "pause", "resume", "rotate"), "webhooks.edit"),
        **dict.fromkeys(("test", "redeliver"), "webhooks.redeliver"),
    }

    def get_queryset(self) -> QuerySet[Webhook]:
        return Webhook.objects.in_workspace(self.workspace.id).select_related("workspace", "environment")

    @extend_schema(responses=forced_singular_serializer(EventTypesOutput))  # type: ignore[no-untyped-call]
    def types(self, request: Request) -> Response:
        """Every type of event that a webhook can be told of, with its form and an example."""
        found, cursor = page_by_place(list(event_types().values()), request)
        return Response(EventTypesOutput({"items": found, "next_cursor": cursor}).data)

    @extend_schema(parameters=[WebhookQuery])
    def list(self, request: Request) -> Response:
        """The webhooks of the workspace, the newest first."""
        rows = self.get_queryset().filter(**self.read_query(WebhookQuery))
        return self.page_of(rows, WebhookOutput, actor=self.actor)

    def retrieve(self, request: Request, webhook_id: Any) -> Response:
        """A webhook with its state and since when it fails."""
        return self._shown(self.webhook(webhook_id))

    @extend_schema(request=WebhookInput, responses={201: WebhookSecretOutput})
    def create(self, request: Request) -> Response:
        """Add an address that is told of events; its signing secret is shown this once."""
        given = self._placed(self.read(WebhookInput))
        return self._with_secret(
            services.create_webhook(actor=self.actor, workspace=self.workspace, **given), status=201
        )

    @extend_schema(request=WebhookChanges, responses=WebhookOutput)
    def partial_update(self, request: Request, webhook_id: Any) -> Response:
        """Change what is named; deliveries that wait go to the new address."""
        webhook, changes = self.webhook(webhook_id), self._placed(self.read(WebhookChanges))
        return self._shown(services.update_webhook(actor=self.actor, webhook=webhook, changes=changes))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, webhook_id: Any) -> Response:
        """Delete a webhook with its deliveries and its signing secret."""
        services.delete_webhook(actor=self.actor, webhook=self.webhook(webhook_id))
        return Response(status=204)

    @extend_schema(request=ReasonInput, responses=WebhookOutput)
    def pause(self, request: Request, webhook_id: Any) -> Response:
        """Send nothing for a while; what happens meanwhile waits."""
        webhook, given = self.webhook(webhook_id), self.read(ReasonInput)
        return self._shown(services.pause_webhook(actor=self.actor, webhook=webhook, **given))

    @extend_schema(request=OptionalReasonInput, responses=WebhookOutput)
    def resume(self, request: Request, webhook_id: Any) -> Response:
        """Take a paused or disabled webhook up again; what waited is sent at once."""
        webhook, given = self.webhook(webhook_id), self.read(OptionalReasonInput)
        return self._shown(services.resume_webhook(actor=self.actor, webhook=webhook, **given))

    @extend_schema(request=WebhookRotationInput, responses=WebhookSecretOutput)
    def rotate(self, request: Request, webhook_id: Any) -> Response:
        """Make a new signing secret, shown this once; the old one signs too for the overlap."""
        webhook, given = self.webhook(webhook_id), self.read(WebhookRotationInput)
        overlap = timedelta(hours=given["overlap_hours"])
        return self._with_secret(
            services.rotate_webhook_secret(
                actor=self.actor, webhook=webhook, overlap=overlap, after=given.get("after_version")
            ),
            status=200,
        )

    @extend_schema(request=None, responses={202: DeliveryOutput})
    def test(self, request: Request, webhook_id: Any) -> Response:
        """Send a test event; answers with its delivery."""
        made = services.send_test_event(actor=self.actor, webhook=self.webhook(webhook_id))
        return Response(DeliveryOutput(made).data, status=202)

    @extend_schema(request=RedeliveryInput, responses={202: RedeliveryOutput})
    def redeliver(self, request: Request, webhook_id: Any) -> Response:
        """Send every failed delivery of events since a moment again."""
        webhook, given = self.webhook(webhook_id), self.read(RedeliveryInput)
        count = services.redeliver_failed(actor=self.actor, webhook=webhook, **given)
        return Response(RedeliveryOutput({"count": count}).data, status=202)

    def webhook(self, webhook_id: Any) -> Webhook:
        found: Webhook = self.one(self.get_queryset(), "webhook", id=webhook_id)
        return found

    def _placed(self, given: dict[str, Any]) -> dict[str, Any]:
        """The fields with the environment in place of its slug."""
        if given.get("environment") is None:
            return given
        places = Environment.objects.filter(workspace=self.workspace)
        return {**given, "environment": self.one(places, "environment", slug=given["environment"])}

    def _shown(self, webhook: Webhook) -> Response:
        return Response(WebhookOutput(webhook, context={"actor": self.actor}).data)

    def _with_secret(self, made: WithSecret, *, status: int) -> Response:
        shown = WebhookOutput(made.webhook, context={"actor": self.actor}).data
        return Response({**shown, "secret": made.secret}, status=status)


@extend_schema(tags=["webhooks"])
class WebhookDeliveryViewSet(ApiViewSet):
    serializer_class = DeliveryOutput
    required_permissions = {
        **dict.fromkeys(("list", "retrieve"), "webhooks.view"),
        "redeliver": "webhooks.redeliver",
    }

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        return WebhookDelivery.objects.filter(workspace_id=self.workspace.id)

    @extend_schema(parameters=[DeliveryQuery])
    def list(self, request: Request, webhook_id: Any) -> Response:
        """Deliveries of a webhook, the newest first."""
        webhook = self.one(Webhook.objects.in_workspace(self.workspace.id), "webhook", id=webhook_id)
        rows = self.get_queryset().filter(webhook=webhook, **self.read_query(DeliveryQuery))
        return self.page_of(rows, DeliveryOutput)

    @extend_schema(responses=DeliveryDetailOutput)
    def retrieve(self, request: Request, delivery_id: Any) -> Response:
        """A delivery with each of its tries and the beginning of the answer, redacted."""
        return self._shown(self.delivery(delivery_id))

    @extend_schema(request=None, responses={202: DeliveryDetailOutput})
    def redeliver(self, request: Request, delivery_id: Any) -> Response:
        """Send an ended delivery again, with the same `webhook-id`."""
        return self._shown(services.redeliver(actor=self.actor, delivery=self.delivery(delivery_id)), status=202)

    def delivery(self, delivery_id: Any) -> WebhookDelivery:
        rows = self.get_queryset().select_related("webhook").prefetch_related("tries")
        found: WebhookDelivery = self.one(rows, "delivery", id=delivery_id)
        return found

    def _shown(self, delivery: WebhookDelivery, status: int = 200) -> Response:
        return Response(DeliveryDetailOutput(delivery).data, status=status)
