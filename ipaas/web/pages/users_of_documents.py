"""What uses a document, a connection or a secret, in the words of pages: titles as links, versions and environments."""

from collections.abc import Iterable, Mapping

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.core.document_types import document_type
from ipaas.flows.usage import FlowUse, flows_with
from ipaas.vault.models import Secret
from ipaas.vault.services import uses_of
from ipaas.web.build_readmodels import UseRow
from ipaas.web.pages.reviews import PLACES, kind_word

_OF_SECRETS = {
    "connection": (gettext_noop("Connection"), "connections.view", "catalog:connection_detail"),
    "endpoint": (gettext_noop("Endpoint"), "connections.view", "events:endpoint_detail"),
    "webhook": (gettext_noop("Webhook"), "webhooks.view", "notices:webhook_detail"),
}


def names_of_places(request: WorkspaceRequest) -> dict[str, str]:
    return {one.slug: one.name for one in request.workspace.environments.all()}


def flows_using(request: WorkspaceRequest, kind: str, slug: str) -> list[UseRow]:
    """The flows that refer to a document; drafts and what runs."""
    return flow_rows(request, flows_with(request.workspace.id, kind, slug))


def flow_rows(request: WorkspaceRequest, uses: Iterable[FlowUse]) -> list[UseRow]:
    """One row for each flow, with where which version runs."""
    if not request.actor.may("flows.view"):
        return []
    places = names_of_places(request)
    found: dict[str, tuple[str, list[str]]] = {}
    for use in uses:
        tags = found.setdefault(use.flow, (use.title, []))[1]
        tags.append(_("draft") if use.version is None else f"{places.get(use.place, use.place)} v{use.version}")
    address = [request.workspace.slug]
    return [
        UseRow(_("Flow"), title, reverse("flows:flow_detail", args=[*address, flow]), tags)
        for flow, (title, tags) in found.items()
    ]


def document_rows(request: WorkspaceRequest, kind: str, slugs: Iterable[str]) -> list[UseRow]:
    """Documents of one kind by their titles, as far as the reader may see them."""
    kind_of = document_type(kind)
    if not request.actor.may(f"{kind_of.permission}.view"):
        return []
    rows = kind_of.documents.in_workspace(request.workspace.id).filter(slug__in=list(slugs)).order_by("title", "slug")
    address = f"{PLACES[kind]}:{kind}_detail"
    return [
        UseRow(kind_word(kind), title, reverse(address, args=[request.workspace.slug, slug]))
        for slug, title in rows.values_list("slug", "title")
    ]


def secret_rows(request: WorkspaceRequest, secret: Secret, places: Mapping[str, str]) -> list[UseRow]:
    """What uses a secret, ``places`` being the names of environments; no address where the reader may not see it."""
    found = []
    for use in uses_of(secret):
        word, permission, page = _OF_SECRETS[use.kind]
        where = [use.environment] if use.environment else []
        url = reverse(page, args=[request.workspace.slug, *where, use.slug]) if request.actor.may(permission) else ""
        found.append(UseRow(_(word), use.slug, url, [places.get(one, one) for one in where]))
    return found
