"""The only door to the state "published", and the deeds on what is published."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Environment, Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, Source, read_document
from ipaas.core.document_types import DocumentType, document_type, document_type_of
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.drafts import valid_slug, write_draft
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.core.state_names import state_name
from ipaas.flows.models import Deployment, Flow, FlowVersion
from ipaas.flows.services import require_editable_flow
from ipaas.governance.ending import refuse_held
from ipaas.governance.following import references_in, repinned, uses_of
from ipaas.governance.gate import Gate, ReviewNeeded
from ipaas.governance.models import Review
from ipaas.governance.publishing import publish_draft, publish_repinned
from ipaas.governance.review_policy import rule_of, stricter, told_rule
from ipaas.governance.reviews import request_review
from ipaas.ownership.domain_files import KIND as DOMAIN
from ipaas.ownership.domain_files import domain_findings

DeploymentChanged = Callable[[Deployment], None]
_deployment_changed: list[DeploymentChanged] = []


class NothingToPublish(Conflict):
    """{document} has no draft."""

    code: ClassVar[str] = "document.no_draft"
    remedy: ClassVar[str] = "Save a draft first."


class NothingToRollBackTo(Conflict):
    """{flow} ran no other version in {environment} before."""

    code: ClassVar[str] = "deployment.no_previous"
    remedy: ClassVar[str] = "Choose the version to activate."


@dataclass(frozen=True, slots=True)
class Applied:
    """What ``apply_document`` did; ``version`` is None when it was only drafted, or waits for this ``review``."""

    document: Any
    version: Any | None
    findings: list[Finding]
    review: Review | None = None


def on_deployment_changed(callback: DeploymentChanged) -> None:
    """Have ``callback`` called in the transaction of every change of a deployment (clocks of schedules and polls)."""
    _deployment_changed.append(callback)


def check_document(
    *, actor: Actor, workspace: Workspace, text: str | bytes | None = None, content: Any = None
) -> list[Finding]:
    """Everything that is wrong or doubtful with a document of any type, or with a domain; nothing is stored."""
    source = read_document(text=text, content=content)
    if source.content.get("kind") == DOMAIN:
        require_permission(actor, "domains.view", workspace)
        return source.locate(domain_findings(source.content, workspace))
    kind = document_type(_kind_of(source.content))
    require_permission(actor, f"{kind.permission}.view", workspace.id)
    return source.locate(kind.findings(source.content, workspace.id))


@transaction.atomic
def publish(
    *,
    document_type: str,
    document: VersionedDocument,
    actor: Actor,
    note: str = "",
    expected_revision: int | None = None,
    bypass: str = "",
    bring: Sequence[str] | None = None,
) -> DocumentVersion:
    """Make the draft of a document its next version; without a change the newest version is returned.

    Where the policy asks for a review, one has to have approved just this (``ReviewNeeded``); with ``bypass``, a
    reason, an administrator goes past it. ``bring``: ids of the deployments that run the new version from now on; None
    takes those of the review. Raises ``InvalidInput`` with every finding, ``Conflict`` when the draft moved on since
    ``expected_revision``.
    """
    kind = _types(document_type)
    require_permission(actor, f"{kind.permission}.publish", document)
    locked = kind.documents.select_for_update().get(id=document.id)
    if locked.archived:
        raise Conflict(what=said("{slug} is archived; restore it before publishing it.", slug=locked.slug))
    if locked.draft is None:
        raise NothingToPublish(document=locked.slug)
    if expected_revision is not None and locked.draft_revision != expected_revision:
        raise Conflict(
            what=said(
                "The draft of {slug} is at revision {revision} now.", slug=locked.slug, revision=locked.draft_revision
            )
        )
    gate = Gate(actor, kind, locked, bypass)
    note = note or _note_of(gate.open_review())
    version = publish_draft(kind, locked, actor=actor, note=note, admit=gate.admit)
    gate.close(version)
    wanted = bring if bring is not None else gate.passed.bring if gate.passed is not None else ()
    _bring_along(version, wanted, actor, gate.passed)
    return version


def _note_of(review: Review | None) -> str:
    return "" if review is None else review.note


def _bring_along(version: DocumentVersion, wanted: Sequence[str], actor: Actor, review: Review | None) -> None:
    """Have these deployments run the version: by versions of their flows that differ in nothing else."""
    document = version.document
    kind = _types("flow")
    made: dict[Any, FlowVersion] = {}
    uses = uses_of(document, base=version.number) if wanted else []
    for use in uses:
        if str(use.deployment.id) not in wanted or use.numbers == (version.number,):
            continue
        flow = Flow.objects.select_for_update().get(id=use.deployment.flow_id)
        require_permission(actor, "flows.publish", flow)
        rule = rule_of(use.deployment.environment.workspace, "flow")
        if stricter(rule, review.rule if review is not None else "none") and not actor.is_system:
            raise ReviewNeeded(document=flow.slug, rule=told_rule(rule))
        running = use.deployment.version
        note = said(
            "version {before} with {slug}@{number}", before=running.number, slug=document.slug, number=version.number
        )
        if running.id not in made:
            content = repinned(running.content, document, document_type_of(document).kind, version.number)
            new = publish_repinned(kind, flow, content, text=running.text, actor=actor, note=note)
            made[running.id] = cast("FlowVersion", new)
        deploy(flow=flow, environment=use.deployment.environment, version=made[running.id], actor=actor, note=note)


_types = document_type


@transaction.atomic
def apply_document(
    *,
    actor: Actor,
    workspace: Workspace,
    text: str | bytes | None = None,
    content: Any = None,
    note: str = "",
    publish_it: bool = True,
    bring: Sequence[str] | None = None,
) -> Applied:
    """Store a document of any type as draft, whatever the draft was, and publish it: what ``ipaas apply`` does.

    Where the policy asks for a review, it is sent to review instead. ``bring``: see ``publish``.
    """
    source = read_document(text=text, content=content)
    kind = _types(_kind_of(source.content))
    if kind.kind == "flow":
        require_editable_flow(actor, workspace.id, source.content)
    else:
        require_permission(actor, f"{kind.permission}.edit", workspace.id)
    document = _drafted(kind, source, actor, workspace)
    findings = source.locate(kind.findings(source.content, workspace.id))
    if not publish_it:
        return Applied(document, None, findings)
    try:
        with transaction.atomic():
            version = _publish_located(kind.kind, document, source.locate, actor=actor, note=note, bring=bring)
    except ReviewNeeded:
        review = request_review(document=document, actor=actor, note=note)
        return Applied(document, None, findings, review)
    return Applied(document, version, findings)


def _drafted(kind: DocumentType, source: Source, actor: Actor, workspace: Workspace) -> VersionedDocument:
    """The document with this source as its draft; one that has it already stays as it is."""
    slug = source.content.get("slug")
    present: VersionedDocument | None = None
    if valid_slug(slug):
        present = kind.documents.select_for_update().filter(workspace_id=workspace.id, slug=slug).first()
    if present is not None and not present.archived and present.has_draft(source):
        return present
    document = write_draft(
        kind,
        workspace_id=workspace.id,
        source=source,
        expected_revision=present.draft_revision if present else None,
    )
    _record(f"{kind.kind}.draft_saved", actor, document, {"revision": document.draft_revision})
    return document


def _publish_located(
    kind: str, document: VersionedDocument, locate: Callable[[list[Finding]], list[Finding]], **given: Any
) -> DocumentVersion:
    try:
        return publish(document_type=kind, document=document, **given)
    except InvalidInput as error:
        found = [
            Finding(
                one["path"], one["code"], one["message"], "warning" if one.get("severity") == "warning" else "error"
            )
            for one in error.errors
        ]
        raise InvalidInput([finding.as_error() for finding in locate(found)]) from error


def _kind_of(content: dict[str, Any]) -> str:
    kind = content.get("kind")
    if not isinstance(kind, str):
        raise InvalidInput(
            [{"path": "/kind", "code": "document.kind", "message": said("say what kind of document this is")}]
        )
    try:
        return document_type(kind).kind
    except NotFound:
        message = said("there is no kind of document {kind!r}", kind=kind[:40])
        raise InvalidInput([{"path": "/kind", "code": "document.kind", "message": message}]) from None


@transaction.atomic
def deploy(*, flow: Flow, environment: Environment, version: FlowVersion, actor: Actor, note: str = "") -> Deployment:
    """Run a version of a flow in an environment from now on; runs under way stay with theirs."""
    require_permission(actor, "flows.publish", flow)
    if environment.workspace_id != flow.workspace_id:
        raise NotFound(what="environment")
    if version.document_id != flow.id:
        raise NotFound(what="flow version")
    _require_deployable(version)
    Flow.objects.select_for_update().get(id=flow.id)  # two first deployments at once: one after the other
    found = Deployment.objects.select_for_update().filter(flow=flow, environment=environment).first()
    deployment = found or Deployment(flow=flow, environment=environment)
    if found is not None and found.version_id != version.id:
        deployment.previous_version_id = found.version_id
    _set_version(deployment, version, actor)
    details = {"environment": environment.slug, "version": version.number, "note": note}
    _record("flow.deployed", actor, flow, details)
    return deployment


def _require_deployable(version: FlowVersion) -> None:
    """Neither deprecated nor retired, and without a retired mapping or schema in it."""
    version.refresh_from_db(fields=["state"])
    if version.state != FlowVersion.State.PUBLISHED:
        state = state_name(version.state)
        raise Conflict(
            what=said("{slug}@{number} is {state}.", slug=version.document.slug, number=version.number, state=state)
        )
    for kind, slug, number in references_in(version.content):
        rows = _types(kind).versions.in_workspace(version.workspace_id).filter(document__slug=slug, number=number)
        if rows.filter(state=DocumentVersion.State.RETIRED).exists():
            message = said(
                "{flow}@{version} uses {slug}@{number}, which is retired.",
                flow=version.document.slug,
                version=version.number,
                slug=slug,
                number=number,
            )
            raise Conflict(what=message)


def _set_version(deployment: Deployment, version: FlowVersion, actor: Actor) -> None:
    kind, spec = next(iter(version.content["trigger"].items()))
    deployment.version = version
    deployment.active = True
    deployment.trigger_kind, deployment.trigger_spec = kind, spec
    deployment.trigger_key = str(spec.get({"webhook": "endpoint", "event": "type"}.get(kind, ""), ""))
    deployment.deployed_by = actor.label
    deployment.save()
    _tell(deployment)


def _tell(deployment: Deployment) -> None:
    for callback in _deployment_changed:
        callback(deployment)


@transaction.atomic
def roll_back(*, deployment: Deployment, actor: Actor, reason: str) -> Deployment:
    """Run the version that was deployed before again."""
    require_permission(actor, "flows.publish", deployment)
    deployment = Deployment.objects.select_for_update().get(id=deployment.id)
    target = deployment.previous_version
    if target is None:
        raise NothingToRollBackTo(flow=deployment.flow.slug, environment=deployment.environment.slug)
    if target.state == FlowVersion.State.RETIRED:
        raise Conflict(what=said("{slug}@{number} is retired.", slug=deployment.flow.slug, number=target.number))
    details = {
        "environment": deployment.environment.slug,
        "version": target.number,
        "from": deployment.version.number,
        "reason": reason,
    }
    deployment.previous_version = deployment.version
    _set_version(deployment, target, actor)
    _record("flow.rolled_back", actor, deployment.flow, details)
    return deployment


@transaction.atomic
def undeploy(*, deployment: Deployment, actor: Actor, reason: str) -> Deployment:
    """Start no more runs of a flow in an environment."""
    require_permission(actor, "flows.publish", deployment)
    deployment = Deployment.objects.select_for_update().get(id=deployment.id)
    deployment.active = False
    deployment.save(update_fields=["active", "deployed_at"])
    _tell(deployment)
    _record("flow.undeployed", actor, deployment.flow, {"environment": deployment.environment.slug, "reason": reason})
    return deployment


@transaction.atomic
def archive_document(*, document: VersionedDocument, actor: Actor, reason: str) -> VersionedDocument:
    """Take a document out of use and out of lists; versions stay for the runs that were made with them."""
    kind = document_type_of(document)
    require_permission(actor, f"{kind.permission}.publish", document)
    if isinstance(document, Flow) and document.deployments.filter(active=True).exists():
        raise Conflict(what=said("{slug} is deployed; undeploy it first.", slug=document.slug))
    refuse_held(document)
    document.archived = True
    document.save(update_fields=["archived", "updated_at"])
    _record(f"{kind.kind}.archived", actor, document, {"reason": reason})
    return document


@transaction.atomic
def restore_document(*, document: VersionedDocument, actor: Actor) -> VersionedDocument:
    """Bring an archived document back."""
    kind = document_type_of(document)
    require_permission(actor, f"{kind.permission}.publish", document)
    document.archived = False
    document.save(update_fields=["archived", "updated_at"])
    _record(f"{kind.kind}.restored", actor, document, {})
    return document


def _record(action: str, actor: Actor, document: Any, details: dict[str, Any]) -> None:
    kind = document_type_of(document).kind
    audit.record(
        action,
        actor=actor,
        workspace_id=document.workspace_id,
        subject=(kind, str(document.id), document.slug),
        details=details,
    )
