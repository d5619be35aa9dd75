"""Documents of every type: read, draft, check, publish."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.contracts.services import save_contract_draft as save_contract
from ipaas.contracts.services import save_draft as save_schema
from ipaas.contracts.services import save_event_type_draft
from ipaas.core.document_forms import Finding, read_document
from ipaas.core.document_types import document_type
from ipaas.core.documents import DocumentVersion
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.flows.comparison import compare
from ipaas.flows.services import save_draft as save_flow
from ipaas.flows.yaml_form import file_name, written
from ipaas.governance import services as governance
from ipaas.governance.applying import Given, Step, Wish, apply_documents, plan_documents
from ipaas.governance.bringing import bring_along, has_other_changes, users_of
from ipaas.governance.ending import deprecate_version, retire_version, users_of_version
from ipaas.mapping.services import import_rows, save_function_draft, save_lookup_draft
from ipaas.mapping.services import save_draft as save_mapping
from ipaas.ownership.domain_files import KIND as DOMAIN
from ipaas.ownership.services import save_convention_draft, save_term_draft
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.document_serializers import (
    AppliedOutput,
    ApplyInput,
    BringAlongInput,
    BringAlongOutput,
    DeprecatedOutput,
    DeprecateInput,
    DiffOutput,
    DiffQuery,
    DocumentDetailOutput,
    DocumentInput,
    DocumentOutput,
    DraftInput,
    DraftOutput,
    FindingsOutput,
    FolderInput,
    PinOutput,
    PinsOutput,
    PlanOutput,
    PublishInput,
    RowsInput,
    RowsOutput,
    SavedOutput,
    TextOutput,
    TextQuery,
    VersionDetailOutput,
    VersionOutput,
)
from ipaas.web.api.fields import ReasonInput, StrictSerializer
from ipaas.web.api.preconditions import PreconditionMissing, etag_of, moved_on, revision_of

SAVE: dict[str, Callable[..., tuple[Any, list[Finding]]]] = {
    "flow": save_flow,
    "mapping": save_mapping,
    "schema": save_schema,
    "lookup": save_lookup_draft,
    "term": save_term_draft,
    "convention": save_convention_draft,
    "function": save_function_draft,
    "contract": save_contract,
    "event_type": save_event_type_draft,
}


class DocumentQuery(StrictSerializer):
    archived = serializers.BooleanField(required=False, default=False, help_text="Archived ones instead of live ones.")
    q = serializers.CharField(max_length=200, required=False, help_text="A part of the slug or of the title.")


class VersionQuery(StrictSerializer):
    state = serializers.ChoiceField(
        choices=DocumentVersion.State.choices, required=False, help_text="Published, deprecated since, or retired."
    )


def permissions_of_kind(prefix: str) -> dict[str, str]:
    view, edit = f"{prefix}.view", f"{prefix}.edit"
    return {
        **dict.fromkeys(("list", "retrieve", "read_draft", "versions", "version", "text", "diff"), view),
        **dict.fromkeys(("create", "draft"), edit),
        **dict.fromkeys(("publish", "deprecate", "retire", "archive", "restore"), f"{prefix}.publish"),
    }


class DocumentViewSet(ApiViewSet):
    """Documents of one kind."""

    kind: ClassVar[str]
    row_serializer: ClassVar[type[serializers.Serializer[Any]]] = DocumentOutput
    detail_serializer: ClassVar[type[serializers.Serializer[Any]]] = DocumentDetailOutput
    request_headers = {"draft": {"If-Match": "The ETag of the draft that was changed, or * for any."}}

    def get_serializer_class(self) -> type[serializers.Serializer[Any]]:
        return self.detail_serializer if self.action == "retrieve" else self.row_serializer

    def get_queryset(self) -> Any:
        return document_type(self.kind).documents.in_workspace(self.workspace.id)

    def document(self, slug: str) -> Any:
        return self.one(self.get_queryset(), self.kind, slug=slug)

    @extend_schema(parameters=[DocumentQuery])
    def list(self, request: Request) -> Response:
        """The documents of this kind, without their content."""
        query = self.read_query(DocumentQuery)
        return self.page_of(
            self.get_queryset().filter(archived=query["archived"]).titled(query.get("q", "")), self.row_serializer
        )

    def retrieve(self, request: Request, slug: str) -> Response:
        """A document with its draft."""
        return Response(self.detail_serializer(self.document(slug)).data)

    @extend_schema(request=DocumentInput, responses={201: SavedOutput})
    def create(self, request: Request) -> Response:
        """Make a new document with this draft; 409 when the slug is taken."""
        return self._save(self.read(DocumentInput), None, 201)

    @extend_schema(responses=DraftOutput)
    def read_draft(self, request: Request, slug: str) -> Response:
        """The draft and its revision; the answer's ETag is for ``If-Match`` when it is saved."""
        document = self.document(slug)
        if document.draft is None:
            raise NotFound(what=f"draft of this {self.kind}")
        return Response(DraftOutput(document).data, headers=etag_of(document))

    @extend_schema(request=DraftInput, responses=SavedOutput)
    def draft(self, request: Request, slug: str) -> Response:
        """Replace the draft. ``If-Match`` with the ETag of the draft that was changed keeps the changes of others.

        412 when it has moved on, naming who changed it; ``expected_revision`` does the same with 409.
        """
        document, given = self.document(slug), self.read(DraftInput)
        expected = given.pop("expected_revision", None)
        matched = revision_of(request, document)
        if matched is None and expected is None:
            raise PreconditionMissing(document=slug)
        if read_document(**given).content.get("slug") != slug:
            message = f"the slug of this document is {slug!r} and can not change"
            raise InvalidInput([{"path": "/slug", "code": "document.slug", "message": message}])
        try:
            return self._save(given, expected if matched is None else matched, 200)
        except Conflict:
            document.refresh_from_db()
            if matched is not None and document.draft_revision != matched:
                raise moved_on(document) from None
            raise

    def _save(self, given: dict[str, Any], revision: int | None, status: int) -> Response:
        refuse_other_kind(given, self.kind)
        document, findings = SAVE[self.kind](
            actor=self.actor, workspace=self.workspace, expected_revision=revision, **given
        )
        saved = {"slug": document.slug, "draft_revision": document.draft_revision, "findings": as_errors(findings)}
        return Response(saved, status=status, headers=etag_of(document))

    @extend_schema(request=PublishInput, responses={201: VersionDetailOutput})
    def publish(self, request: Request, slug: str) -> Response:
        """Make the draft the next version; without a change the newest version is given."""
        given = self.read(PublishInput)
        if "bring" in given:
            given["bring"] = [str(one) for one in given["bring"]]
        version = governance.publish(document_type=self.kind, document=self.document(slug), actor=self.actor, **given)
        return Response(VersionDetailOutput(version).data, status=201)

    @extend_schema(parameters=[VersionQuery], responses=VersionOutput(many=True))
    def versions(self, request: Request, slug: str) -> Response:
        """The published versions of a document, newest first, without their content."""
        rows = document_type(self.kind).versions.filter(document=self.document(slug))
        return self.page_of(rows.filter(**self.read_query(VersionQuery)), VersionOutput)

    @extend_schema(responses=VersionDetailOutput)
    def version(self, request: Request, slug: str, number: int) -> Response:
        """A published version with its content."""
        return Response(VersionDetailOutput(self._version(self.document(slug), number)).data)

    @extend_schema(parameters=[TextQuery], responses=TextOutput)
    def text(self, request: Request, slug: str) -> Response:
        """The document as the file that ``documents/apply`` takes, as it was written: its draft, or a version."""
        document, query = self.document(slug), self.read_query(TextQuery)
        shown = self._version(document, query["version"]) if "version" in query else self._drafted(document)
        return Response({"path": file_name(self.kind, slug), "text": written(shown).text})

    @extend_schema(parameters=[DiffQuery], responses=DiffOutput)
    def diff(self, request: Request, slug: str) -> Response:
        """What changed from a version to another one, or to the draft."""
        document, query = self.document(slug), self.read_query(DiffQuery)
        before = self._version(document, query["from"])
        after = self._version(document, query["to"]) if "to" in query else self._drafted(document)
        names = (f"{slug}@{before.number}", f"{slug}@{query['to']}" if "to" in query else f"{slug} (draft)")
        return Response(DiffOutput(compare(written(before), written(after), names=names)).data)

    @extend_schema(request=DeprecateInput, responses=DeprecatedOutput)
    def deprecate(self, request: Request, slug: str, number: int) -> Response:
        """Warn everybody off a version; what uses it goes on."""
        version = self._version(self.document(slug), number)
        done = deprecate_version(version=version, actor=self.actor, **self.read(DeprecateInput))
        return Response({**VersionOutput(done).data, "used_by": users_of_version(done)})

    @extend_schema(request=ReasonInput, responses=VersionOutput)
    def retire(self, request: Request, slug: str, number: int) -> Response:
        """End a version that nothing deployed uses: it is neither deployed nor pinned any more."""
        done = retire_version(
            version=self._version(self.document(slug), number), actor=self.actor, **self.read(ReasonInput)
        )
        return Response(VersionOutput(done).data)

    @extend_schema(request=ReasonInput, responses=DocumentOutput)
    def archive(self, request: Request, slug: str) -> Response:
        """Take a document out of use; its versions stay for the runs that were made with them."""
        document, given = self.document(slug), self.read(ReasonInput)
        done = governance.archive_document(document=document, actor=self.actor, **given)
        return Response(self.row_serializer(done).data)

    @extend_schema(request=None, responses=DocumentOutput)
    def restore(self, request: Request, slug: str) -> Response:
        """Bring an archived document back."""
        done = governance.restore_document(document=self.document(slug), actor=self.actor)
        return Response(self.row_serializer(done).data)

    def _drafted(self, document: Any) -> Any:
        if document.draft is None:
            raise NotFound(what=f"draft of this {self.kind}")
        return document

    def _version(self, document: Any, number: int) -> Any:
        rows = document_type(self.kind).versions.filter(document=document)
        return self.one(rows, f"{self.kind} version", number=number)


@extend_schema(tags=["mappings"])
class MappingViewSet(DocumentViewSet):
    kind = "mapping"
    required_permissions = permissions_of_kind("mappings")


class NamedViewSet(DocumentViewSet):
    """Documents that mappings and functions name."""

    @extend_schema(responses=PinsOutput)
    def users(self, request: Request, slug: str) -> Response:
        """The mappings and functions that name it, with the versions that they pin."""
        document = self.document(slug)
        newest = document.latest_version
        found = [
            PinOutput(
                {
                    **{name: getattr(one, name) for name in ("kind", "document", "numbers")},
                    "fixed": bool(one.fixed),
                    "behind": one.is_behind(newest),
                    "other_changes": has_other_changes(one),
                }
            ).data
            for one in users_of(document)
        ]
        return Response({"users": found})

    @extend_schema(request=BringAlongInput, responses=BringAlongOutput)
    def bring_along(self, request: Request, slug: str) -> Response:
        """Have its users use the newest version: each through its own tests and its own review. Idempotent."""
        found = bring_along(document=self.document(slug), actor=self.actor, **self.read(BringAlongInput))
        return Response(BringAlongOutput({"brought": found}).data)


def permissions_of_named(prefix: str) -> dict[str, str]:
    return {**permissions_of_kind(prefix), "users": f"{prefix}.view", "bring_along": "mappings.edit"}


@extend_schema(tags=["lookups"])
class LookupViewSet(NamedViewSet):
    kind = "lookup"
    required_permissions = {**permissions_of_named("lookups"), "rows": "lookups.view", "import_rows": "lookups.edit"}

    @extend_schema(parameters=[TextQuery], responses=RowsOutput)
    def rows(self, request: Request, slug: str) -> Response:
        """The rows as CSV: of the draft, or of a version."""
        document, query = self.document(slug), self.read_query(TextQuery)
        shown = self._version(document, query["version"]) if "version" in query else self._drafted(document)
        return Response({"csv": str(written(shown).content.get("csv", ""))})

    @extend_schema(request=RowsInput, responses=SavedOutput)
    def import_rows(self, request: Request, slug: str) -> Response:
        """Put rows as CSV into the draft."""
        document, findings = import_rows(actor=self.actor, lookup=self.document(slug), **self.read(RowsInput))
        saved = {"slug": document.slug, "draft_revision": document.draft_revision, "findings": as_errors(findings)}
        return Response(saved, headers=etag_of(document))


@extend_schema(tags=["functions"])
class FunctionViewSet(NamedViewSet):
    kind = "function"
    required_permissions = permissions_of_named("functions")


FLOW_DOCUMENT_PERMISSIONS = permissions_of_kind("flows")


class AnyDocumentViewSet(ApiViewSet):
    """Documents of whichever kind the content names; the permission needed is that kind's."""

    deeds: ClassVar[dict[str, str]] = {"validate": "view", "apply": "edit", "plan_all": "edit", "apply_all": "edit"}

    @property
    def required_permissions(self) -> dict[str, str]:  # type: ignore[override]  # it depends on the kind that is sent
        if self.action in ("plan_all", "apply_all"):
            given = dict(self.read(FolderInput)["documents"][0])
        else:
            given = self.read(ApplyInput if self.action == "apply" else DocumentInput)
        prefix = _prefix_of(given) if self.action != "apply" else document_type(kind_of(given)).permission
        return {name: f"{prefix}.{deed}" for name, deed in self.deeds.items()}

    @extend_schema(request=DocumentInput, responses=FindingsOutput)
    def validate(self, request: Request) -> Response:
        """Everything wrong or doubtful with a document; nothing is stored."""
        found = governance.check_document(actor=self.actor, workspace=self.workspace, **self.read(DocumentInput))
        return Response({"findings": as_errors(found)})

    @extend_schema(request=ApplyInput, responses={200: AppliedOutput})
    def apply(self, request: Request) -> Response:
        """Store a document whatever its draft was, and publish it unless ``publish`` is false."""
        given = self.read(ApplyInput)
        source = source_of(given)
        kind = kind_of(source)
        applied = governance.apply_document(
            actor=self.actor, workspace=self.workspace, note=given["note"], publish_it=given["publish"], **source
        )
        document = applied.document
        found = {
            "kind": kind,
            "slug": document.slug,
            "draft_revision": document.draft_revision,
            "version": applied.version.number if applied.version else None,
            "review": applied.review.id if applied.review else None,
            "findings": as_errors(applied.findings),
        }
        return Response(found)

    @extend_schema(request=FolderInput, responses=PlanOutput)
    def plan_all(self, request: Request) -> Response:
        """What ``documents/apply-all`` would do with a folder of documents now; nothing is stored."""
        return self._folder(plan_documents)

    @extend_schema(request=FolderInput, responses=PlanOutput)
    def apply_all(self, request: Request) -> Response:
        """Store and publish a folder of documents, all of them or none. Idempotent."""
        return self._folder(apply_documents)

    def _folder(self, deed: Callable[..., list[Step]]) -> Response:
        given = self.read(FolderInput)
        place = None
        if "deploy" in given:
            rows = Environment.objects.filter(workspace=self.workspace)
            place = self.one(rows, "environment", slug=given["deploy"])
        steps = deed(
            actor=self.actor,
            workspace=self.workspace,
            documents=[Given(**one) for one in given["documents"]],
            wish=Wish(note=given["note"], publish=given["publish"], deploy=place, prune=given["prune"]),
        )
        return Response(PlanOutput({"documents": steps}).data)


def _prefix_of(given: dict[str, Any]) -> str:
    """The prefix of the permissions for what is sent; a folder may hold domains too."""
    if read_document(**source_of(given)).content.get("kind") == DOMAIN:
        return "domains"
    return document_type(kind_of(given)).permission


def as_errors(findings: list[Finding]) -> list[dict[str, Any]]:
    return [finding.as_error() for finding in findings]


def source_of(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key in {"text", "content"}}


def kind_of(given: dict[str, Any]) -> str:
    """The kind that a document names; ``InvalidInput`` for none or an unknown one."""
    kind = read_document(**source_of(given)).content.get("kind")
    try:
        return document_type(kind if isinstance(kind, str) else "").kind
    except NotFound:
        message = f"there is no kind of document {str(kind)[:40]!r}"
        raise InvalidInput([{"path": "/kind", "code": "document.kind", "message": message}]) from None


def refuse_other_kind(given: dict[str, Any], kind: str) -> None:
    if kind_of(given) != kind:
        raise InvalidInput([{"path": "/kind", "code": "document.kind", "message": f"the kind must be {kind!r}"}])
