"""Schemas: documents like others, their compatibility, and who uses them."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.contracts.compatibility import MODES
from ipaas.contracts.document import validate
from ipaas.contracts.evolution import Compared, Rule, accepted_break, compare, published_contents, rule_for
from ipaas.contracts.inference import MOST_BYTES, infer, read_samples
from ipaas.contracts.queries import bundle_of
from ipaas.contracts.services import accept_break
from ipaas.contracts.usage import contracts_with_schema, event_types_with_schema, schemas_with_schema
from ipaas.core.document_forms import read_document, refuse
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said
from ipaas.flows.usage import flows_with
from ipaas.mapping.usage import mappings_with_schema
from ipaas.runtime.captured import MOST, captured_values
from ipaas.web.api.document_serializers import DocumentInput, DocumentOutput
from ipaas.web.api.documents import DocumentViewSet, permissions_of_kind, refuse_other_kind
from ipaas.web.api.fields import JsonField, ReasonInput, StrictSerializer

STATES = ("compatible", "incompatible", "undecided")


class CompatibilityProblemOutput(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="JSON pointer into the schema that was sent.")
    place = serializers.CharField(help_text="Where in the data, such as lines.*.sku; empty for the whole.")
    code = serializers.CharField(help_text="What kind of change it is.")
    message = serializers.CharField(source="words")
    advice = serializers.CharField(help_text="What to do instead.")
    side = serializers.ChoiceField(choices=("reader", "writer"), help_text="Who breaks.")
    state = serializers.ChoiceField(choices=("incompatible", "undecided"))


class VersionVerdictOutput(serializers.Serializer[Any]):
    version = serializers.IntegerField(source="number")
    state = serializers.ChoiceField(choices=STATES, source="verdict.state")
    problems = CompatibilityProblemOutput(many=True, source="verdict.problems")
    relied_on = serializers.ListField(
        child=serializers.CharField(),
        source="verdict.relied_on",
        help_text="Places where it counts on writers not sending properties that the other schema does not name.",
    )


class CompatibilityOutput(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(choices=MODES)
    said_by = serializers.ChoiceField(
        choices=("document", "workspace", "platform"), help_text="Where the mode was said."
    )
    state = serializers.ChoiceField(choices=STATES)
    accepted = serializers.BooleanField(help_text="Whether a steward decided to publish it all the same.")
    versions = VersionVerdictOutput(many=True, help_text="The versions that the mode asks for, newest first.")


class SchemaUserOutput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=("flow", "mapping", "contract", "schema", "event_type"))
    slug = serializers.CharField()
    place = serializers.CharField(help_text="An environment that a flow runs in, or draft; empty for others.")
    version = serializers.IntegerField(allow_null=True, help_text="Of the flow.")


class SchemaUsersOutput(serializers.Serializer[Any]):
    users = SchemaUserOutput(many=True)


class InferInput(StrictSerializer):
    """Samples as values, as a text (a JSON value, a list, or one value on each line), or from runs of a flow."""

    samples = JsonField(required=False)
    text = serializers.CharField(max_length=MOST_BYTES, required=False, trim_whitespace=False)
    flow = serializers.SlugField(
        required=False, help_text="A flow, whose newest runs give the samples; sensitive values in them are made up."
    )
    step = serializers.CharField(
        max_length=400, required=False, help_text="What this step of the flow gave; without it what the flow got."
    )
    limit = serializers.IntegerField(min_value=1, max_value=MOST, required=False, help_text="Of runs; 50 without it.")
    confirmed = serializers.ListField(
        child=serializers.CharField(max_length=1000, allow_blank=True),
        required=False,
        max_length=1000,
        help_text="Paths of guesses that are right; all of them without it.",
    )


class GuessOutput(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="JSON pointer into the schema.")
    place = serializers.CharField(help_text="Where in the data.")
    sensitive = serializers.CharField(source="label", help_text="The class that x-sensitive would have.")
    why = serializers.CharField()


class InferredOutput(serializers.Serializer[Any]):
    schema = JsonField()
    guesses = GuessOutput(many=True)
    samples = serializers.IntegerField(help_text="How many it was made from; it accepts every one.")


@extend_schema(tags=["schemas"])
class SchemaViewSet(DocumentViewSet):
    kind = "schema"
    required_permissions = {
        **permissions_of_kind("schemas"),
        "compatibility": "schemas.view",
        "accept_break": "schemas.override",
        "users": "schemas.view",
        "infer": "schemas.edit",
    }

    @extend_schema(request=DocumentInput, responses={200: CompatibilityOutput})
    def compatibility(self, request: Request, slug: str) -> Response:
        """Whether a schema document, or the draft where none is sent, may follow what is published."""
        document = self.document(slug)
        given = self.read(DocumentInput) if self.request.data else {"content": self._drafted(document).draft}
        source = read_document(**given)
        refuse_other_kind({"content": source.content}, self.kind)
        refuse(source.locate(validate(source.content, self.workspace.id)))
        versions = published_contents(self.workspace.id, slug)
        rule = rule_for(versions[max(versions)] if versions else source.content, self.workspace.id)
        whole = bundle_of(source.content, self.workspace.id).schema
        compared = compare(whole, rule, versions)
        accepted = accepted_break(document, whole) is not None
        return Response(CompatibilityOutput(compatibility_of(rule, compared, accepted=accepted)).data)

    @extend_schema(request=ReasonInput, responses={200: DocumentOutput})
    def accept_break(self, request: Request, slug: str) -> Response:
        """Let the draft as it is be published upon the newest version although it may break readers or writers."""
        done = accept_break(schema=self.document(slug), actor=self.actor, **self.read(ReasonInput))
        return Response(self.row_serializer(done).data)

    @extend_schema(responses=SchemaUsersOutput)
    def users(self, request: Request, slug: str) -> Response:
        """The flows and documents that refer to a schema: who is affected by a change of it."""
        document = self.document(slug)
        flows = flows_with(self.workspace.id, "schema", document.slug)
        found = [{"kind": "flow", "slug": one.flow, "place": one.place, "version": one.version} for one in flows]
        others = {
            "mapping": mappings_with_schema(self.workspace.id, document.slug),
            "contract": contracts_with_schema(self.workspace.id, document.slug),
            "schema": schemas_with_schema(self.workspace.id, document.slug),
            "event_type": event_types_with_schema(self.workspace.id, document.slug),
        }
        found += [
            {"kind": kind, "slug": one, "place": "", "version": None} for kind, slugs in others.items() for one in slugs
        ]
        return Response(SchemaUsersOutput({"users": found}).data)

    @extend_schema(request=InferInput, responses={200: InferredOutput})
    def infer(self, request: Request) -> Response:
        """A first schema that accepts every sample, with the places that look sensitive; nothing is stored."""
        given = self.read(InferInput)
        if sum(key in given for key in ("samples", "text", "flow")) != 1:
            message = said("give samples, a text or a flow, one of the three")
            raise InvalidInput([{"path": "samples", "code": "schema.samples", "message": message}])
        samples, classes = self._samples(given)
        found = infer(samples if isinstance(samples, list) else [samples], classes)
        schema = found.with_classes(given.get("confirmed", [one.path for one in found.guesses]))
        return Response(InferredOutput({"schema": schema, "guesses": found.guesses, "samples": found.samples}).data)

    def _samples(self, given: dict[str, Any]) -> tuple[Any, Mapping[str, str]]:
        """The samples, and the classes of places in them that are known."""
        if "flow" in given:
            wish = {key: given[key] for key in ("flow", "step", "limit") if key in given}
            taken = captured_values(actor=self.actor, workspace=self.workspace, **wish)
            return taken.values, taken.classes
        return (given["samples"] if "samples" in given else read_samples(given["text"])), {}


def compatibility_of(rule: Rule, compared: list[Compared], *, accepted: bool) -> dict[str, Any]:
    """The verdicts as one answer; the worst of them is its state."""
    states = {one.verdict.state for one in compared}
    state = next((one for one in ("incompatible", "undecided") if one in states), "compatible")
    return {"mode": rule.mode, "said_by": rule.source, "state": state, "accepted": accepted, "versions": compared}
