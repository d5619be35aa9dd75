"""Connecting a connection: fields that its scheme asks for, saying yes at the vendor, links for somebody else."""

import secrets
from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ipaas.accounts.addresses import absolute
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog.authorizing import Departure, begin_authorization
from ipaas.catalog.checks import scheme_of
from ipaas.catalog.connecting import NewShareLink, create_share_link, enter_credential, revoke_share_link
from ipaas.catalog.models import Connection, OAuthToken, ShareLink
from ipaas.catalog.registry import connector_of
from ipaas.core.errors import IpaasError, NotFound, PermissionDenied
from ipaas.sdk.tokens import by_consent
from ipaas.web.pages.connection_rows import connection_url
from ipaas.web.pages.connections import connection_at, crumbs_of
from ipaas.web.pages.credential_forms import CredentialForm, field_of, scheme_label
from ipaas.web.pages.support import form_errors, posted, told, told_error
from ipaas.web.readmodels import Link

BROWSER = "connect_browser"
"""Where the session keeps what ties an answer of a vendor to this browser."""
MOST_LINKS = 20


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page("connections.edit")
def connection_connect(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    """The credential of a connection; POST enters it."""
    row = connection_at(request, environment, slug)
    form = _form(row, request if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with form_errors(form, field_of):
            enter_credential(connection=row, fields=form.given(), actor=request.actor)
            messages.success(request, _("The credential of {title} is stored.").format(title=row.title))
            again = by_consent(scheme_of(row))
            return redirect(connection_url(row, "connection_connect" if again else "connection_detail"))
    return _shown(request, row, form)


@require_POST
@never_cache
@page("connections.edit")
def connection_go(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    """Leave for the vendor: the page that answers holds the link there, which works once."""
    row = connection_at(request, environment, slug)
    try:
        departure = begin_authorization(
            connection=row, browser=browser_of(request), redirect_uri=callback_of(request), actor=request.actor
        )
    except (NotFound, PermissionDenied):
        raise
    except IpaasError as error:
        return _shown(request, row, _form(row), problem=told_error(error))
    return _shown(request, row, _form(row), departure=departure)


@require_POST
@never_cache
@page("connections.edit")
def connection_share(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    """Make a link for somebody without an account; it is shown once."""
    row = connection_at(request, environment, slug)
    days = posted(request, "days")
    valid_for = timedelta(days=int(days) if days.isascii() and days.isdigit() and len(days) < 4 else 7)
    try:
        new = create_share_link(
            connection=row, actor=request.actor, note=posted(request, "note", 200), valid_for=valid_for
        )
    except (NotFound, PermissionDenied):
        raise
    except IpaasError as error:
        return _shown(request, row, _form(row), problem=told_error(error))
    return _shown(request, row, _form(row), new=new)


@require_POST
@page("connections.edit")
def share_revoke(request: WorkspaceRequest, environment: str, slug: str, link_id: UUID) -> HttpResponse:
    row = connection_at(request, environment, slug)
    link = ShareLink.objects.in_workspace(request.workspace.id).filter(connection=row, id=link_id).first()
    if link is None:
        raise NotFound(what="share link")
    with told(request, _("The link is revoked.")):
        revoke_share_link(link=link, actor=request.actor)
    return redirect(connection_url(row, "connection_connect"))


def browser_of(request: HttpRequest) -> str:
    """A random text that only this browser's session knows."""
    found = request.session.get(BROWSER)
    if not isinstance(found, str):
        found = request.session[BROWSER] = secrets.token_urlsafe(32)
    return found


def callback_of(request: HttpRequest) -> str:
    """The redirect address that is registered at vendors: one for the whole instance, always spelled like this."""
    return absolute(request, reverse("web:connect_callback"))


def share_address(request: HttpRequest, new: NewShareLink) -> str:
    return absolute(request, reverse("web:connect_link", args=[new.token]))


def _form(row: Connection, request: HttpRequest | None = None) -> CredentialForm:
    data = request.POST if request is not None else None
    return CredentialForm(data, scheme=scheme_of(row), further=True, kept=bool(row.secret))


def _shown(
    request: WorkspaceRequest,
    row: Connection,
    form: CredentialForm,
    *,
    departure: Departure | None = None,
    new: NewShareLink | None = None,
    problem: str = "",
) -> HttpResponse:
    scheme = scheme_of(row)
    links = list(row.share_links.all()[:MOST_LINKS])
    context = {
        "connection": row,
        "vendor": connector_of(row).manifest.vendor or connector_of(row).manifest.title,
        "scheme": scheme,
        "way": scheme_label(scheme),
        "by_consent": by_consent(scheme),
        "crumbs": [*crumbs_of(request), Link(row.title, connection_url(row))],
        "form": form,
        "token": OAuthToken.objects.filter(connection=row).exclude(sealed=None).first(),
        "redirect_uri": callback_of(request),
        "departure": departure,
        "shared": share_address(request, new) if new is not None else "",
        "links": [(link, link.state, connection_url_of(row, link)) for link in links],
        "problem": problem,
        "may_enter": request.actor.may("secrets.write") and request.actor.may("secrets.rotate"),
        "go_url": connection_url(row, "connection_go"),
        "share_url": connection_url(row, "connection_share"),
        "cancel_url": connection_url(row),
    }
    failed = bool(problem) or (form.is_bound and bool(form.errors))
    return render(request, "catalog/connection_connect.html", context, status=422 if failed else 200)


def connection_url_of(row: Connection, link: ShareLink) -> str:
    """Where a link is revoked."""
    return reverse("catalog:share_revoke", args=[row.workspace.slug, row.environment.slug, row.slug, link.id])
