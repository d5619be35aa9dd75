"""Connectors: those of the installation, and the versions that a workspace made of vendors' descriptions."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.catalog import imports
from ipaas.catalog.connector_models import ConnectorDocument, ConnectorVersion, DescriptionKind
from ipaas.catalog.models import ImportedConnector
from ipaas.catalog.registry import connectors, known_connector
from ipaas.core.documents import DocumentVersion
from ipaas.core.errors import NotFound
from ipaas.governance import services as governance
from ipaas.governance.ending import deprecate_version, retire_version
from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest_changes import changes_between
from ipaas.sdk.quality import LEVELS
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.document_serializers import DeprecateInput
from ipaas.web.api.fields import JsonField, PageOutput, ReasonInput, StrictSerializer
from ipaas.web.api.pagination import PAGE_PARAMETERS, page_by_place

INSTALLED, IMPORTED = "installed", "imported"
ORIGINS = [(INSTALLED, "of this installation"), (IMPORTED, "made of a vendor's description in this workspace")]


class ConnectorsQuery(StrictSerializer):
    q = serializers.CharField(max_length=200, required=False, help_text="A part of slug, title or summary.")
    category = serializers.CharField(max_length=30, required=False, help_text="Of the connectors.")
    origin = serializers.ChoiceField(choices=ORIGINS, required=False, help_text="Where they come from.")


class ConnectorQuery(StrictSerializer):
    version = serializers.CharField(
        max_length=40, required=False, help_text="Of an imported connector; without it the newest."
    )


class ConnectorOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    category = serializers.CharField()
    version = serializers.CharField(help_text="The newest; connections say which they are pinned to.")
    api_version = serializers.CharField(help_text="The vendor's.")
    origin = serializers.ChoiceField(choices=ORIGINS)
    operations = serializers.IntegerField(help_text="How many it has.")
    quality = serializers.ChoiceField(
        choices=[("", "below bronze, or not tested since it changed"), *((one, one) for one in LEVELS)],
        help_text="What its tests have proved; see the how-to of connectors.",
    )


class RequirementOutput(serializers.Serializer[Any]):
    level = serializers.ChoiceField(choices=[(one, one) for one in LEVELS])
    name = serializers.CharField()
    reason = serializers.CharField(help_text="What is missing.")


class ConnectorDetailOutput(ConnectorOutput):
    auth_schemes = serializers.ListField(child=serializers.CharField())
    actions = serializers.ListField(child=serializers.CharField())
    triggers = serializers.ListField(child=serializers.CharField())
    missing = RequirementOutput(many=True, help_text="What stands between it and gold.")
    manifest = JsonField(help_text="The whole manifest; it holds no secret.")


class ConnectorsOutput(PageOutput):
    items = ConnectorOutput(many=True)


class ManifestChangeOutput(serializers.Serializer[Any]):
    subject = serializers.CharField(help_text="The action or trigger; empty for the whole.")
    path = serializers.CharField()
    message = serializers.CharField()
    breaking = serializers.BooleanField(help_text="What uses it may stop working.")
    hint = serializers.CharField(help_text="What to do about a change that breaks; empty for others.")


class ImportFindingOutput(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="JSON pointer into the description.")
    code = serializers.CharField()
    message = serializers.CharField()
    level = serializers.ChoiceField(
        choices=[("dropped", "it is left out"), ("note", "it is there, taken in one of several ways")]
    )


class ConnectorVersionOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    number = serializers.IntegerField()
    version = serializers.CharField(help_text="As connections name it.")
    title = serializers.CharField()
    api_version = serializers.CharField(help_text="The vendor's.")
    kind = serializers.ChoiceField(choices=DescriptionKind.choices)
    dialect = serializers.CharField(help_text="Of the description, such as 3.1.")
    source_url = serializers.CharField(help_text="Where the description came from; empty when it was handed in.")
    source_sha256 = serializers.CharField(help_text="Of the description.")
    operations = serializers.IntegerField(source="action_count")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    state = serializers.ChoiceField(choices=DocumentVersion.State.choices)
    state_reason = serializers.CharField(source="released.state_reason", default="")
    sunset_on = serializers.DateField(
        source="released.sunset_on", default=None, help_text="Until when a deprecated version may be used."
    )
    replacement = serializers.CharField(
        source="released.replacement", default="", help_text="What to use instead; empty when nothing was said."
    )
    note = serializers.CharField(source="released.note", default="", help_text="What was said of it when it was made.")
    published_by = serializers.CharField(source="released.published_by", default="")
    published_at = serializers.DateTimeField(source="released.published_at", default=None)
    used_by = serializers.SerializerMethodField(help_text="Connections that are pinned to it.")

    def get_used_by(self, row: ImportedConnector) -> list[str]:
        found: dict[str, list[str]] = self.context.get("users", {})
        return found.get(row.version, [])


class PublishConnectorInput(StrictSerializer):
    note = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    expected_revision = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    bypass = serializers.CharField(
        max_length=500, required=False, help_text="A reason: publish past the review. For administrators, audited."
    )


class ConnectorVersionDetailOutput(ConnectorVersionOutput):
    groups = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="Actions by the vendor's own grouping."
    )
    findings = ImportFindingOutput(many=True, help_text="What was not understood, or in one of several ways.")


class ChangesQuery(StrictSerializer):
    since = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        help_text="Number of the version to come from; without it the one before.",
    )


class ReleaseQuery(StrictSerializer):
    since = serializers.CharField(max_length=40, help_text="Version that connections are pinned to.")


class ChangesOutput(serializers.Serializer[Any]):
    since = serializers.CharField(allow_null=True, help_text="The version compared with; null for the first.")
    version = serializers.CharField()
    breaking = serializers.BooleanField()
    changes = ManifestChangeOutput(many=True)


@extend_schema(tags=["connections"])
class ConnectorViewSet(ApiViewSet):
    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "changes"), "connections.view"),
        "publish": "connectors.publish",
    }

    @extend_schema(
        parameters=[ConnectorsQuery],
        responses=forced_singular_serializer(ConnectorsOutput),  # type: ignore[no-untyped-call]
    )
    def list(self, request: Request) -> Response:
        """The connectors that the workspace can use: of the installation, and imported ones in their newest version."""
        query = self.read_query(ConnectorsQuery, beside=PAGE_PARAMETERS)
        text = query.pop("q", "").lower()
        rows = [
            row
            for row in sorted([*_installed(), *self._imported()], key=lambda row: str(row["slug"]))
            if all(row[name] == value for name, value in query.items())
            and (not text or text in f"{row['slug']} {row['title']} {row['summary']}".lower())
        ]
        found, cursor = page_by_place(rows, request)
        return Response(ConnectorsOutput({"items": found, "next_cursor": cursor}).data)

    @extend_schema(parameters=[ConnectorQuery], responses=ConnectorDetailOutput)
    def retrieve(self, request: Request, slug: str) -> Response:
        """A connector with its whole manifest."""
        query = self.read_query(ConnectorQuery)
        return Response(ConnectorDetailOutput(_told(known_connector(self.workspace.id, slug, **query))).data)

    @extend_schema(parameters=[ReleaseQuery], responses=ChangesOutput)
    def changes(self, request: Request, slug: str) -> Response:
        """What a connection meets that moves from a version to the present one, breaking changes first."""
        since = self.read_query(ReleaseQuery)["since"]
        after = known_connector(self.workspace.id, slug).manifest
        before = known_connector(self.workspace.id, slug, since).manifest
        if before.version != since:
            raise NotFound(what="connector version")
        found = list(changes_between(before, after))
        breaking = any(change.breaking for change in found)
        told = {"since": since, "version": after.version, "breaking": breaking, "changes": found}
        return Response(ChangesOutput(told).data)

    @extend_schema(request=PublishConnectorInput, responses={201: ConnectorVersionOutput})
    def publish(self, request: Request, slug: str) -> Response:
        """Make what was imported last the next version; 409 while the policy asks for a review that is not given."""
        document = self.one(ConnectorDocument.objects.in_workspace(self.workspace.id), "connector", slug=slug)
        given = self.read(PublishConnectorInput)
        made = governance.publish(document_type="connector", document=document, actor=self.actor, **given)
        row = ImportedConnector.objects.select_related("released").get(released_id=made.id)
        context = {"users": imports.users_of(slug, self.workspace)}
        return Response(ConnectorVersionOutput(row, context=context).data, status=201)

    def _imported(self) -> Iterator[dict[str, Any]]:
        for row in ImportedConnector.objects.in_workspace(self.workspace.id).light().newest():
            names = ("slug", "title", "summary", "category", "version", "api_version")
            told = {name: getattr(row, name) for name in names}
            yield {**told, "origin": IMPORTED, "operations": row.action_count, "quality": ""}


@extend_schema(tags=["connections"])
class ConnectorVersionViewSet(ApiViewSet):
    """Versions of imported connectors; those of the installation have none but their own."""

    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "changes"), "connections.view"),
        **dict.fromkeys(("deprecate", "retire"), "connectors.publish"),
    }

    def get_queryset(self) -> QuerySet[ImportedConnector]:
        return ImportedConnector.objects.in_workspace(self.workspace.id).select_related("released").defer("packed")

    @extend_schema(responses=ConnectorVersionOutput)
    def list(self, request: Request, slug: str) -> Response:
        """The versions of an imported connector, newest first, with the connections pinned to each."""
        rows = self.get_queryset().filter(slug=slug)
        own = ConnectorDocument.objects.in_workspace(self.workspace.id).filter(slug=slug)
        if slug not in connectors() and not own.exists() and not rows.exists():
            raise NotFound(what="connector")
        return self.page_of(rows, ConnectorVersionOutput, users=imports.users_of(slug, self.workspace))

    @extend_schema(responses=ConnectorVersionDetailOutput)
    def retrieve(self, request: Request, slug: str, number: int) -> Response:
        """A version, with what its import had to say."""
        context = {"users": imports.users_of(slug, self.workspace)}
        return Response(ConnectorVersionDetailOutput(self._version(slug, number), context=context).data)

    @extend_schema(parameters=[ChangesQuery], responses=ChangesOutput)
    def changes(self, request: Request, slug: str, number: int) -> Response:
        """What differs from an earlier version, breaking changes first."""
        since = self.read_query(ChangesQuery).get("since")
        after = self._version(slug, number)
        earlier = self.get_queryset().filter(slug=slug, number__lt=number).order_by("-number").first()
        before = self._version(slug, since) if since is not None else earlier
        found = imports.version_changes(before=before, after=after) if before is not None else ()
        told = {
            "since": before.version if before is not None else None,
            "version": after.version,
            "breaking": any(change.breaking for change in found),
            "changes": found,
        }
        return Response(ChangesOutput(told).data)

    @extend_schema(request=DeprecateInput, responses=ConnectorVersionOutput)
    def deprecate(self, request: Request, slug: str, number: int) -> Response:
        """Warn everybody off a version; connections over it go on."""
        deprecate_version(version=self._released(slug, number), actor=self.actor, **self.read(DeprecateInput))
        return self._shown(slug, number)

    @extend_schema(request=ReasonInput, responses=ConnectorVersionOutput)
    def retire(self, request: Request, slug: str, number: int) -> Response:
        """End a version that no connection is pinned to; 409 while one is."""
        retire_version(version=self._released(slug, number), actor=self.actor, **self.read(ReasonInput))
        return self._shown(slug, number)

    def _shown(self, slug: str, number: int) -> Response:
        context = {"users": imports.users_of(slug, self.workspace)}
        return Response(ConnectorVersionOutput(self._version(slug, number), context=context).data)

    def _released(self, slug: str, number: int) -> ConnectorVersion:
        found = self._version(slug, number).released
        if found is None:
            raise NotFound(what="connector version")
        return found

    def _version(self, slug: str, number: int) -> ImportedConnector:
        rows = self.get_queryset().filter(number__lte=2**31 - 1)
        found: ImportedConnector = self.one(rows, "connector version", slug=slug, number=min(number, 2**31 - 1))
        return found


def _installed() -> Iterator[dict[str, Any]]:
    for connector in connectors().values():
        yield _told(connector)


def _told(connector: Connector) -> dict[str, Any]:
    manifest = connector.manifest
    names = ("slug", "title", "summary", "category", "version", "api_version")
    return {
        **{name: getattr(manifest, name) for name in names},
        "origin": INSTALLED if manifest.slug in connectors() else IMPORTED,
        "operations": len(manifest.actions),
        "quality": connector.quality.level,
        "missing": connector.quality.missing,
        "auth_schemes": list(manifest.auth),
        "actions": list(manifest.actions),
        "triggers": list(manifest.triggers),
        "manifest": manifest.document,
    }
