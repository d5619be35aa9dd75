"""Versions of a workspace's own connectors: waiting for a review, published, deprecated, retired."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog.connector_document import made_of
from ipaas.catalog.connector_models import ConnectorDocument, ConnectorProposal
from ipaas.catalog.models import ImportedConnector
from ipaas.core.errors import NotFound
from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest_reader import parse_manifest
from ipaas.web.pages import document_views as views
from ipaas.web.pages.documents import Context, DocumentPages, ending_of
from ipaas.web.pages.review_notices import review_context
from ipaas.web.pages.support import options

DRAFT = "draft"
UNPUBLISHED = "0.0.0"
"""The version in the manifest of what is not published."""


def _by_import_only(**_given: Any) -> Any:
    raise NotFound(what="editor of connectors")


def _nothing(_request: WorkspaceRequest, _content: Any) -> Context:
    return {}


CONNECTORS = DocumentPages(
    kind="connector",
    namespace="catalog",
    title=gettext_noop("Catalog"),
    save=_by_import_only,
    starter="",
    extras=_nothing,
)


def versions_of(request: WorkspaceRequest, slug: str) -> list[ImportedConnector]:
    rows = ImportedConnector.objects.in_workspace(request.workspace.id).filter(slug=slug)
    return list(rows.select_related("released").defer("packed"))


def proposed_connector(request: WorkspaceRequest, slug: str) -> tuple[Connector, ConnectorProposal] | None:
    """What waits to be published of a connector, to be looked at; None for nothing."""
    document = ConnectorDocument.objects.filter(workspace=request.workspace, slug=slug).first()
    found = made_of(document.draft or {}, request.workspace.id) if document is not None else None
    if not isinstance(found, ConnectorProposal):
        return None
    return Connector(parse_manifest({**found.document, "version": UNPUBLISHED})), found


def version_rows(versions: Sequence[ImportedConnector], url: str, shown: str) -> list[dict[str, Any]]:
    return [
        {
            "row": one,
            "url": f"{url}?version={one.version}",
            "shown": one.version == shown,
            "ending": ending_of(one.released) if one.released is not None else "",
        }
        for one in versions
    ]


def document_context(request: WorkspaceRequest, slug: str, versions: Sequence[ImportedConnector]) -> Context:
    """What the page of a workspace's connector says of its draft and its reviews, and the deeds on them."""
    document = ConnectorDocument.objects.filter(workspace=request.workspace, slug=slug).first()
    if document is None:
        return {"document": None}
    may_publish = CONNECTORS.may(request, "publish", document)
    numbers = [one.number for one in versions if one.state != "retired"] if may_publish else []
    waits = proposed_connector(request, slug) is not None
    return {
        "document": document,
        "waits": waits,
        "draft_url": f"{CONNECTORS.url(request, 'detail', slug)}?version={DRAFT}" if waits else "",
        **review_context(request, "connector", document),
        "publish_url": CONNECTORS.url(request, "publish", slug) if waits and may_publish else "",
        "published": options({str(number): f"{number}.0.0" for number in numbers}, ""),
        "ends": options({"deprecated": _("Deprecated: warn people off it"), "retired": _("Retired: end it")}, ""),
        "deprecate_url": CONNECTORS.url(request, "deprecate", slug) if numbers else "",
    }


@require_GET
@page("connectors.edit")
def connector_edit(request: WorkspaceRequest, connector: str) -> HttpResponse:
    """A connector is changed by importing its description again."""
    return redirect(f"{reverse('catalog:import_new', args=[request.workspace.slug])}?slug={connector}")


@require_POST
@page("connectors.publish")
def connector_publish(request: WorkspaceRequest, connector: str) -> HttpResponse:
    return views.publish(request, CONNECTORS, connector)


@require_POST
@page("connectors.publish")
def connector_deprecate(request: WorkspaceRequest, connector: str) -> HttpResponse:
    return views.deprecate(request, CONNECTORS, connector)
