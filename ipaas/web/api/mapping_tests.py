"""The tests of a mapping's draft, samples to make them from, and data that has moved away from its schema."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.core.errors import NotFound
from ipaas.mapping.case_making import Change, accepting, adding, generating, removing
from ipaas.mapping.case_services import change_tests
from ipaas.mapping.cases import run_cases
from ipaas.mapping.coverage import coverage
from ipaas.mapping.models import Mapping
from ipaas.mapping.resolving import resolver_of
from ipaas.runtime.drift import drift_named, ignore_drift, open_drift, test_drift, words_of
from ipaas.runtime.drift_models import MappingDrift
from ipaas.runtime.samples import captured_inputs
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import StrictSerializer
from ipaas.web.pages.mapping_tests import panel_of, sample_change

MOST_SAMPLES = 50


class NamesInput(StrictSerializer):
    names = serializers.ListField(
        child=serializers.CharField(max_length=200), min_length=1, max_length=500, help_text="Of tests."
    )


class TestsInput(StrictSerializer):
    __test__ = False  # not a test case of pytest

    cases = serializers.ListField(
        child=serializers.JSONField(),
        min_length=1,
        max_length=500,
        help_text="Each as in the `tests` of a mapping document; without `expect` and `error` it expects nothing.",
    )


class RunSampleInput(StrictSerializer):
    run_id = serializers.UUIDField(help_text="A run that used the mapping and whose data is still kept.")
    step = serializers.CharField(max_length=500, required=False, help_text="Path of the step; else its first use.")
    item = serializers.CharField(max_length=60, required=False, help_text="The element of a for-each.")


class SampleQuery(StrictSerializer):
    limit = serializers.IntegerField(min_value=1, max_value=MOST_SAMPLES, required=False, default=10)


class TestDifferenceOutput(serializers.Serializer[Any]):
    __test__ = False

    path = serializers.CharField(help_text="A JSON pointer; empty for the whole.")
    code = serializers.CharField()
    message = serializers.CharField()


class TestFailureOutput(serializers.Serializer[Any]):
    __test__ = False

    code = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()


class TestResultOutput(serializers.Serializer[Any]):
    __test__ = False

    name = serializers.CharField()
    passed = serializers.BooleanField()
    differences = TestDifferenceOutput(many=True)
    notes = serializers.ListField(child=serializers.CharField())
    failure = TestFailureOutput(required=False, help_text="How the mapping failed; absent where it did not.")


class TestsOutput(serializers.Serializer[Any]):
    __test__ = False

    mapping = serializers.CharField()
    passed = serializers.BooleanField()
    cases = TestResultOutput(many=True)
    problem = serializers.CharField(required=False, help_text="Why none could run.")
    coverage = serializers.SerializerMethodField(help_text="What is reached, of which kind, and what no test reaches.")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_coverage(self, found: Any) -> Any:
        return found["coverage"]


class TestsChangedOutput(serializers.Serializer[Any]):
    __test__ = False

    slug = serializers.CharField()
    draft_revision = serializers.IntegerField()
    names = serializers.ListField(child=serializers.CharField(), help_text="Of all tests, in their order.")


class CapturedOutput(serializers.Serializer[Any]):
    run_id = serializers.UUIDField()
    flow = serializers.CharField()
    step = serializers.CharField()
    item = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()
    failed = serializers.BooleanField(help_text="The mapping failed upon it.")
    scope = serializers.JSONField(help_text="Every name of its expressions; sensitive values are made up.")


class CapturedListOutput(serializers.Serializer[Any]):
    samples = CapturedOutput(many=True)


class DriftOutput(serializers.ModelSerializer[MappingDrift]):
    words = serializers.SerializerMethodField(help_text="What happened, for people.")

    class Meta:
        model = MappingDrift
        fields = [
            "id", "kind", "path", "what", "words", "schema", "count", "first_seen_at", "last_seen_at", "run_id", "flow",
            "step",
        ]  # fmt: skip

    def get_words(self, row: MappingDrift) -> str:
        return str(words_of(row))


class DriftListOutput(serializers.Serializer[Any]):
    drift = DriftOutput(many=True)


@extend_schema(tags=["mappings"])
class MappingTestViewSet(ApiViewSet):
    """Tests of one mapping's draft."""

    required_permissions = {
        **dict.fromkeys(("list", "samples", "drift"), "mappings.view"),
        **dict.fromkeys(("create", "accept", "remove", "generate", "from_run", "test", "ignore"), "mappings.edit"),
    }

    def _mapping(self, slug: str) -> Mapping:
        rows = Mapping.objects.in_workspace(self.workspace.id)
        found: Mapping = self.one(rows, "mapping", slug=slug)
        return found

    @extend_schema(responses=TestsOutput)
    def list(self, request: Request, slug: str) -> Response:
        """Run the tests of the draft now: what passes, where outputs differ, what no test reaches."""
        content = self._mapping(slug).draft
        if content is None:
            raise NotFound(what="draft of this mapping")
        panel, resolve = panel_of(content, self.workspace.id), resolver_of(self.workspace.id)
        if not panel.ready:
            problem = "the draft has faults; `documents/validate` names them"
            return Response({"mapping": slug, "passed": False, "cases": [], "problem": problem, "coverage": {}})
        found = run_cases(content, resolve=resolve).as_json()
        reached = {} if "problem" in found else coverage(content, resolve=resolve).as_json()
        return Response(TestsOutput({**found, "coverage": reached}).data)

    @extend_schema(request=TestsInput, responses={201: TestsChangedOutput})
    def create(self, request: Request, slug: str) -> Response:
        """Add tests; a name that is taken gets a number. The draft's other tests stay, whoever added them."""
        cases = self.read(TestsInput)["cases"]
        wrong = [case for case in cases if not isinstance(case, dict) or not isinstance(case.get("name"), str)]
        if wrong:
            message = "a test is an object with a name and an input"
            raise serializers.ValidationError({"cases": [message]})
        return self._changed(slug, adding(cases), 201)

    @extend_schema(request=NamesInput, responses=TestsChangedOutput)
    def accept(self, request: Request, slug: str) -> Response:
        """Let tests expect what comes out of the draft now."""
        return self._changed(slug, accepting(self.read(NamesInput)["names"], resolver_of(self.workspace.id)))

    @extend_schema(request=NamesInput, responses=TestsChangedOutput)
    def remove(self, request: Request, slug: str) -> Response:
        """Take tests out of the draft."""
        return self._changed(slug, removing(self.read(NamesInput)["names"]))

    @extend_schema(request=None, responses=TestsChangedOutput)
    def generate(self, request: Request, slug: str) -> Response:
        """Add a test for each edge of the source's schema that none has yet, with what comes out now."""
        return self._changed(slug, generating(resolver_of(self.workspace.id)))

    @extend_schema(request=RunSampleInput, responses={201: TestsChangedOutput})
    def from_run(self, request: Request, slug: str) -> Response:
        """Add a test of what a run gave to the mapping, its sensitive values replaced by made-up ones of their form."""
        given = self.read(RunSampleInput)
        place = (given.get("step", ""), given.get("item", ""))
        return self._changed(slug, sample_change(self.actor, self._mapping(slug), str(given["run_id"]), *place), 201)

    @extend_schema(parameters=[SampleQuery], responses=CapturedListOutput)
    def samples(self, request: Request, slug: str) -> Response:
        """What recent runs gave to the mapping, sensitive values made up; none for who may not see runs."""
        mapping, query = self._mapping(slug), self.read_query(SampleQuery)
        found = []
        if self.actor.may("runs.view"):
            limit = query.get("limit", 10)
            found = captured_inputs(actor=self.actor, workspace=self.workspace, mapping=mapping.slug, limit=limit)
        return Response(CapturedListOutput({"samples": found}).data)

    @extend_schema(responses=DriftListOutput)
    def drift(self, request: Request, slug: str) -> Response:
        """How data of recent runs differs from the source's schema; none for who may not see runs."""
        return Response(DriftListOutput({"drift": open_drift(self.actor, self._mapping(slug))}).data)

    @extend_schema(request=None, responses={201: TestsChangedOutput})
    def test(self, request: Request, slug: str, drift_id: UUID) -> Response:
        """Add the input in which drift was found first to the tests."""
        mapping = self._mapping(slug)
        found = drift_named(self.actor, mapping, drift_id)
        done = test_drift(actor=self.actor, workspace=self.workspace, mapping=mapping, drift=found)
        return Response(_changed(done), status=201)

    @extend_schema(request=None, responses=DriftOutput)
    def ignore(self, request: Request, slug: str, drift_id: UUID) -> Response:
        """Tell of a kind of drift no more; it is still counted."""
        mapping = self._mapping(slug)
        found = drift_named(self.actor, mapping, drift_id)
        return Response(DriftOutput(ignore_drift(actor=self.actor, mapping=mapping, drift=found)).data)

    def _changed(self, slug: str, change: Change, status: int = 200) -> Response:
        self._mapping(slug)
        done = change_tests(actor=self.actor, workspace=self.workspace, slug=slug, change=change)
        return Response(_changed(done), status=status)


def _changed(mapping: Mapping) -> dict[str, Any]:
    tests = (mapping.draft or {}).get("tests", [])
    found = {"slug": mapping.slug, "draft_revision": mapping.draft_revision, "names": [one["name"] for one in tests]}
    return dict(TestsChangedOutput(found).data)
