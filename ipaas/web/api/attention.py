"""What waits for a person: dead letters and approvals."""

from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Max, QuerySet, TextField
from django.db.models.functions import Cast
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.flows.models import Flow
from ipaas.runtime.models import Approval, DeadLetter
from ipaas.runtime.services import decide_approval
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.run_serializers import (
    ApprovalOutput,
    ApprovalQuery,
    DeadLetterGroupsOutput,
    DeadLetterOutput,
    DeadLetterQuery,
    DecisionInput,
    GroupQuery,
)
from ipaas.web.api.runs import names_of

MAX_GROUPS = 200


class _OfFlows(ApiViewSet):
    def matching(self, rows: QuerySet[Any], query: dict[str, Any]) -> QuerySet[Any]:
        flow = query.pop("flow", None)
        if flow is not None:
            flows = Flow.objects.filter(workspace=self.workspace, slug=flow)
            rows = rows.filter(flow_id__in=flows.values("id"))
        return rows.filter(**query)

    def named_page(self, rows: QuerySet[Any], serializer: Any) -> Response:
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(serializer(page, many=True, context=names_of(page)).data)


@extend_schema(tags=["dead letters"])
class DeadLetterViewSet(_OfFlows):
    serializer_class = DeadLetterOutput
    required_permissions = dict.fromkeys(("list", "retrieve", "groups"), "deadletters.view")

    def get_queryset(self) -> QuerySet[DeadLetter]:
        return DeadLetter.objects.visible_to(self.actor)

    @extend_schema(parameters=[DeadLetterQuery])
    def list(self, request: Request) -> Response:
        return self.named_page(self.matching(self.get_queryset(), self.read_query(DeadLetterQuery)), DeadLetterOutput)

    def retrieve(self, request: Request, letter_id: Any) -> Response:
        letter = self.one(self.get_queryset(), "dead letter", id=letter_id)
        return Response(DeadLetterOutput(letter, context=names_of([letter])).data)

    @extend_schema(parameters=[GroupQuery], responses=DeadLetterGroupsOutput)
    def groups(self, request: Request) -> Response:
        """Dead letters by cause, the most frequent cause first (at most 200)."""
        rows = self.matching(self.get_queryset(), self.read_query(GroupQuery)).values("cause", "error_class")
        found = rows.annotate(
            count=Count("id"), flow_ids=ArrayAgg("flow_id", distinct=True), newest_id=Max(Cast("id", TextField()))
        ).order_by("-count", "cause")[:MAX_GROUPS]
        groups = list(found)
        slugs = dict(
            Flow.objects.filter(id__in={one for group in groups for one in group["flow_ids"]}).values_list("id", "slug")
        )
        for group in groups:
            group["flows"] = sorted(slugs[one] for one in group.pop("flow_ids") if one in slugs)
        return Response(DeadLetterGroupsOutput({"items": groups}).data)


@extend_schema(tags=["approvals"])
class ApprovalViewSet(_OfFlows):
    serializer_class = ApprovalOutput
    required_permissions = {"list": "approvals.view", "retrieve": "approvals.view", "decide": "approvals.decide"}

    def get_queryset(self) -> QuerySet[Approval]:
        return Approval.objects.visible_to(self.actor)

    @extend_schema(parameters=[ApprovalQuery])
    def list(self, request: Request) -> Response:
        return self.named_page(self.matching(self.get_queryset(), self.read_query(ApprovalQuery)), ApprovalOutput)

    def retrieve(self, request: Request, approval_id: Any) -> Response:
        return self._shown(self.one(self.get_queryset(), "approval", id=approval_id))

    @extend_schema(request=DecisionInput, responses=ApprovalOutput)
    def decide(self, request: Request, approval_id: Any) -> Response:
        """Approve or reject; of two decisions the first wins, the second is 409."""
        approval, given = self.one(self.get_queryset(), "approval", id=approval_id), self.read(DecisionInput)
        decided = decide_approval(
            actor=self.actor,
            approval=approval,
            decision=given["decision"],
            shown=given["evidence_sha256"],
            reason=given["reason"],
        )
        return self._shown(decided)

    def _shown(self, approval: Approval) -> Response:
        return Response(ApprovalOutput(approval, context=names_of([approval])).data)
