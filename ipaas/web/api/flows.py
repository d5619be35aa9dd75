"""Flows: their documents, where they run, and starting them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.core.actor import require_permission
from ipaas.core.document_forms import read_document
from ipaas.flows import services
from ipaas.flows.models import Deployment, Flow, FlowVersion
from ipaas.flows.snapshots import draft_source, snapshot_of
from ipaas.governance.promotion import plan_promotion, promote
from ipaas.governance.services import deploy, roll_back, undeploy
from ipaas.runtime.models import Run
from ipaas.runtime.services import trigger_flow
from ipaas.runtime.testing import Tested, TestWish, calls_of_test, start_test
from ipaas.web.api.document_serializers import (
    DeployedOutput,
    DeployInput,
    FlowDetailOutput,
    FlowOutput,
    RollBackInput,
    TriggerInput,
)
from ipaas.web.api.documents import FLOW_DOCUMENT_PERMISSIONS, DocumentQuery, DocumentViewSet
from ipaas.web.api.fields import OptionalReasonInput, ReasonInput
from ipaas.web.api.flow_serializers import (
    PromoteInput,
    PromotionOutput,
    PromotionQuery,
    TestInput,
    TestPreviewOutput,
)
from ipaas.web.api.run_serializers import RunOutput
from ipaas.web.api.runs import names_of


class FlowQuery(DocumentQuery):
    tag = serializers.CharField(max_length=40, required=False, help_text="Only flows with this tag.")


@extend_schema(tags=["flows"])
class FlowViewSet(DocumentViewSet):
    kind = "flow"
    row_serializer = FlowOutput
    detail_serializer = FlowDetailOutput
    required_permissions = {
        **FLOW_DOCUMENT_PERMISSIONS,
        **dict.fromkeys(("deploy", "rollback", "undeploy"), "flows.publish"),
        "pause": "flows.pause",
        "resume": "flows.pause",
        **dict.fromkeys(("trigger", "test", "test_preview"), "flows.trigger"),
        "promotion": "flows.view",
        "promote": "flows.publish",
    }

    def get_queryset(self) -> Any:
        return Flow.objects.visible_to(self.actor).with_deployments()

    @extend_schema(parameters=[FlowQuery])
    def list(self, request: Request) -> Response:
        """The flows, without their content."""
        query = self.read_query(FlowQuery)
        rows = self.get_queryset().filter(archived=query["archived"])
        return self.page_of(rows.tagged(query.get("tag", "")).titled(query.get("q", "")), self.row_serializer)

    @extend_schema(request=DeployInput, responses=DeployedOutput)
    def deploy(self, request: Request, slug: str) -> Response:
        """Run a version in an environment from now on."""
        flow, given = self.document(slug), self.read(DeployInput)
        version = self.one(FlowVersion.objects.filter(document=flow), "flow version", number=given["version"])
        deployment = deploy(
            flow=flow,
            environment=self._environment(given["environment"]),
            version=version,
            actor=self.actor,
            note=given["note"],
        )
        return self._deployed(deployment)

    @extend_schema(request=RollBackInput, responses=DeployedOutput)
    def rollback(self, request: Request, slug: str) -> Response:
        """Run the version that was deployed before again."""
        deployment, given = self._deployment(slug)
        return self._deployed(roll_back(deployment=deployment, actor=self.actor, **given))

    @extend_schema(request=RollBackInput, responses=DeployedOutput)
    def undeploy(self, request: Request, slug: str) -> Response:
        """Start no more runs in an environment."""
        deployment, given = self._deployment(slug)
        return self._deployed(undeploy(deployment=deployment, actor=self.actor, **given))

    def _deployed(self, deployment: Deployment) -> Response:
        return Response(DeployedOutput(deployment, context={"actor": self.actor}).data)

    def _deployment(self, slug: str) -> tuple[Deployment, dict[str, Any]]:
        flow, given = self.document(slug), self.read(RollBackInput)
        rows = flow.deployments.select_related("flow", "environment", "version", "previous_version")
        environment = given.pop("environment")
        return self.one(rows, "deployment", environment__slug=environment, active=True), given

    @extend_schema(request=ReasonInput, responses=FlowDetailOutput)
    def pause(self, request: Request, slug: str) -> Response:
        """Start no new runs; deliveries are kept until the flow is resumed."""
        services.pause_flow(flow=self.document(slug), actor=self.actor, **self.read(ReasonInput))
        return self.retrieve(request, slug)

    @extend_schema(request=OptionalReasonInput, responses=FlowDetailOutput)
    def resume(self, request: Request, slug: str) -> Response:
        """Let a paused flow start runs again."""
        services.resume_flow(flow=self.document(slug), actor=self.actor, **self.read(OptionalReasonInput))
        return self.retrieve(request, slug)

    @extend_schema(parameters=[PromotionQuery], responses=PromotionOutput)
    def promotion(self, request: Request, slug: str) -> Response:
        """What promoting the flow from one environment to another would change, and what is missing there."""
        flow, query = self.document(slug), self.read_query(PromotionQuery)
        source, target = (self._environment(query[name]) for name in ("from", "to"))
        plan = plan_promotion(actor=self.actor, flow=flow, source=source, target=target)
        return Response(PromotionOutput(plan).data)

    @extend_schema(request=PromoteInput, responses=DeployedOutput)
    def promote(self, request: Request, slug: str) -> Response:
        """Run the version of one environment in another from now on; 409 while something is missing there."""
        flow, given = self.document(slug), self.read(PromoteInput)
        deployment = promote(
            actor=self.actor,
            flow=flow,
            source=self._environment(given["from"]),
            target=self._environment(given["to"]),
            version=given.get("version"),
            note=given["note"],
        )
        return self._deployed(deployment)

    @extend_schema(request=TestInput, responses={202: RunOutput})
    def test(self, request: Request, slug: str) -> Response:
        """Try a step out, of a version or of a draft, by a run that ends behind it; it is read like any run."""
        version, place, wish = self._test(slug)
        run = start_test(actor=self.actor, version=version, environment=place, wish=wish)
        return Response(RunOutput(run, context=names_of([run])).data, status=202)

    @extend_schema(request=TestInput, responses=TestPreviewOutput)
    def test_preview(self, request: Request, slug: str) -> Response:
        """What such a test may do outside; nothing is done."""
        version, place, wish = self._test(slug)
        calls = calls_of_test(actor=self.actor, version=version, environment=place, wish=wish)
        return Response(TestPreviewOutput({"calls": calls}).data)

    def _test(self, slug: str) -> tuple[Tested, Environment, TestWish]:
        flow, given = self.document(slug), self.read(TestInput)
        source = None
        if "from_run" in given:
            source = self.one(Run.objects.visible_to(self.actor), "run", id=given["from_run"])
        wish = TestWish(
            step=given["step"],
            alone=given["alone"],
            body=given.get("body"),
            has_body="body" in given,
            outputs=given["outputs"],
            from_run=source,
            item=given["item"],
            in_production=given["in_production"],
        )
        return self._tested(flow, given), self._environment(given["environment"]), wish

    def _tested(self, flow: Flow, given: dict[str, Any]) -> Tested:
        if given["draft"] or "document" in given:
            require_permission(self.actor, "flows.edit", flow)
            source = draft_source(flow) if given["draft"] else read_document(text=given["document"])
            return snapshot_of(flow, source, self.actor)
        number = given.get("version") or flow.latest_version
        found: FlowVersion = self.one(FlowVersion.objects.filter(document=flow), "flow version", number=number)
        return found

    @extend_schema(request=TriggerInput, responses={202: RunOutput})
    def trigger(self, request: Request, slug: str) -> Response:
        """Start a run. With an ``Idempotency-Key`` the same request never starts a second one, however late."""
        flow, given = self.document(slug), self.read(TriggerInput)
        key = request.headers.get("Idempotency-Key")
        run = trigger_flow(
            actor=self.actor,
            flow=flow,
            environment=self._environment(given["environment"]),
            body=given["body"],
            key=f"{self.actor.kind}:{self.actor.id}:{key}" if key else "",
        )
        return Response(RunOutput(run, context=names_of([run])).data, status=202)

    def _environment(self, slug: str) -> Environment:
        found: Environment = self.one(Environment.objects.filter(workspace=self.workspace), "environment", slug=slug)
        return found
