"""A first schema from samples that are pasted; guesses of sensitive places are confirmed before it is used."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.contracts.inference import MOST_BYTES, Guess, infer, read_samples
from ipaas.core import yamlio
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import in_words
from ipaas.web.pages import document_views as views
from ipaas.web.pages.documents import Context
from ipaas.web.pages.schemas import SCHEMAS
from ipaas.web.pages.support import environment_of, posted, told_error


@require_http_methods(["GET", "HEAD", "POST"])
@page("schemas.edit")
def schema_infer(request: WorkspaceRequest) -> HttpResponse:
    """GET asks for samples; POST shows schema and guesses; POST with ``use`` goes to the editor with it."""
    environment_of(request)
    context: Context = {"crumbs": SCHEMAS.crumbs(request), "samples": "", "found": None, "problem": "", "slug": ""}
    if request.method != "POST":
        return render(request, "contracts/schema_infer.html", context)
    samples = request.POST.get("samples", "")[: MOST_BYTES + 1]
    context |= {"samples": samples, "slug": posted(request, "slug", 80)}
    try:
        found = infer(read_samples(samples))
    except InvalidInput as error:
        return render(request, "contracts/schema_infer.html", {**context, "problem": told_error(error)}, status=422)
    if "use" in request.POST:
        slug = context["slug"] or "my-schema"
        schema = found.with_classes(request.POST.getlist("confirmed"))
        document = {"kind": "schema", "slug": slug, "title": slug.replace("-", " ").capitalize(), "schema": schema}
        return views.begin(request, SCHEMAS, yamlio.dump(document))
    context |= {"found": found, "guesses": [(one, _reason(one)) for one in found.guesses]}
    return render(request, "contracts/schema_infer.html", context)


def _reason(guess: Guess) -> str:
    return _("%(label)s: %(why)s") % {"label": guess.label, "why": in_words(guess.why)}
