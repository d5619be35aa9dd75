"""What waits for a person: dead letters and approvals."""

from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Max, QuerySet, TextField
from django.db.models.functions import Cast
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.flows.models import Flow
from ipaas.runtime.approvals import decide_approval, delegate_approval
from ipaas.runtime.letters import worth_by
from ipaas.runtime.models import Approval, DeadLetter, Run
from ipaas.runtime.replays import correct_and_replay, discard_dead_letter, replay_dead_letter
from ipaas.runtime.showing import ShownRun, shown_evidence
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import ReasonInput
from ipaas.web.api.pagination import page_by_place
from ipaas.web.api.run_serializers import (
    ApprovalDecisionOutput,
    ApprovalDetailOutput,
    ApprovalOutput,
    ApprovalQuery,
    CorrectionInput,
    DeadLetterGroupsOutput,
    DeadLetterOutput,
    DeadLetterQuery,
    DecisionInput,
    DelegationInput,
    GroupQuery,
    ReplayInput,
    RunOutput,
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
    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "groups"), "deadletters.view"),
        "replay": "runs.replay",
        "correct": "deadletters.correct",
        "discard": "deadletters.discard",
    }

    def get_queryset(self) -> QuerySet[DeadLetter]:
        return DeadLetter.objects.visible_to(self.actor)

    @extend_schema(parameters=[DeadLetterQuery])
    def list(self, request: Request) -> Response:
        """Dead letters, newest first."""
        return self.named_page(self.matching(self.get_queryset(), self.read_query(DeadLetterQuery)), DeadLetterOutput)

    def retrieve(self, request: Request, letter_id: Any) -> Response:
        """A dead letter: what failed, where, and what became of it."""
        return self._shown(self.letter(letter_id))

    @extend_schema(request=ReplayInput, responses={202: RunOutput})
    def replay(self, request: Request, letter_id: Any) -> Response:
        """Replay the run of a dead letter; answers with the new run."""
        letter, given = self.letter(letter_id), self.read(ReplayInput)
        return self._run(replay_dead_letter(actor=self.actor, letter=letter, **given))

    @extend_schema(request=CorrectionInput, responses={202: RunOutput})
    def correct(self, request: Request, letter_id: Any) -> Response:
        """Replay the run of a dead letter with a corrected body; answers with the new run."""
        given = self.read(CorrectionInput)
        return self._run(correct_and_replay(actor=self.actor, letter=self.letter(letter_id), **given))

    @extend_schema(request=ReasonInput, responses=DeadLetterOutput)
    def discard(self, request: Request, letter_id: Any) -> Response:
        """Close a dead letter for good, without another try."""
        given = self.read(ReasonInput)
        return self._shown(discard_dead_letter(actor=self.actor, letter=self.letter(letter_id), **given))

    def letter(self, letter_id: Any) -> DeadLetter:
        found: DeadLetter = self.one(self.get_queryset(), "dead letter", id=letter_id)
        return found

    def _shown(self, letter: DeadLetter) -> Response:
        return Response(DeadLetterOutput(letter, context=names_of([letter])).data)

    def _run(self, run: Run) -> Response:
        return Response(RunOutput(run, context=names_of([run])).data, status=202)

    @extend_schema(parameters=[GroupQuery], responses=DeadLetterGroupsOutput)
    def groups(self, request: Request) -> Response:
        """Dead letters by cause, the most frequent cause first (200 at most)."""
        letters = self.matching(self.get_queryset(), self.read_query(GroupQuery))
        found = (
            letters.values("cause", "error_class")
            .annotate(
                count=Count("id"), flow_ids=ArrayAgg("flow_id", distinct=True), newest_id=Max(Cast("id", TextField()))
            )
            .order_by("-count", "cause", "error_class")[:MAX_GROUPS]
        )
        groups, cursor = page_by_place(list(found), request)
        slugs = dict(
            Flow.objects.filter(id__in={one for group in groups for one in group["flow_ids"]}).values_list("id", "slug")
        )
        worth = worth_by(letters.filter(cause__in=[group["cause"] for group in groups]), "cause", "error_class")
        for group in groups:
            sums = worth.get((group["cause"], group["error_class"]), ())
            group["at_stake"] = [{"currency": currency, "amount": amount} for currency, amount in sums]
            group["flows"] = sorted(slugs[one] for one in group.pop("flow_ids") if one in slugs)
        return Response(DeadLetterGroupsOutput({"items": groups, "next_cursor": cursor}).data)


@extend_schema(tags=["approvals"])
class ApprovalViewSet(_OfFlows):
    serializer_class = ApprovalOutput
    required_permissions = {
        **dict.fromkeys(("list", "retrieve"), "approvals.view"),
        **dict.fromkeys(("decide", "delegate"), "approvals.decide"),
    }

    def get_queryset(self) -> QuerySet[Approval]:
        return Approval.objects.visible_to(self.actor)

    @extend_schema(parameters=[ApprovalQuery])
    def list(self, request: Request) -> Response:
        """Approvals, newest first, without their evidence."""
        return self.named_page(self.matching(self.get_queryset(), self.read_query(ApprovalQuery)), ApprovalOutput)

    @extend_schema(responses=ApprovalDetailOutput)
    def retrieve(self, request: Request, approval_id: Any) -> Response:
        """The question with its evidence; hand its ``evidence_sha256`` in with the decision."""
        return self._shown(self.one(self.get_queryset(), "approval", id=approval_id))

    @extend_schema(request=DecisionInput, responses=ApprovalDetailOutput)
    def decide(self, request: Request, approval_id: Any) -> Response:
        """Approve or reject; of two decisions the first wins, the second is 409.

        To approve, name every point of the checklist; to reject, a reason. Where several people have to approve,
        the state stays `pending` until enough have.
        """
        approval, given = self.one(self.get_queryset(), "approval", id=approval_id), self.read(DecisionInput)
        decided = decide_approval(
            actor=self.actor,
            approval=approval,
            decision=given["decision"],
            shown=given["evidence_sha256"],
            checked=given["checked"],
            reason=given["reason"],
        )
        return self._shown(decided)

    @extend_schema(request=DelegationInput, responses=ApprovalDetailOutput)
    def delegate(self, request: Request, approval_id: Any) -> Response:
        """Hand one's say to another member, who is told by mail; the caller has none any more."""
        approval, given = self.one(self.get_queryset(), "approval", id=approval_id), self.read(DelegationInput)
        return self._shown(delegate_approval(actor=self.actor, approval=approval, **given))

    def _shown(self, approval: Approval) -> Response:
        evidence = shown_evidence(approval, ShownRun(Run.objects.get(id=approval.run_id)))
        found = ApprovalOutput(approval, context=names_of([approval])).data
        decisions = ApprovalDecisionOutput(approval.decisions.order_by("decided_at"), many=True).data
        return Response({**found, "decisions": decisions, "evidence": evidence})
