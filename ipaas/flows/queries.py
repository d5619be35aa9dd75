"""What the runtime reads of flows. Synchronous ORM; plans are kept per process because versions never change."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from ipaas.contracts.models import ContractVersion, SchemaVersion
from ipaas.contracts.queries import validator_for, whole_schema
from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.documents import DocumentVersion
from ipaas.core.errors import NotFound
from ipaas.core.references import split_reference
from ipaas.flows import compiler
from ipaas.flows.blocks import Plan
from ipaas.flows.models import Deployment, DraftSnapshot, Flow, FlowVersion
from ipaas.mapping import engine
from ipaas.mapping.engine import CompiledMapping
from ipaas.mapping.formats.applying import with_formats
from ipaas.mapping.models import MappingVersion
from ipaas.mapping.queries import mapping_for


@dataclass(frozen=True, slots=True)
class DeployedFlow:
    """The version of a flow that an environment runs; ``paused`` flows start no new runs."""

    workspace_id: UUID
    environment_id: UUID
    flow_id: UUID
    flow_slug: str
    version_id: UUID
    paused: bool
    trigger_kind: str
    trigger_key: str
    trigger_spec: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Resolver:
    workspace_id: UUID

    def mapping(self, reference: str) -> CompiledMapping:
        version = MappingVersion.objects.of(self.workspace_id, *split_reference(reference))
        if version is None:
            raise NotFound(what=f"mapping {reference}")
        return mapping_for(version.id)

    def schema(self, reference: str) -> CompiledValidator:
        version = SchemaVersion.objects.of(self.workspace_id, *split_reference(reference))
        if version is None:
            raise NotFound(what=f"schema {reference}")
        return validator_for(version.id)

    def contract(self, reference: str) -> Mapping[str, Any]:
        version = ContractVersion.objects.of(self.workspace_id, *split_reference(reference))
        if version is None:
            raise NotFound(what=f"contract {reference}")
        content: Mapping[str, Any] = version.content
        return content


@dataclass(frozen=True, slots=True)
class _DraftResolver:
    """What a draft holds inline comes from its snapshot, all else is published."""

    snapshot: DraftSnapshot
    published: _Resolver

    def mapping(self, reference: str) -> CompiledMapping:
        part = self.snapshot.parts.get(reference)
        if part is None:
            return self.published.mapping(reference)
        return with_formats(engine.compile(part, version_id=self.snapshot.id, sha256=self.snapshot.sha256), part)

    def schema(self, reference: str) -> CompiledValidator:
        part = self.snapshot.parts.get(reference)
        if part is None:
            return self.published.schema(reference)
        schema = whole_schema(part, self.snapshot.document.workspace_id)
        return compile_schema(schema, version_id=self.snapshot.id, sha256=self.snapshot.sha256)

    def contract(self, reference: str) -> Mapping[str, Any]:
        return self.published.contract(reference)


@lru_cache(maxsize=512)
def plan_for(version_id: UUID) -> Plan:
    """The compiled plan of a flow version, or of a draft that was tried out. Raises ``NotFound``."""
    for rows in (FlowVersion.objects.all(), DraftSnapshot.objects.all()):
        version = rows.select_related("document").filter(id=version_id).first()
        if version is not None:
            return plan_of(version)
    raise NotFound(what="flow version")


def plan_of(version: DocumentVersion | DraftSnapshot) -> Plan:
    """Compile a version or a draft, past the cache."""
    identity = compiler.Identity(version_id=version.id, number=version.number, sha256=version.sha256)
    published = _Resolver(version.document.workspace_id)
    resolver = _DraftResolver(version, published) if isinstance(version, DraftSnapshot) else published
    return compiler.compile(version.content, resolve=resolver, identity=identity)


def input_schema(workspace_id: UUID, content: Mapping[str, Any]) -> str | None:
    """The reference of the schema of what comes into a flow: its own, or that of its contract."""
    own = content.get("input", {}).get("schema")
    reference = content.get("contract")
    if own is not None or not isinstance(reference, str):
        return own if isinstance(own, str) else None
    version = ContractVersion.objects.of(workspace_id, *split_reference(reference))
    return str(version.content["input"]["schema"]) if version else None


def deployed_flows(workspace_id: UUID, environment_id: UUID) -> list[DeployedFlow]:
    """Every active deployment of an environment, paused flows among them."""
    return _deployed(workspace_id=workspace_id, environment_id=environment_id)


def deployed_flow(workspace_id: UUID, environment_id: UUID, flow_slug: str) -> DeployedFlow | None:
    """The deployment of one flow, for starts by hand, by API and as a sub-flow."""
    found = _deployed(workspace_id=workspace_id, environment_id=environment_id, flow__slug=flow_slug)
    return found[0] if found else None


def flows_for_endpoint(workspace_id: UUID, environment_id: UUID, endpoint_slug: str, event: str) -> list[DeployedFlow]:
    """Deployments that a delivery starts: the endpoint's, if they take this event type."""
    found = _deployed(
        workspace_id=workspace_id,
        environment_id=environment_id,
        trigger_kind="webhook",
        trigger_key=endpoint_slug,
    )
    return [flow for flow in found if not flow.trigger_spec.get("events") or event in flow.trigger_spec["events"]]


def flows_for_event(workspace_id: UUID, environment_id: UUID, event_type: str) -> list[DeployedFlow]:
    """Deployments that an event of the bus may start; their filter is still to be asked."""
    return _deployed(
        workspace_id=workspace_id, environment_id=environment_id, trigger_kind="event", trigger_key=event_type
    )


def active_schedules() -> list[DeployedFlow]:
    """Every deployment started by a clock, over all workspaces; paused ones are left out."""
    return [flow for flow in _deployed(trigger_kind="schedule") if not flow.paused]


def active_polls() -> list[DeployedFlow]:
    """Every deployment started by polling, over all workspaces; paused ones are left out."""
    return [flow for flow in _deployed(trigger_kind="poll") if not flow.paused]


def _deployed(*, workspace_id: UUID | None = None, **conditions: Any) -> list[DeployedFlow]:
    found = Deployment.objects.running().filter(**conditions)
    if workspace_id is not None:
        found = found.in_workspace(workspace_id)
    return [
        DeployedFlow(
            one.flow.workspace_id,
            one.environment_id,
            one.flow_id,
            one.flow.slug,
            one.version_id,
            one.flow.paused,
            one.trigger_kind,
            one.trigger_key,
            one.trigger_spec,
        )
        for one in found
    ]


def flow_slug(flow_id: UUID) -> str:
    """The slug of a flow, whatever became of it."""
    return Flow.objects.filter(id=flow_id).values_list("slug", flat=True).first() or str(flow_id)
