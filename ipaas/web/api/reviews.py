"""Reviews and domains: who has to look at what before it is published, and what they decided."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.core.document_types import document_kinds, document_type
from ipaas.core.errors import InvalidInput
from ipaas.flows.yaml_form import file_name
from ipaas.governance import reviews as deeds
from ipaas.governance.approving import approve_and_publish, publish_review
from ipaas.governance.inbox import waiting_for
from ipaas.governance.models import Review
from ipaas.governance.review_policy import NEEDED, stewards_of
from ipaas.ownership.domain_files import domain_text
from ipaas.ownership.models import Domain
from ipaas.ownership.services import change_domain, create_domain, delete_domain
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.document_serializers import ChangeOutput, TextOutput
from ipaas.web.api.fields import FindingOutput, OptionalReasonInput, StrictSerializer
from ipaas.web.pages.review_evidence import check_rows, written_base

LONGEST = deeds.MOST_CHARACTERS


class ReviewQuery(StrictSerializer):
    state = serializers.ChoiceField(choices=Review.State.choices, required=False)
    kind = serializers.CharField(max_length=20, required=False, help_text="Of the document, such as mapping.")
    slug = serializers.CharField(max_length=80, required=False, help_text="Of the document.")
    waiting = serializers.BooleanField(
        required=False, default=False, help_text="Only undecided ones in which the caller has a say."
    )


class ReviewInput(StrictSerializer):
    kind = serializers.CharField(max_length=20, help_text="Of the document, such as mapping.")
    slug = serializers.CharField(max_length=80)
    note = serializers.CharField(max_length=LONGEST, required=False, default="", allow_blank=True)
    expected_revision = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    bring = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=500,
        help_text="Deployments that are to run the new version; without it those that follow the newest one.",
    )


class ApproveInput(StrictSerializer):
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", help_text="Of the review that was read: what is approved.")
    comment = serializers.CharField(max_length=LONGEST, required=False, default="", allow_blank=True)
    publish = serializers.BooleanField(required=False, default=False, help_text="Publish with the last approval.")
    bring = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=500, help_text="Replaces what was asked for."
    )


class ReturnInput(StrictSerializer):
    comment = serializers.CharField(max_length=LONGEST, help_text="What is to be changed.")


class CommentInput(StrictSerializer):
    text = serializers.CharField(max_length=LONGEST)
    path = serializers.CharField(
        max_length=500, required=False, default="", allow_blank=True, help_text="A JSON pointer into the document."
    )


class ReviewOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    slug = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=Review.State.choices)
    revision = serializers.IntegerField(help_text="Of the draft that was sent to review.")
    base_version = serializers.IntegerField(help_text="The newest version then; 0 for none.")
    version = serializers.IntegerField(allow_null=True, help_text="The version that it became.")
    sha256 = serializers.CharField(help_text="Of exactly what would be published.")
    rule = serializers.CharField(help_text="What the policy asked for: none, steward or four_eyes.")
    note = serializers.CharField()
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField()
    reason = serializers.CharField(help_text="Why it was returned or withdrawn.")


class ReviewDecisionOutput(serializers.Serializer[Any]):
    person = serializers.CharField(source="label")
    decision = serializers.CharField()
    as_steward = serializers.BooleanField()
    decided_at = serializers.DateTimeField()


class ReviewCommentOutput(serializers.Serializer[Any]):
    person = serializers.CharField(source="label")
    path = serializers.CharField()
    text = serializers.CharField()
    written_at = serializers.DateTimeField()


class ReviewCheckOutput(serializers.Serializer[Any]):
    title = serializers.CharField()
    state = serializers.CharField(help_text="passed, failed, warning, undecided or not_applicable.")
    summary = serializers.CharField()
    details = FindingOutput(many=True)


class ReviewDetailOutput(ReviewOutput):
    outdated = serializers.BooleanField(help_text="Whether the draft has changed since; it needs a new review then.")
    asked = serializers.ListField(child=serializers.CharField(), help_text="Who may decide as a steward now.")
    asked_as = serializers.CharField(help_text="Whose stewards they are: domain, flow, workspace, admins, nobody.")
    needed = serializers.IntegerField(help_text="How many different people have to approve.")
    authors = serializers.ListField(child=serializers.CharField(), help_text="Who may not decide: it is their work.")
    bring = serializers.ListField(child=serializers.UUIDField())
    decisions = ReviewDecisionOutput(many=True)
    comments = ReviewCommentOutput(many=True)
    changes = ChangeOutput(many=True)
    checks = ReviewCheckOutput(many=True)


class DomainInput(StrictSerializer):
    slug = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)
    owner = serializers.CharField(max_length=254, required=False, default="", allow_blank=True)
    stewards = serializers.ListField(child=serializers.EmailField(), required=False, default=list, max_length=20)


class DomainChanges(StrictSerializer):
    title = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    owner = serializers.CharField(max_length=254, required=False, allow_blank=True)
    stewards = serializers.ListField(child=serializers.EmailField(), required=False, max_length=20)


class DomainOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    owner = serializers.SerializerMethodField(help_text="An e-mail address; empty for nobody.")
    stewards = serializers.SerializerMethodField()

    def get_owner(self, domain: Domain) -> str:
        return domain.owner.user.email if domain.owner else ""

    def get_stewards(self, domain: Domain) -> list[str]:
        return sorted(one.user.email for one in domain.stewards.all())


@extend_schema(tags=["reviews"])
class ReviewViewSet(ApiViewSet):
    serializer_class = ReviewOutput
    required_permissions = {
        **dict.fromkeys(("list", "retrieve"), "reviews.view"),
        **dict.fromkeys(("create", "comment", "withdraw", "publish"), "reviews.request"),
        **dict.fromkeys(("approve", "send_back"), "reviews.decide"),
    }

    def get_queryset(self) -> QuerySet[Review]:
        return Review.objects.visible_to(self.actor)

    def review(self, review_id: Any) -> Review:
        found: Review = self.one(self.get_queryset(), "review", id=review_id)
        return found

    @extend_schema(parameters=[ReviewQuery])
    def list(self, request: Request) -> Response:
        """Reviews, newest first; of the kinds of document that the caller may see."""
        query = self.read_query(ReviewQuery)
        rows = self.get_queryset()
        if query.pop("waiting"):
            rows = rows.filter(id__in=[one.id for one in waiting_for(self.actor)])
        return self.page_of(rows.filter(**query), ReviewOutput)

    @extend_schema(responses=ReviewDetailOutput)
    def retrieve(self, request: Request, review_id: Any) -> Response:
        """A review with what changes, what was checked, who is asked and what was said."""
        return self._shown(self.review(review_id))

    @extend_schema(request=ReviewInput, responses={201: ReviewDetailOutput})
    def create(self, request: Request) -> Response:
        """Send the draft of a document to review; one of just this draft is given as it is."""
        given = self.read(ReviewInput)
        kind, slug = given.pop("kind"), given.pop("slug")
        if kind not in document_kinds():
            message = f"there is no kind of document {kind!r}"
            raise InvalidInput([{"path": "kind", "code": "document.kind", "message": message}])
        document = document_type(kind).documents.named(self.workspace.id, slug)
        review = deeds.request_review(document=document, actor=self.actor, **_brought(given))
        return self._shown(review, 201)

    @extend_schema(request=ApproveInput, responses=ReviewDetailOutput)
    def approve(self, request: Request, review_id: Any) -> Response:
        """Say that just this may be published. 409 when the draft has changed, or somebody was quicker."""
        given = _brought(self.read(ApproveInput))
        deed = approve_and_publish if given.pop("publish") else deeds.approve_review
        shown = given.pop("sha256")
        return self._shown(deed(review=self.review(review_id), actor=self.actor, shown=shown, **given))

    @extend_schema(request=ReturnInput, responses=ReviewDetailOutput)
    def send_back(self, request: Request, review_id: Any) -> Response:
        """Return the change with what is to be done."""
        given = self.read(ReturnInput)
        return self._shown(deeds.return_review(review=self.review(review_id), actor=self.actor, **given))

    @extend_schema(request=OptionalReasonInput, responses=ReviewDetailOutput)
    def withdraw(self, request: Request, review_id: Any) -> Response:
        """Take the request back; the draft stays."""
        given = self.read(OptionalReasonInput)
        return self._shown(deeds.withdraw_review(review=self.review(review_id), actor=self.actor, **given))

    @extend_schema(request=CommentInput, responses=ReviewDetailOutput)
    def comment(self, request: Request, review_id: Any) -> Response:
        """Say something about the change, or about a place in it."""
        given = self.read(CommentInput)
        return self._shown(deeds.comment_review(review=self.review(review_id), actor=self.actor, **given))

    @extend_schema(request=None, responses=ReviewDetailOutput)
    def publish(self, request: Request, review_id: Any) -> Response:
        """Publish what was approved, and have the flows that it names run it."""
        review = self.review(review_id)
        publish_review(review=review, actor=self.actor)
        return self._shown(self.review(review_id))

    def _shown(self, review: Review, status: int = 200) -> Response:
        stewards, base = stewards_of(review), written_base(review)
        found = {
            **{str(name): getattr(review, str(name)) for name in ReviewOutput().fields},
            "outdated": review.is_open and deeds.is_outdated(review),
            "asked": [one.label for one in stewards.people],
            "asked_as": stewards.source,
            "needed": NEEDED[review.rule],
            "authors": [one["label"] for one in review.authors],
            "bring": review.bring,
            "decisions": review.decisions.all(),
            "comments": review.comments.all(),
            "changes": deeds.changes_of(review, base),
            "checks": [
                {
                    "title": one.title,
                    "state": one.state,
                    "summary": one.summary,
                    "details": [finding.as_error() for finding in one.details],
                }
                for one in check_rows(review)
            ],
        }
        return Response(ReviewDetailOutput(found).data, status=status)


def _brought(given: dict[str, Any]) -> dict[str, Any]:
    return given | {"bring": [str(one) for one in given["bring"]]} if "bring" in given else given


@extend_schema(tags=["reviews"])
class DomainViewSet(ApiViewSet):
    serializer_class = DomainOutput
    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "text"), "domains.view"),
        **dict.fromkeys(("create", "partial_update", "destroy"), "domains.edit"),
    }

    def get_queryset(self) -> QuerySet[Domain]:
        return Domain.objects.in_workspace(self.workspace.id).with_people()

    def domain(self, slug: str) -> Domain:
        found: Domain = self.one(self.get_queryset(), "domain", slug=slug)
        return found

    def list(self, request: Request) -> Response:
        """The domains of the workspace with their people."""
        return self.page_of(self.get_queryset(), DomainOutput)

    def retrieve(self, request: Request, slug: str) -> Response:
        """A domain with its people."""
        return Response(DomainOutput(self.domain(slug)).data)

    @extend_schema(responses=TextOutput)
    def text(self, request: Request, slug: str) -> Response:
        """The domain as the file that ``documents/apply-all`` takes."""
        domain = self.domain(slug)
        return Response({"path": file_name("domain", slug), "text": domain_text(domain)})

    @extend_schema(request=DomainInput, responses={201: DomainOutput})
    def create(self, request: Request) -> Response:
        """Make a domain; owner and stewards are addresses of members."""
        made = create_domain(workspace=self.workspace, actor=self.actor, **self.read(DomainInput))
        return Response(DomainOutput(self.domain(made.slug)).data, status=201)

    @extend_schema(request=DomainChanges, responses=DomainOutput)
    def partial_update(self, request: Request, slug: str) -> Response:
        """Change a domain; what is not named stays."""
        change_domain(domain=self.domain(slug), actor=self.actor, **self.read(DomainChanges))
        return self.retrieve(request, slug)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, slug: str) -> Response:
        """Delete a domain that no document names; 409 otherwise."""
        delete_domain(domain=self.domain(slug), actor=self.actor)
        return Response(status=204)
