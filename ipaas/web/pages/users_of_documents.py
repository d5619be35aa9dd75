"""Where a lookup or a function is named: in mappings and in other functions, as links."""

from django.urls import reverse

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.mapping.queries import named_by
from ipaas.web.readmodels import Link

_PERMISSION = {"mapping": "mappings.view", "function": "functions.view"}


def named_in(request: WorkspaceRequest, key: str, slug: str) -> list[Link]:
    """The live mappings and functions whose draft or newest version names it under ``lookups`` or ``functions``."""
    return [
        Link(f"{kind} {name}", reverse(f"mapping:{kind}_detail", args=[request.workspace.slug, name]))
        for kind, name in named_by(request.workspace.id, key, slug)
        if request.actor.may(_PERMISSION[kind])
    ]
