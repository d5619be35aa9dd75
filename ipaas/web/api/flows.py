"""Flows: their documents, where they run, and starting them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.flows import services
from ipaas.flows.models import Deployment, Flow, FlowVersion
from ipaas.governance.services import deploy, roll_back, undeploy
from ipaas.runtime.services import trigger_flow
from ipaas.web.api.document_serializers import (
    DeployInput,
    DeploymentOutput,
    FlowDetailOutput,
    FlowOutput,
    RollBackInput,
    TriggerInput,
)
from ipaas.web.api.documents import FLOW_DOCUMENT_PERMISSIONS, DocumentViewSet
from ipaas.web.api.fields import OptionalReasonInput, ReasonInput
from ipaas.web.api.run_serializers import RunOutput
from ipaas.web.api.runs import names_of


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
        "trigger": "flows.trigger",
    }

    def get_queryset(self) -> Any:
        return Flow.objects.visible_to(self.actor).with_deployments()

    @extend_schema(request=DeployInput, responses=DeploymentOutput)
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
        return Response(DeploymentOutput(deployment).data)

    @extend_schema(request=RollBackInput, responses=DeploymentOutput)
    def rollback(self, request: Request, slug: str) -> Response:
        """Run the version that was deployed before again."""
        deployment, given = self._deployment(slug)
        return Response(DeploymentOutput(roll_back(deployment=deployment, actor=self.actor, **given)).data)

    @extend_schema(request=RollBackInput, responses=DeploymentOutput)
    def undeploy(self, request: Request, slug: str) -> Response:
        """Start no more runs in an environment."""
        deployment, given = self._deployment(slug)
        return Response(DeploymentOutput(undeploy(deployment=deployment, actor=self.actor, **given)).data)

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
