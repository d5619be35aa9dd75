"""Importing a vendor's description: looked at first, kept as a version when it is what was wanted."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.catalog import drafts, imports
from ipaas.catalog.connector_models import DescriptionKind
from ipaas.catalog.fetching import fetch_description
from ipaas.catalog.models import ImportDraft
from ipaas.core import jsonio
from ipaas.governance.connectors import keep_import
from ipaas.sdk.manifest_reader import manifest_schema
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.connectors import ConnectorVersionOutput, ImportFindingOutput, ManifestChangeOutput
from ipaas.web.api.fields import StrictSerializer
from ipaas.web.api.reviews import ReviewOutput
from ipaas.web.change_users import with_users

CATEGORIES = [(one, one) for one in manifest_schema()["properties"]["category"]["enum"]]


class ImportInput(StrictSerializer):
    slug = serializers.CharField(max_length=60, help_text="Name of the connector; the same again: a new version.")
    category = serializers.ChoiceField(choices=CATEGORIES, required=False, default="generic")
    text = serializers.CharField(
        required=False, trim_whitespace=False, help_text="The description itself, JSON or YAML, at most 24 MB."
    )
    url = serializers.CharField(
        max_length=500,
        required=False,
        help_text="Where it is; fetched once, without a credential. Of the kind graphql: the endpoint.",
    )
    kind = serializers.ChoiceField(
        choices=DescriptionKind.choices, required=False, help_text="Without it, it is recognised."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("text" in attrs) == ("url" in attrs):
            message = serializers.ErrorDetail("give one of text and url", code="source")
            raise serializers.ValidationError({"text": [message]})
        return attrs


class ImportDraftInput(ImportInput):
    wait = serializers.BooleanField(
        required=False,
        default=True,
        help_text="Answer when it is read. Without it a large one is read beside the request: state says when it is.",
    )


class KeepInput(StrictSerializer):
    note = serializers.CharField(
        max_length=2000, required=False, default="", allow_blank=True, help_text="What changes and why."
    )


class UsedChangeOutput(ManifestChangeOutput):
    users = serializers.ListField(
        child=serializers.CharField(),
        help_text="Flows that use the operation, connections that use the authentication.",
    )


class ImportPreviewOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    title = serializers.CharField(source="imported.manifest.title")
    dialect = serializers.CharField(source="imported.dialect", help_text="Of the description, such as 3.1.")
    source_sha256 = serializers.CharField(help_text="Of the description.")
    operations = serializers.SerializerMethodField(help_text="How many there would be.")
    groups = serializers.DictField(
        source="imported.groups",
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Actions by the vendor's own grouping.",
    )
    auth_schemes = serializers.SerializerMethodField()
    findings = ImportFindingOutput(
        many=True, source="imported.findings", help_text="What is not understood, or in one of several ways."
    )
    previous = serializers.SerializerMethodField(help_text="The version that is the newest now; null for none.")
    known = serializers.SerializerMethodField(help_text="The version made of this very description; null for none.")
    breaking = serializers.BooleanField(help_text="What uses the newest version may stop working with this one.")
    changes = serializers.SerializerMethodField(help_text="Breaking ones first, each with those who use it.")

    @extend_schema_field(UsedChangeOutput(many=True))
    def get_changes(self, proposal: imports.Proposal) -> Any:
        return UsedChangeOutput(with_users(self.context["workspace"], proposal.slug, proposal.changes), many=True).data

    def get_operations(self, proposal: imports.Proposal) -> int:
        return len(proposal.imported.manifest.actions)

    def get_auth_schemes(self, proposal: imports.Proposal) -> list[str]:
        return list(proposal.imported.manifest.auth)

    def get_previous(self, proposal: imports.Proposal) -> str | None:
        return proposal.previous.version if proposal.previous is not None else None

    def get_known(self, proposal: imports.Proposal) -> str | None:
        return proposal.known.version if proposal.known is not None else None


class ImportOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    category = serializers.CharField()
    source_url = serializers.CharField()
    kind = serializers.ChoiceField(choices=DescriptionKind.choices)
    state = serializers.ChoiceField(choices=ImportDraft.State.choices)
    phase = serializers.CharField(help_text="While it is read: what is done now.")
    done = serializers.IntegerField(help_text="While it is read: how many paths are, of total.")
    total = serializers.IntegerField()
    problem = serializers.CharField(help_text="Why it is not readable.")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()


class ImportDetailOutput(ImportOutput):
    preview = ImportPreviewOutput(allow_null=True, help_text="What it would become now; null until it is read.")


@extend_schema(tags=["connections"])
class ImportViewSet(ApiViewSet):
    """Descriptions that are looked at; at most one for each name."""

    serializer_class = ImportOutput
    json_limits = jsonio.JsonLimits(max_bytes=imports.MAX_BYTES * 3 // 2, max_string=imports.MAX_BYTES)
    required_permissions = dict.fromkeys(
        ("list", "create", "retrieve", "destroy", "preview", "keep"), "connectors.edit"
    )

    def get_queryset(self) -> QuerySet[ImportDraft]:
        return ImportDraft.objects.filter(workspace=self.workspace).select_related("workspace")

    def list(self, request: Request) -> Response:
        """Descriptions that somebody looks at and that are not kept yet."""
        return self.page_of(self.get_queryset().defer("packed", "result"), ImportOutput)

    @extend_schema(request=ImportDraftInput, responses={201: ImportDetailOutput})
    def create(self, request: Request) -> Response:
        """Take a description, in place of an earlier one of the name, and show what it would become."""
        draft = imports.draft_import(**self._given(ImportDraftInput))
        return Response(self._detail(draft), status=201)

    @extend_schema(responses=ImportDetailOutput)
    def retrieve(self, request: Request, draft_id: Any) -> Response:
        """What a description would become now."""
        return Response(self._detail(self._draft(draft_id)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, draft_id: Any) -> Response:
        """Forget a description; what was made of it before stays."""
        imports.discard_draft(draft=self._draft(draft_id), actor=self.actor)
        return Response(status=204)

    @extend_schema(request=ImportInput, responses=ImportPreviewOutput)
    def preview(self, request: Request) -> Response:
        """What a description would become; stores nothing."""
        proposal = imports.propose_import(**self._given(ImportInput))
        return Response(ImportPreviewOutput(proposal, context={"workspace": self.workspace}).data)

    @extend_schema(request=KeepInput, responses={201: ConnectorVersionOutput, 202: ReviewOutput})
    def keep(self, request: Request, draft_id: Any) -> Response:
        """Make it the next version of its connector; connections stay at theirs until they are moved.

        Where the policy asks for a review it is sent there instead: 202 with the review.
        """
        kept = keep_import(draft=self._draft(draft_id), actor=self.actor, **self.read(KeepInput))
        made = kept.version
        if made is None:
            return Response(ReviewOutput(kept.review).data, status=202)
        users = imports.users_of(made.slug, self.workspace)
        return Response(ConnectorVersionOutput(made, context={"users": users}).data, status=201)

    def _given(self, form: type[ImportInput]) -> dict[str, Any]:
        given = self.read(form)
        url, kind = given.pop("url", ""), given.get("kind", "")
        if url:
            source = fetch_description(url=url, workspace=self.workspace, actor=self.actor, kind=kind)
        else:
            source = given.pop("text").encode()
        return {"workspace": self.workspace, "actor": self.actor, **given, "source": source, "source_url": url}

    def _detail(self, draft: ImportDraft) -> Any:
        return ImportDetailOutput(self._looked_at(draft), context={"workspace": self.workspace}).data

    def _looked_at(self, draft: ImportDraft) -> dict[str, Any]:
        drafts.looked_at(draft)
        ready = draft.state == ImportDraft.State.READY
        preview = imports.proposal_of(draft=draft, actor=self.actor) if ready else None
        return {**ImportOutput(draft).data, "preview": preview}

    def _draft(self, draft_id: Any) -> ImportDraft:
        found: ImportDraft = self.one(self.get_queryset(), "import", id=draft_id)
        return found
