"""Shapes of documents, versions and deployments."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ipaas.core.documents import DocumentVersion
from ipaas.flows.models import Deployment, Flow
from ipaas.governance.applying import Step
from ipaas.runtime.clocks import clocks_of
from ipaas.runtime.holds import held_count
from ipaas.web.api.fields import FindingOutput, JsonField, ReasonInput, StrictSerializer
from ipaas.web.vendor_notices import notice_of

MAX_TEXT = 1_000_000


class DocumentInput(StrictSerializer):
    """A document as YAML or JSON ``text``, or as ``content``; exactly one of them."""

    text = serializers.CharField(max_length=MAX_TEXT, required=False, trim_whitespace=False)
    content = JsonField(required=False)


class DraftInput(DocumentInput):
    expected_revision = serializers.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        help_text="The revision that the change was made upon; not needed beside If-Match.",
    )


class RowsInput(StrictSerializer):
    """Rows of a lookup as CSV; the first line names the columns."""

    csv = serializers.CharField(max_length=MAX_TEXT, trim_whitespace=False)
    key = serializers.CharField(
        max_length=120,
        required=False,
        default="",
        allow_blank=True,
        help_text="The column that is the key, where it is to be another one.",
    )
    expected_revision = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="The revision that the change was made upon."
    )


class RowsOutput(serializers.Serializer[Any]):
    csv = serializers.CharField(help_text="As it was written; the first line names the columns.")


class ApplyInput(DocumentInput):
    note = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    publish = serializers.BooleanField(required=False, default=True)


class FileInput(DocumentInput):
    name = serializers.CharField(
        max_length=500, required=False, default="", allow_blank=True, help_text="Of the file; findings name it."
    )
    expected_revision = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="The revision that the plan named."
    )


class FolderInput(StrictSerializer):
    """Documents of any kinds, in any order."""

    documents = FileInput(many=True, allow_empty=False)
    note = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    publish = serializers.BooleanField(required=False, default=True)
    deploy = serializers.SlugField(
        max_length=40, required=False, help_text="An environment where flows run the published versions from now on."
    )
    prune = serializers.BooleanField(
        required=False, default=False, help_text="Archive what is not among them, parts of other documents aside."
    )


class PublishInput(StrictSerializer):
    note = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    expected_revision = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    bypass = serializers.CharField(
        max_length=500, required=False, help_text="A reason: publish past the review. For administrators, audited."
    )
    bring = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=500,
        help_text="Deployments that run the new version from now on; without it those of the review.",
    )


class DeprecateInput(ReasonInput):
    sunset_on = serializers.DateField(required=False, help_text="Until when it may be used.")
    replacement = serializers.CharField(
        max_length=120, required=False, default="", allow_blank=True, help_text="What to use instead: slug@version."
    )


class DeployInput(StrictSerializer):
    environment = serializers.SlugField(max_length=40)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    note = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class TriggerInput(StrictSerializer):
    environment = serializers.SlugField(max_length=40)
    body = JsonField(help_text="What expressions read as trigger.body.")


class RollBackInput(StrictSerializer):
    environment = serializers.SlugField(max_length=40)
    reason = serializers.CharField(max_length=500)


class TextQuery(StrictSerializer):
    version = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="Without it the draft."
    )


def _number(**keywords: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=2**31 - 1, **keywords)


class DiffQuery(StrictSerializer):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``from`` is no name that a class body could hold."""
        return {
            "from": _number(help_text="A version."),
            "to": _number(required=False, help_text="A version; without it the draft."),
        }


class TextOutput(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="Where the file goes in a folder of documents.")
    text = serializers.CharField()


class ChangeOutput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["added", "removed", "changed"])
    path = serializers.CharField(help_text="JSON pointer; blocks go by their ids.")
    before = JsonField()
    after = JsonField()


class DiffOutput(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="A unified diff of the YAML; empty when nothing differs.")
    changes = ChangeOutput(many=True)


class PlanStepOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField()
    slug = serializers.CharField()
    deed = serializers.ChoiceField(
        choices=["create", "change", "text", "deploy", "review", "waits", "unchanged", "archive", "invalid", "blocked"],
        help_text="text: comments or order of keys only. review: drafted, sent to review. waits: drafted, for what is "
        "in review. invalid and blocked: nothing at all is applied.",
    )
    revision = serializers.IntegerField(help_text="Of the draft before; 0 when there was none.")
    draft_revision = serializers.IntegerField(help_text="Of the draft after.")
    before = serializers.IntegerField(help_text="The newest version before; 0 when there was none.")
    version = serializers.IntegerField(allow_null=True, help_text="The newest version after.")
    review = serializers.UUIDField(allow_null=True, help_text="The review that it waits for.")
    drafted = serializers.BooleanField(help_text="Whether a draft that nobody has published is written over.")
    deployed = serializers.CharField(help_text="The environment where the version begins to run by this, or empty.")
    findings = serializers.SerializerMethodField()
    diff = serializers.CharField(help_text="A unified diff of the texts.")
    changes = ChangeOutput(many=True)

    @extend_schema_field(FindingOutput(many=True))
    def get_findings(self, step: Step) -> list[dict[str, Any]]:
        return [finding.as_error() for finding in step.findings]


class PlanOutput(serializers.Serializer[Any]):
    documents = PlanStepOutput(many=True)


class DocumentOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    draft_revision = serializers.IntegerField()
    latest_version = serializers.IntegerField(help_text="0 before the first is published.")
    archived = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DocumentDetailOutput(DocumentOutput):
    draft = JsonField(help_text="The document's content; null without a draft.")


class DraftOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    draft_revision = serializers.IntegerField()
    content = JsonField(source="draft")


class DeploymentOutput(serializers.Serializer[Any]):
    environment = serializers.CharField(source="environment.slug")
    version = serializers.IntegerField(source="version.number")
    previous_version = serializers.SerializerMethodField()
    active = serializers.BooleanField()
    trigger_kind = serializers.CharField()
    deployed_by = serializers.CharField()
    deployed_at = serializers.DateTimeField()

    def get_previous_version(self, deployment: Deployment) -> int | None:
        return deployment.previous_version.number if deployment.previous_version else None


class VendorWayOutput(serializers.Serializer[Any]):
    connection = serializers.CharField()
    trigger = serializers.CharField()


class VendorNoticeOutput(serializers.Serializer[Any]):
    state = serializers.CharField(
        help_text="missing: the vendor was not told of the endpoint; doubtful: nobody knows whether it delivers; "
        "idle: it delivers though no deployed flow listens."
    )
    endpoint = serializers.CharField(source="endpoint.slug")
    endpoint_id = serializers.UUIDField(source="endpoint.id")
    ways = VendorWayOutput(many=True, help_text="Over what it can be told.")


class DeployedOutput(DeploymentOutput):
    """A deployment just made or ended, with what is left to do at the vendor of its trigger."""

    vendor = serializers.SerializerMethodField(help_text="What is left to do at the vendor of the trigger.")

    @extend_schema_field(VendorNoticeOutput(allow_null=True))
    def get_vendor(self, deployment: Deployment) -> Any:
        may = self.context["actor"].may("connections.view")
        notice = notice_of(deployment) if may else None
        return VendorNoticeOutput(notice).data if notice is not None else None


class FlowOutput(DocumentOutput):
    owner = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(choices=Flow.State.choices)
    pause_reason = serializers.CharField()


class ClockOutput(serializers.Serializer[Any]):
    """The clock of a schedule or a poll; it stands while the flow is paused."""

    kind = serializers.CharField()
    next_at = serializers.DateTimeField(help_text="When it is due; a time gone by comes at once.")
    error = serializers.CharField(help_text="Class and code of what went wrong last; empty when nothing did.")
    attempts = serializers.IntegerField(help_text="Tries of the present poll.")
    failures = serializers.IntegerField(help_text="Polls in a row that failed for good.")
    failing_since = serializers.DateTimeField(allow_null=True)
    succeeded_at = serializers.DateTimeField(allow_null=True, help_text="When the source was last read.")
    moved_at = serializers.DateTimeField(allow_null=True, help_text="When the source last gave a new cursor.")


class DeploymentDetailOutput(DeploymentOutput):
    clock = serializers.SerializerMethodField(help_text="Of a schedule or a poll; null for other triggers.")

    @extend_schema_field(ClockOutput(allow_null=True))
    def get_clock(self, deployment: Deployment) -> Any:
        clock = clocks_of(deployment.flow_id).get(deployment.environment_id)
        return None if clock is None else ClockOutput(clock).data


class FlowDetailOutput(FlowOutput):
    draft = JsonField(help_text="The document's content; null without a draft.")
    deployments = DeploymentDetailOutput(many=True)
    held_runs = serializers.SerializerMethodField(
        help_text="Runs made while the flow is paused; they start when it is resumed, oldest first, at a rate."
    )

    def get_held_runs(self, flow: Flow) -> int:
        return held_count(flow.id)


class VersionOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    sha256 = serializers.CharField()
    state = serializers.ChoiceField(choices=DocumentVersion.State.choices)
    state_reason = serializers.CharField(help_text="Why it is deprecated or retired.")
    sunset_on = serializers.DateField(allow_null=True, help_text="Until when a deprecated version may be used.")
    replacement = serializers.CharField(help_text="What to use instead; empty when nothing was said.")
    note = serializers.CharField()
    published_by = serializers.CharField()
    published_at = serializers.DateTimeField()


class VersionDetailOutput(VersionOutput):
    content = JsonField()


class DeprecatedOutput(VersionOutput):
    used_by = serializers.ListField(child=serializers.CharField(), help_text="What goes on using it: whom to tell.")


class PinOutput(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="mapping or function.")
    slug = serializers.CharField(source="document.slug")
    title = serializers.CharField(source="document.title")
    numbers = serializers.ListField(
        child=serializers.IntegerField(), help_text="The versions that its newest version pins; none: only its draft."
    )
    fixed = serializers.BooleanField(help_text="Its draft says a number: publishing it again brings no newer version.")
    behind = serializers.BooleanField(help_text="It pins another version than the newest one.")
    other_changes = serializers.BooleanField(help_text="Its draft has other changes and is not brought along.")


class PinsOutput(serializers.Serializer[Any]):
    users = PinOutput(many=True)


class BringAlongInput(StrictSerializer):
    to = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=500,
        help_text="Those that are meant, as mapping/slug or function/slug; without it all that are behind.",
    )


class BroughtOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    slug = serializers.CharField()
    title = serializers.CharField()
    outcome = serializers.CharField(
        help_text="published; review: waits for one; draft: changed, not published; left: not changed."
    )
    version = serializers.IntegerField(allow_null=True, help_text="The version that uses the newest one.")
    review = serializers.UUIDField(allow_null=True, help_text="The review that it waits for.")
    problem = serializers.CharField(help_text="Why it got no further; empty where it did.")


class BringAlongOutput(serializers.Serializer[Any]):
    brought = BroughtOutput(many=True)


class SavedOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    draft_revision = serializers.IntegerField()
    findings = FindingOutput(many=True)


class FindingsOutput(serializers.Serializer[Any]):
    findings = FindingOutput(many=True)


class AppliedOutput(SavedOutput):
    kind = serializers.CharField()
    version = serializers.IntegerField(allow_null=True, help_text="Null when it was only drafted, or is in review.")
    review = serializers.UUIDField(allow_null=True, help_text="The review that it waits for.")
