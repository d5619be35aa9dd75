"""Shapes of runs, steps, dead letters and approvals. Payload values are shown redacted, or not at all."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ipaas.core.errors import ErrorClass
from ipaas.runtime.models import Approval, Attempt, DeadLetter, Run, SavedFilter, StepRun
from ipaas.runtime.tracing import attempt_span_id
from ipaas.web.api.fields import JsonField, PageOutput, StrictSerializer

ERROR_CLASSES = [entry.value for entry in ErrorClass]


class RunConditions(StrictSerializer):
    """Which runs; the words are those of the list's address."""

    status = serializers.ChoiceField(
        choices=Run.Status.choices, required=False, help_text="What it is doing, or how it ended."
    )
    flow = serializers.SlugField(max_length=80, required=False, help_text="Slug of a flow.")
    environment = serializers.SlugField(max_length=40, required=False, help_text="Slug of an environment.")
    version = serializers.IntegerField(min_value=1, max_value=10**8, required=False, help_text="Of the flow.")
    step = serializers.CharField(max_length=500, required=False, help_text="Path of the step it failed or stands at.")
    error_class = serializers.ChoiceField(choices=ERROR_CLASSES, required=False, help_text="Class of the error.")
    longer = serializers.CharField(max_length=20, required=False, help_text="Took at least: 30s, 5min, 2h.")
    shorter = serializers.CharField(max_length=20, required=False, help_text="Took less than: 30s, 5min, 2h.")
    since = serializers.CharField(
        max_length=40, required=False, help_text="Inclusive: a time with its zone, or a span before now such as 24h."
    )
    until = serializers.CharField(max_length=40, required=False, help_text="Exclusive, likewise.")
    business_id = serializers.CharField(max_length=500, required=False, help_text="The value of any business id.")


class RunQuery(RunConditions):
    saved = serializers.CharField(
        max_length=80, required=False, help_text="Name of a saved filter; other conditions replace those it has."
    )


class SavedFilterInput(StrictSerializer):
    name = serializers.CharField(max_length=80)
    conditions = RunConditions()
    shared = serializers.BooleanField(required=False, default=False, help_text="The whole workspace sees it.")


class SavedFilterOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    conditions = serializers.SerializerMethodField()
    shared = serializers.BooleanField()
    owner = serializers.CharField(source="owner_label")
    created_at = serializers.DateTimeField()

    @extend_schema_field(RunConditions)
    def get_conditions(self, row: SavedFilter) -> Any:
        return {"business_id" if name == "q" else name: value for name, value in row.parameters.items()}


class SettleInput(StrictSerializer):
    step = serializers.CharField(max_length=500)
    item = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    happened = serializers.BooleanField(help_text="True: it happened and result counts. False: it is sent again.")
    result = JsonField(required=False)
    reason = serializers.CharField(max_length=500)


class ReplayWishInput(StrictSerializer):
    from_step = serializers.CharField(
        max_length=500, required=False, help_text="Path of a step; the results before it are taken from the records."
    )
    item = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="One item of the for-each named by from_step."
    )
    new_effects = serializers.BooleanField(
        required=False, default=False, help_text="True: effects happen again; needs runs.replay_new_effects."
    )


class ReplayInput(ReplayWishInput):
    reason = serializers.CharField(max_length=500)
    input = JsonField(required=False, help_text="A corrected body of the trigger; needs deadletters.correct.")


class ReplayPreviewOutput(serializers.Serializer[Any]):
    taken = serializers.ListField(child=serializers.CharField(), help_text="Steps whose results stand.")
    recorded = serializers.ListField(child=serializers.CharField(), help_text="Effects that are not sent again.")
    repeated = serializers.ListField(child=serializers.CharField(), help_text="Effects that would happen again.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Effects of unknown outcome.")


class CorrectionInput(StrictSerializer):
    input = JsonField(help_text="The corrected body of the trigger.")
    reason = serializers.CharField(max_length=500)


class ErrorOutput(serializers.Serializer[Any]):
    error_class = serializers.CharField(allow_null=True)
    code = serializers.CharField(source="error_code", allow_null=True)
    message = serializers.CharField(source="error_message", allow_null=True)


class Failing(serializers.Serializer[Any]):
    error = serializers.SerializerMethodField()

    @extend_schema_field(ErrorOutput(allow_null=True))
    def get_error(self, row: Run | StepRun | Attempt | DeadLetter) -> Any:
        if not row.error_class:
            return None
        found = ErrorOutput(row).data
        return {**found, "message": self.context["scrub"](found["message"])} if found["message"] else found


class RunOutput(Failing):
    id = serializers.UUIDField()
    flow = serializers.SerializerMethodField()
    environment = serializers.SerializerMethodField()
    version_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Run.Status.choices)
    trigger = serializers.CharField()
    business_key = serializers.CharField(help_text="The primary business id.")
    business_ids = serializers.SerializerMethodField()
    trace_id = serializers.CharField()
    root_run_id = serializers.UUIDField()
    parent_run_id = serializers.UUIDField(allow_null=True)
    replay_of = serializers.UUIDField(allow_null=True)
    receipt_id = serializers.UUIDField(allow_null=True)
    deadline_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    error_step = serializers.CharField(allow_null=True)
    cancel_reason = serializers.CharField(allow_null=True)

    def get_flow(self, run: Run) -> str:
        return str(self.context["flows"].get(run.flow_id, ""))

    def get_environment(self, run: Run) -> str:
        return str(self.context["environments"].get(run.environment_id, ""))

    def get_business_ids(self, run: Run) -> dict[str, str]:
        return dict(self.context["business_ids"].get(run.id, {}))


class AttemptOutput(Failing):
    number = serializers.IntegerField()
    outcome = serializers.CharField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.FloatField()
    http_status = serializers.IntegerField(allow_null=True)
    connection_id = serializers.UUIDField(allow_null=True)
    span_id = serializers.SerializerMethodField(help_text="The span that traceparent named to the other side.")
    verdicts = JsonField(help_text="What each policy decided.")

    def get_span_id(self, attempt: Attempt) -> str:
        return attempt_span_id(attempt.run_id, attempt.seq, attempt.number)


class StepOutput(Failing):
    seq = serializers.IntegerField()
    path = serializers.CharField()
    item = serializers.CharField(help_text="The item of a for-each; empty outside of one.")
    kind = serializers.CharField()
    status = serializers.ChoiceField(choices=StepRun.Status.choices)
    compensates = serializers.BooleanField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    attempts = serializers.SerializerMethodField()

    @extend_schema_field(AttemptOutput(many=True))
    def get_attempts(self, step: StepRun) -> Any:
        return AttemptOutput(self.context["attempts"].get(step.seq, []), many=True, context=self.context).data


class StepsOutput(PageOutput):
    items = StepOutput(many=True)


class RunDetailOutput(RunOutput):
    steps = StepsOutput(help_text="The first steps; more by the address of the run's steps.")


class ValuesQuery(StrictSerializer):
    seq = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="A step's; without it the input of the run."
    )


class AttemptValuesOutput(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    request = JsonField(help_text="As far as the policy captures it.")
    response = JsonField()


class ValuesOutput(serializers.Serializer[Any]):
    """Values with everything masked that is secret or classified, and cut where they are long."""

    kept = serializers.BooleanField(help_text="False: the input is no longer kept.")
    input = JsonField(help_text="The trigger of the run, or what the step was given.")
    output = JsonField(help_text="What the step gave; null for the run.")
    attempts = AttemptValuesOutput(many=True)


class DeadLetterQuery(StrictSerializer):
    state = serializers.ChoiceField(choices=DeadLetter.State.choices, required=False, help_text="What became of it.")
    flow = serializers.SlugField(max_length=80, required=False, help_text="Slug of a flow.")
    cause = serializers.CharField(max_length=400, required=False, help_text="The whole cause, as groups name it.")
    error_class = serializers.ChoiceField(choices=ERROR_CLASSES, required=False, help_text="Class of the error.")


class GroupQuery(StrictSerializer):
    state = serializers.ChoiceField(
        choices=DeadLetter.State.choices, required=False, default="open", help_text="What became of them."
    )
    flow = serializers.SlugField(max_length=80, required=False, help_text="Slug of a flow.")


class DeadLetterOutput(Failing):
    id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    flow = serializers.SerializerMethodField()
    environment = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=DeadLetter.State.choices)
    cause = serializers.CharField()
    step = serializers.CharField()
    business_key = serializers.CharField()
    amount = serializers.DecimalField(
        max_digits=18,
        decimal_places=4,
        allow_null=True,
        help_text="What the run is worth, as its flow says.",
    )
    currency = serializers.CharField(help_text="Three letters; empty without an amount.")
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.CharField()
    close_reason = serializers.CharField()
    replay_run_id = serializers.UUIDField(allow_null=True)

    def get_flow(self, letter: DeadLetter) -> str:
        return str(self.context["flows"].get(letter.flow_id, ""))

    def get_environment(self, letter: DeadLetter) -> str:
        return str(self.context["environments"].get(letter.environment_id, ""))


class WorthOutput(serializers.Serializer[Any]):
    currency = serializers.CharField()
    amount = serializers.DecimalField(max_digits=24, decimal_places=4)


class DeadLetterGroupOutput(serializers.Serializer[Any]):
    cause = serializers.CharField()
    error_class = serializers.CharField()
    count = serializers.IntegerField()
    at_stake = WorthOutput(many=True, help_text="What they are worth together, by currency.")
    flows = serializers.ListField(child=serializers.CharField())
    newest_id = serializers.UUIDField()


class DeadLetterGroupsOutput(PageOutput):
    items = DeadLetterGroupOutput(many=True)


class ApprovalQuery(StrictSerializer):
    state = serializers.ChoiceField(choices=Approval.State.choices, required=False, help_text="What became of it.")
    flow = serializers.SlugField(max_length=80, required=False, help_text="Slug of a flow.")


class DecisionInput(StrictSerializer):
    decision = serializers.ChoiceField(choices=["approved", "rejected"])
    evidence_sha256 = serializers.RegexField(r"\A[0-9a-f]{64}\Z", help_text="Of the evidence that the person saw.")
    checked = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=99),
        required=False,
        default=list,
        max_length=100,
        help_text="Numbers of the checklist's points, from 0; all of them to approve.",
    )
    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class DelegationInput(StrictSerializer):
    to = serializers.EmailField(help_text="The address of a member who may decide approvals.")
    reason = serializers.CharField(max_length=500)


class ApprovalOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    flow = serializers.SerializerMethodField()
    title = serializers.CharField()
    role = serializers.CharField()
    checklist = JsonField()
    evidence_sha256 = serializers.CharField()
    state = serializers.ChoiceField(choices=Approval.State.choices)
    expires_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField()
    reason = serializers.CharField()
    quorum = serializers.IntegerField(help_text="How many different people have to approve.")
    four_eyes = serializers.BooleanField(help_text="Whether who started or published it has no say.")
    escalate_at = serializers.DateTimeField(allow_null=True)
    escalate_to = serializers.CharField(help_text="The role that decides too from then on; empty for none.")

    def get_flow(self, approval: Approval) -> str:
        return str(self.context["flows"].get(approval.flow_id, ""))


class ApprovalDecisionOutput(serializers.Serializer[Any]):
    by = serializers.CharField(source="label")
    decision = serializers.ChoiceField(choices=["approved", "rejected"])
    reason = serializers.CharField()
    decided_at = serializers.DateTimeField()


class ApprovalDetailOutput(ApprovalOutput):
    decisions = ApprovalDecisionOutput(many=True)
    evidence = JsonField(help_text="What there is to decide upon, redacted.")
