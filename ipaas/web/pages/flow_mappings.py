"""The mappings of a flow's steps in the editor of the flow: links to each, and the board of one that a step holds."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.contracts.models import SchemaVersion
from ipaas.core.references import split_reference
from ipaas.flows.form import form_findings
from ipaas.flows.inline import derived_slug
from ipaas.flows.walk import walk
from ipaas.web.pages.corrections import pretty
from ipaas.web.pages.mapping_library import library_for
from ipaas.web.pages.mapping_words import mapping_words
from ipaas.web.pages.support import asked
from ipaas.web.readmodels import Link

Json = Any


def flow_mappings(request: WorkspaceRequest, content: Json) -> dict[str, Any]:
    """``mappings`` and ``setup`` for the page of a flow's document; ``?step=`` opens the mapping of that step."""
    if not isinstance(content, dict) or form_findings(content):
        return {"mappings": [], "setup": None}
    steps = [(step, path) for step, path in walk(content) if "map" in step]
    slug = request.resolver_match.kwargs.get("slug") if request.resolver_match else None
    chosen = asked(request, "step")
    opened = next((pair for pair in steps if pair[0]["id"] == chosen and "fields" in pair[0]["map"]), None)
    return {
        "mappings": [_link(request, step) for step, _path in steps] if slug else [],
        "setup": _setup(request, content, *opened) if opened and slug else None,
    }


def _link(request: WorkspaceRequest, step: dict[str, Any]) -> Link:
    title = step.get("title") or step["id"]
    if "fields" in step["map"]:
        return Link(_("{title}: edit its fields").format(title=title), f"?step={step['id']}")
    mapping = step["map"]["mapping"].partition("@")[0]
    return Link(f"{title}: {mapping}", reverse("mapping:mapping_edit", args=[request.workspace.slug, mapping]))


def _setup(request: WorkspaceRequest, content: dict[str, Any], step: dict[str, Any], path: str) -> dict[str, Any]:
    place = request.workspace.slug
    slug = derived_slug(content["slug"], step["id"])
    return {
        "slug": slug,
        "base": [*(int(part) if part.isdigit() else part for part in path.split("/")[1:]), "map"],
        "fields_url": reverse("mapping:mapping_fields", args=[place]),
        "suggest_url": reverse("mapping:mapping_suggest", args=[place]),
        "samples_url": reverse("mapping:mapping_samples", args=[place, slug]),
        "presence_url": "",
        "samples": [{"label": _("Example {number}").format(number=1), "text": pretty(_example(request, content))}],
        "library": library_for(request),
        "words": mapping_words(),
    }


def _example(request: WorkspaceRequest, content: dict[str, Any]) -> Json:
    """The names of a flow's scope, with an example of its input as the body of the trigger."""
    reference = content.get("input", {}).get("schema")
    version = (
        SchemaVersion.objects.of(request.workspace.id, *split_reference(reference))
        if isinstance(reference, str)
        else None
    )
    examples = version.content.get("examples") if version else None
    return {"trigger": {"body": examples[0] if isinstance(examples, list) and examples else {}}, "steps": {}}
