"""Trying a flow out and promoting it: what will be called is shown first, then it is done."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ipaas.accounts.models import Environment, production_among
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core import jsonio
from ipaas.core.document_forms import unreadable
from ipaas.core.errors import InvalidInput, IpaasError, NotFound, PermissionDenied
from ipaas.flows.models import DraftSnapshot, Flow, FlowVersion
from ipaas.flows.plan import Block
from ipaas.flows.queries import plan_for, plan_of
from ipaas.flows.snapshots import draft_source, snapshot_of
from ipaas.flows.yaml_form import written
from ipaas.governance.promotion import Promotion, plan_promotion, promote
from ipaas.runtime.models import Run
from ipaas.runtime.testing import OutsideCall, Tested, TestWish, calls_of_test, start_test
from ipaas.web.pages.documents import DRAFT, Context, diff_rows, number_of, refused, text_of
from ipaas.web.pages.flow_deeds import example_of
from ipaas.web.pages.flows import FLOWS
from ipaas.web.pages.support import asked, environment_of, options, posted, read_id, told_error
from ipaas.web.readmodels import Finding, Impact, Option


@require_http_methods(["GET", "HEAD", "POST"])
@page("flows.trigger")
def flow_test(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Try one step out, or everything up to one. POST with ``preview`` answers what it would call, and does nothing."""
    flow = FLOWS.document(request, slug)
    environment_of(request)
    drafted = flow.draft is not None and FLOWS.may(request, "edit", flow)
    if not flow.latest_version and not drafted:
        messages.error(request, _("Save a draft or publish a version first; it need not be live to be tried out."))
        return redirect(FLOWS.url(request, "detail", slug))
    named = posted(request, "version", 10) if request.method == "POST" else asked(request, "version")
    try:
        version = _tested(request, flow, named, drafted=drafted)
    except InvalidInput as error:
        messages.error(request, _("The draft can not be tried out before its errors are put right: see its findings."))
        messages.error(request, told_error(error))
        return redirect(FLOWS.url(request, "edit", slug))
    if request.method != "POST":
        return _form(request, flow, version, _first_form(request, flow, version))
    given = {name: posted(request, name, 500) for name in ("step", "how", "environment", "run", "item")}
    given |= {"body": text_of(request, "body"), "outputs": text_of(request, "outputs")}
    given |= {"in_production": posted(request, "in_production", 3)}
    return _tried(request, flow, version, given)


def _tested(request: WorkspaceRequest, flow: Flow, named: str, *, drafted: bool) -> Tested:
    """The draft or the version that is named; without a name the newest version, else the draft."""
    if drafted and (named == DRAFT or not flow.latest_version):
        return snapshot_of(flow, draft_source(flow), request.actor)
    number = int(named) if named.isascii() and named.isdigit() and len(named) < 10 else 0
    found: FlowVersion = FLOWS.version(flow, number or flow.latest_version)
    return found


def _first_form(request: WorkspaceRequest, flow: Flow, version: Tested) -> dict[str, str]:
    run = asked(request, "run")
    return {
        "step": asked(request, "step"),
        "how": "alone" if run else "up_to",
        "environment": _usual_place(request),
        "run": run,
        "item": "0",
        "body": "" if run else example_of(flow, version.content),
        "outputs": "{}",
    }


def _usual_place(request: WorkspaceRequest) -> str:
    """Never production where there is another environment: the calls of a test are real."""
    places = list(request.workspace.environments.all())
    production = production_among(places)
    usual = next((one for one in places if one != production), production)
    return usual.slug if usual else ""


def _tried(request: WorkspaceRequest, flow: Flow, version: Tested, given: dict[str, str]) -> HttpResponse:
    calls: list[OutsideCall] = []
    findings: list[Finding] = []
    problem = ""
    try:
        place = request.workspace.environments.filter(slug=given["environment"]).first()
        if place is None:
            raise NotFound(what="environment")
        wish = _wish(request, given)
        calls = calls_of_test(actor=request.actor, version=version, environment=place, wish=wish)
        if "preview" not in request.POST:
            run = start_test(actor=request.actor, version=version, environment=place, wish=wish)
            return redirect("runtime:run_detail", request.workspace.slug, run.id)
    except (NotFound, PermissionDenied):
        raise
    except InvalidInput as error:
        findings, problem = refused(error), _("This can not be tried out.")
    except IpaasError as error:
        problem = told_error(error)
    more: Context = {"impacts": _impacts(calls, given["environment"]), "previewed": not problem}
    more |= {"findings": findings, "problem": problem}
    return _form(request, flow, version, given, status=422 if problem else 200, **more)


def _wish(request: WorkspaceRequest, given: Mapping[str, str]) -> TestWish:
    outputs = _json(given["outputs"] or "{}", "outputs")
    if not isinstance(outputs, dict):
        raise InvalidInput([{"path": "outputs", "code": "test.outputs", "message": _("is an object by step")}])
    source = None
    if given["run"]:
        identity = read_id(given["run"])
        source = Run.objects.visible_to(request.actor).filter(id=identity).first() if identity else None
        if source is None or not request.actor.may("runs.view"):
            raise InvalidInput([{"path": "run", "code": "test.run", "message": _("there is no such run of this flow")}])
    item = given["item"]
    has_body = bool(given["body"].strip())
    return TestWish(
        step=given["step"],
        alone=given["how"] == "alone",
        body=_json(given["body"], "body") if has_body else None,
        has_body=has_body,
        outputs=outputs,
        from_run=source,
        item=int(item) if item.isascii() and item.isdigit() and len(item) < 6 else 0,
        in_production=given["in_production"] == "yes",
    )


def _json(text: str, name: str) -> Any:
    try:
        return jsonio.loads(text)
    except jsonio.JsonInvalid as error:
        raise InvalidInput([{**unreadable(error, text), "path": name}]) from None


def _impacts(calls: list[OutsideCall], place: str) -> list[Impact]:
    notes = {
        "reads": _("reads over {what} at {target}"),
        "writes": _("changes something over {what} at {target}"),
        "emits": _("emits {what} to {target}"),
        "starts": _("starts {what} {target}"),
    }
    missing = _("{place} has no connection for {what}: the step will fail")
    return [
        Impact(
            one.title,
            "called" if one.target else "failed",
            (notes[one.effect] if one.target else missing).format(what=one.what, target=one.target, place=place),
        )
        for one in calls
    ]


def _form(
    request: WorkspaceRequest,
    flow: Flow,
    version: Tested,
    given: Mapping[str, str],
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    numbers = FlowVersion.objects.filter(document=flow).order_by("-number").values_list("number", flat=True)[:50]
    places = list(request.workspace.environments.all())
    labels = {str(number): _("Version %(number)s") % {"number": number} for number in numbers}
    if flow.draft is not None and FLOWS.may(request, "edit", flow):
        labels = {DRAFT: _("Draft, revision %(number)s") % {"number": flow.draft_revision}, **labels}
    production, is_draft = production_among(places), isinstance(version, DraftSnapshot)
    in_production = production is not None and given["environment"] == production.slug
    context: Context = {
        "flow": flow,
        "crumbs": FLOWS.crumbs(request, flow),
        "given": given,
        "steps": [Option(path, label, given["step"] in (path, label)) for path, label in _steps(version)],
        "versions": options(labels, DRAFT if is_draft else str(version.number)),
        "environments": options({one.slug: one.name for one in places}, given["environment"]),
        "hows": options({"up_to": _("Everything up to the step"), "alone": _("The step alone")}, given["how"]),
        "is_production": in_production,
        "asks_for_production": in_production and is_draft,
        "cancel_url": FLOWS.url(request, "detail", flow.slug),
        "findings": (),
        "problem": "",
        "impacts": (),
        "previewed": False,
        **more,
    }
    return render(request, "flows/flow_test.html", context, status=status)


def _steps(version: Tested) -> list[tuple[str, str]]:
    """Every step of the way forward by path, those inside others set in."""

    def walk(blocks: tuple[Block, ...], depth: int) -> list[tuple[str, str]]:
        found = []
        for block in blocks:
            found.append((block.path, f"{'  ' * depth}{block.title or block.id} ({block.kind})"))
            found += walk(block.children, depth + 1)
        return found

    return walk(plan_of(version).steps if isinstance(version, DraftSnapshot) else plan_for(version.id).steps, 0)


# -- promotion -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page("flows.publish")
def flow_promote(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Run the version of one environment in another, after seeing what changes and what is missing there."""
    flow = FLOWS.document(request, slug)
    environment_of(request)
    places = list(request.workspace.environments.all())
    source, target = _from_to(request, flow, places)
    if request.method == "POST":
        if source is None or target is None:
            raise NotFound(what="environment")
        return _promoted(request, flow, source, target)
    plan, problem = None, ""
    if source is not None and target is not None:
        try:
            plan = plan_promotion(actor=request.actor, flow=flow, source=source, target=target)
        except (NotFound, PermissionDenied):
            raise
        except IpaasError as error:
            problem = told_error(error)
    names = {one.slug: one.name for one in places}
    context = {
        "flow": flow,
        "crumbs": FLOWS.crumbs(request, flow),
        "sources": options(names, source.slug if source else ""),
        "targets": options(names, target.slug if target else ""),
        "plan": plan,
        **_changes(plan),
        "problem": problem,
        "promote_url": FLOWS.url(request, "promote", slug),
    }
    return render(request, "flows/flow_promote.html", context)


def _promoted(request: WorkspaceRequest, flow: Flow, source: Environment, target: Environment) -> HttpResponse:
    try:
        deployment = promote(
            actor=request.actor,
            flow=flow,
            source=source,
            target=target,
            version=number_of(request, "version"),
            note=posted(request, "note", 2000),
        )
    except (NotFound, PermissionDenied):
        raise
    except IpaasError as error:
        messages.error(request, told_error(error))
        return redirect(f"{FLOWS.url(request, 'promote', flow.slug)}?from={source.slug}&to={target.slug}")
    words = {"number": deployment.version.number, "place": target.name}
    messages.success(request, _("Version %(number)s is live in %(place)s.") % words)
    return redirect(FLOWS.url(request, "detail", flow.slug))


def _from_to(
    request: WorkspaceRequest, flow: Flow, places: list[Environment]
) -> tuple[Environment | None, Environment | None]:
    """The two environments that were named; else the first one that runs the flow, and the one after it."""
    named = {one.slug: one for one in places}
    given = request.POST if request.method == "POST" else request.GET
    if given.get("from") or given.get("to"):
        return named.get(str(given.get("from"))), named.get(str(given.get("to")))
    running = set(flow.deployments.filter(active=True).values_list("environment_id", flat=True))
    production = production_among(places)
    ordered = sorted(places, key=lambda one: (one == production, one.position))
    source = next((one for one in ordered if one.id in running), None)
    later = ordered[ordered.index(source) + 1 :] if source else []
    return source, next(iter(later), None)


def _changes(plan: Promotion | None) -> Context:
    if plan is None or plan.current is None:
        return {"rows": [], "before": "", "after": ""}
    before, after = written(plan.current), written(plan.version)
    return {"rows": diff_rows(before.content, after.content), "before": before.text, "after": after.text}
