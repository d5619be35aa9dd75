"""Deeds on flows: where a version runs, pausing, and starting a run by hand."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.accounts.services import assign_flow_role, withdraw_flow_role
from ipaas.contracts.models import SchemaVersion
from ipaas.core import jsonio
from ipaas.core.document_forms import unreadable
from ipaas.core.errors import InvalidInput, IpaasError, NotFound, PermissionDenied
from ipaas.core.ids import uuid7
from ipaas.core.references import split_reference
from ipaas.flows import services
from ipaas.flows.models import Deployment, Flow
from ipaas.flows.queries import input_schema, plan_for
from ipaas.governance import services as governance
from ipaas.runtime.models import Run
from ipaas.runtime.services import trigger_flow
from ipaas.web.pages.corrections import pretty
from ipaas.web.pages.document_views import reason_of
from ipaas.web.pages.documents import Context, number_of, refused, text_of
from ipaas.web.pages.flows import FLOWS
from ipaas.web.pages.support import environment_of, options, posted, told, told_error
from ipaas.web.readmodels import Finding

MAX_KEY = 200


@require_POST
@page("flows.publish")
def flow_deploy(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Run a version in an environment from now on."""
    flow = FLOWS.document(request, slug)
    version = FLOWS.version(flow, number_of(request, "version"))
    place = _environment(request)
    with told(request, _("Version %(number)s is live in %(place)s.") % {"number": version.number, "place": place.name}):
        note = posted(request, "note", 2000)
        governance.deploy(flow=flow, environment=place, version=version, actor=request.actor, note=note)
    return _to_flow(request, flow)


@require_POST
@page("flows.publish")
def flow_roll_back(request: WorkspaceRequest, slug: str) -> HttpResponse:
    flow = FLOWS.document(request, slug)
    deployment = _deployment(request, flow)
    with told(request, _("{place} is back at the version before.").format(place=deployment.environment.name)):
        governance.roll_back(deployment=deployment, actor=request.actor, reason=reason_of(request))
    return _to_flow(request, flow)


@require_POST
@page("flows.publish")
def flow_undeploy(request: WorkspaceRequest, slug: str) -> HttpResponse:
    flow = FLOWS.document(request, slug)
    deployment = _deployment(request, flow)
    with told(request, _("The flow starts no more runs in {place}.").format(place=deployment.environment.name)):
        governance.undeploy(deployment=deployment, actor=request.actor, reason=reason_of(request))
    return _to_flow(request, flow)


@require_POST
@page("flows.pause")
def flow_pause(request: WorkspaceRequest, slug: str) -> HttpResponse:
    flow = FLOWS.document(request, slug)
    with told(request, _("The flow is paused; what comes in is kept.")):
        services.pause_flow(flow=flow, actor=request.actor, reason=reason_of(request))
    return _to_flow(request, flow)


@require_POST
@page("flows.pause")
def flow_resume(request: WorkspaceRequest, slug: str) -> HttpResponse:
    flow = FLOWS.document(request, slug)
    with told(request, _("The flow starts runs again.")):
        services.resume_flow(flow=flow, actor=request.actor, reason=posted(request, "reason", 500))
    return _to_flow(request, flow)


@require_POST
@page("flows.assign")
def flow_assign(request: WorkspaceRequest, slug: str) -> HttpResponse:
    flow, email = FLOWS.document(request, slug), posted(request, "email")
    with told(request, _("%(email)s is now what you chose to this flow.") % {"email": email}):
        assign_flow_role(flow=flow, email=email, role=posted(request, "role", 20), actor=request.actor)
    return _to_flow(request, flow)


@require_POST
@page("flows.assign")
def flow_withdraw(request: WorkspaceRequest, slug: str) -> HttpResponse:
    flow, email = FLOWS.document(request, slug), posted(request, "email")
    with told(request, _("%(email)s is neither owner nor steward of this flow any more.") % {"email": email}):
        withdraw_flow_role(flow=flow, email=email, actor=request.actor)
    return _to_flow(request, flow)


@require_http_methods(["GET", "HEAD", "POST"])
@page("flows.trigger")
def flow_run(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Start a run by hand: a body, checked against the flow's contract, and a key against starting it twice."""
    flow = FLOWS.document(request, slug)
    if not FLOWS.may(request, "trigger", flow):
        raise PermissionDenied(permission="flows.trigger")
    shown = environment_of(request)
    if request.method != "POST":
        deployment = _running(flow, shown.slug) if shown else None
        key = f"by-hand-{uuid7()}"
        return _run_form(
            request,
            flow,
            example_of(flow, deployment.version.content if deployment else {}),
            key,
            shown.slug if shown else "",
        )
    return _start(request, flow)


def _start(request: WorkspaceRequest, flow: Flow) -> HttpResponse:
    text, key = text_of(request, "body"), posted(request, "key", MAX_KEY + 1)
    place = _environment(request)
    findings: list[Finding] = []
    problem = ""
    try:
        if len(key) > MAX_KEY:
            message = _("at most {count} characters").format(count=MAX_KEY)
            raise InvalidInput([{"path": "key", "code": "key.length", "message": message}])
        body = jsonio.loads(text)
        findings = _broken_contract(flow, place, body)
        if not findings:
            run = trigger_flow(
                actor=request.actor,
                flow=flow,
                environment=place,
                body=body,
                key=f"{request.actor.kind}:{request.actor.id}:{key}" if key else "",
            )
            return _to_run(request, run)
        problem = _("The body breaks the flow's contract.")
    except (NotFound, PermissionDenied):
        raise
    except jsonio.JsonInvalid as error:
        findings, problem = refused(InvalidInput([unreadable(error, text)])), _("The body is not JSON.")
    except IpaasError as error:
        problem = told_error(error)
    return _run_form(request, flow, text, key, place.slug, findings=findings, problem=problem, status=422)


def _broken_contract(flow: Flow, place: Environment, body: Any) -> list[Finding]:
    """Where a body breaks the contract of the version that would run; a run of it could only fail."""
    deployment = _running(flow, place.slug)
    edge = plan_for(deployment.version_id).input if deployment else None
    if edge is None or edge.mode_in(place.slug) == "warn":
        return []
    return [Finding("error", one["message"], one["path"]) for one in edge.validator.errors(body)]


def example_of(flow: Flow, content: dict[str, Any]) -> str:
    """The first example of a version's input schema, else an empty body."""
    reference = input_schema(flow.workspace_id, content)
    schema = SchemaVersion.objects.of(flow.workspace_id, *split_reference(reference)) if reference else None
    examples = schema.content.get("examples", ()) if schema else ()
    return pretty(examples[0] if examples else {})


def _run_form(
    request: WorkspaceRequest, flow: Flow, body: str, key: str, chosen: str, status: int = 200, **more: Any
) -> HttpResponse:
    places = flow.deployments.filter(active=True).select_related("environment", "version")
    names = {
        one.environment.slug: _("{place} (version {number})").format(
            place=one.environment.name, number=one.version.number
        )
        for one in places
    }
    context: Context = {
        "flow": flow,
        "crumbs": FLOWS.crumbs(request, flow),
        "body": body,
        "key": key,
        "environments": options(names, chosen),
        "cancel_url": FLOWS.url(request, "detail", flow.slug),
        "findings": (),
        "problem": "",
        **more,
    }
    return render(request, "flows/flow_run.html", context, status=status)


def _to_run(request: WorkspaceRequest, run: Run) -> HttpResponse:
    messages.success(request, _("Run {id} has started.").format(id=run.id))
    return redirect("runtime:run_detail", request.workspace.slug, run.id)


def _running(flow: Flow, environment: str) -> Deployment | None:
    found: Deployment | None = (
        flow.deployments.filter(active=True, environment__slug=environment).select_related("version").first()
    )
    return found


def _environment(request: WorkspaceRequest) -> Environment:
    found: Environment | None = request.workspace.environments.filter(slug=posted(request, "environment", 80)).first()
    if found is None:
        raise NotFound(what="environment")
    return found


def _deployment(request: WorkspaceRequest, flow: Flow) -> Deployment:
    slug = posted(request, "environment", 80)
    rows = flow.deployments.select_related("environment").filter(environment__slug=slug, active=True)
    found: Deployment | None = rows.first()
    if found is None:
        raise NotFound(what="deployment")
    return found


def _to_flow(request: WorkspaceRequest, flow: Flow) -> HttpResponse:
    return redirect(FLOWS.url(request, "detail", flow.slug))
