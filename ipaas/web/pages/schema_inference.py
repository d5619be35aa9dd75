"""A first schema from samples, pasted or taken from runs; guesses of what is sensitive are confirmed before use."""

from collections.abc import Mapping

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.contracts.inference import MOST_BYTES, Guess, infer, read_samples
from ipaas.core import jsonio, yamlio
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import in_words
from ipaas.flows.models import Flow
from ipaas.runtime.captured import captured_values
from ipaas.web.pages import document_views as views
from ipaas.web.pages.documents import Context
from ipaas.web.pages.schemas import SCHEMAS
from ipaas.web.pages.support import environment_of, posted, told_error
from ipaas.web.readmodels import Option


@require_http_methods(["GET", "HEAD", "POST"])
@page("schemas.edit")
def schema_infer(request: WorkspaceRequest) -> HttpResponse:
    """GET asks for samples; POST shows schema and guesses; POST with ``use`` goes to the editor with it.

    POST with ``take`` fills the samples in with what a flow got in its newest runs, or what a step of it gave.
    """
    environment_of(request)
    may_take = request.actor.may("flows.view") and request.actor.may("runs.view")
    context: Context = {"crumbs": SCHEMAS.crumbs(request), "samples": "", "found": None, "problem": "", "slug": ""}
    flow, step = posted(request, "flow", 80), posted(request, "step", 400)
    context |= {"flows": _flows(request, flow) if may_take else [], "step": step}
    if request.method != "POST":
        return render(request, "contracts/schema_infer.html", context)
    samples = request.POST.get("samples", "")[: MOST_BYTES + 1]
    context |= {"samples": samples, "slug": posted(request, "slug", 80)}
    classes: Mapping[str, str] = {}
    try:
        if flow and may_take:
            taken = captured_values(actor=request.actor, workspace=request.workspace, flow=flow, step=step)
            classes = taken.classes
            if "take" in request.POST:
                context["samples"] = samples = "\n".join(jsonio.dumps(one).decode() for one in taken.values)
        found = infer(read_samples(samples), classes)
    except InvalidInput as error:
        return render(request, "contracts/schema_infer.html", {**context, "problem": told_error(error)}, status=422)
    if "use" in request.POST:
        slug = context["slug"] or "my-schema"
        schema = found.with_classes(request.POST.getlist("confirmed"))
        document = {"kind": "schema", "slug": slug, "title": slug.replace("-", " ").capitalize(), "schema": schema}
        return views.begin(request, SCHEMAS, yamlio.dump(document))
    context |= {"found": found, "guesses": [(one, _reason(one)) for one in found.guesses]}
    return render(request, "contracts/schema_infer.html", context)


def _flows(request: WorkspaceRequest, chosen: str) -> list[Option]:
    rows = Flow.objects.in_workspace(request.workspace.id).live().filter(latest_version__gt=0).order_by("title")
    return [Option("", _("(no flow)")), *(Option(row.slug, row.title, row.slug == chosen) for row in rows)]


def _reason(guess: Guess) -> str:
    return _("%(label)s: %(why)s") % {"label": guess.label, "why": in_words(guess.why)}
