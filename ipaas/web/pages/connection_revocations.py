"""Old credentials that are to be ended at their provider: tried now, or believed to be ended."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog.models import Connection, Revocation
from ipaas.catalog.revocations import retry_revocation, settle_revocation
from ipaas.core.errors import NotFound
from ipaas.web.pages.connection_rows import connection_url
from ipaas.web.pages.connections import connection_at
from ipaas.web.pages.support import posted, told


@require_POST
@page("connections.edit")
def revocation_retry(request: WorkspaceRequest, environment: str, slug: str, revocation_id: UUID) -> HttpResponse:
    """End an old credential now."""
    row, revocation = _found(request, environment, slug, revocation_id)
    with told(request, _("The old credential is ended at the vendor.")):
        retry_revocation(revocation=revocation, actor=request.actor)
    return redirect(connection_url(row))


@require_POST
@page("connections.edit")
def revocation_settle(request: WorkspaceRequest, environment: str, slug: str, revocation_id: UUID) -> HttpResponse:
    """Believe that it is ended: ``reason`` says by whom or why."""
    row, revocation = _found(request, environment, slug, revocation_id)
    with told(request, _("The old credential is not tried any more.")):
        settle_revocation(revocation=revocation, actor=request.actor, reason=posted(request, "reason", 300))
    return redirect(connection_url(row))


def _found(
    request: WorkspaceRequest, environment: str, slug: str, revocation_id: UUID
) -> tuple[Connection, Revocation]:
    row = connection_at(request, environment, slug)
    rows = row.revocations.select_related("connection__workspace", "connection__environment")
    revocation = rows.filter(id=revocation_id).first()
    if revocation is None:
        raise NotFound(what="revocation")
    return row, revocation
