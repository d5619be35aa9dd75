"""Pages outside any workspace: where vendors send people back to, and what a share link leads to."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.actors import ANONYMOUS, actor_for
from ipaas.accounts.addresses import client_ip
from ipaas.accounts.models import User
from ipaas.accounts.second_factor import lacks_second_factor
from ipaas.catalog.authorizing import awaited, begin_authorization, finish_authorization
from ipaas.catalog.checks import scheme_of
from ipaas.catalog.connecting import enter_by_link, guest_of, open_link, share_link_of
from ipaas.catalog.errors import ShareLinkEnded
from ipaas.catalog.models import Connection, ShareLink
from ipaas.catalog.registry import connector_of
from ipaas.core.actor import Actor
from ipaas.core.errors import IpaasError, NotFound
from ipaas.sdk.tokens import by_consent
from ipaas.web.pages.connection_connect import browser_of, callback_of
from ipaas.web.pages.connection_rows import connection_url
from ipaas.web.pages.credential_forms import CredentialForm, field_of
from ipaas.web.pages.support import asked, form_errors, told_error

KEPT = "share_link"
"""Where the session keeps which link somebody came by: never the token, which only its holder has."""
DONE = "share_done"


@require_GET
@never_cache
def share_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address."""
    request.session.pop(KEPT, None)
    with suppress(ShareLinkEnded):  # the page says so
        request.session[KEPT] = str(share_link_of(token).id)
    return redirect("web:connect_shared")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def shared(request: HttpRequest) -> HttpResponse:
    """What a link asks for; POST enters it."""
    try:
        link = open_link(request.session.get(KEPT, ""))
    except IpaasError as error:
        return _page(request, {"problem": told_error(error)}, error.status)
    form = _form(link, request)
    if request.method == "POST" and form.is_valid():
        with form_errors(form, field_of):
            made = enter_by_link(link=link, fields=form.given(), ip=client_ip(request))
            return _finished(request, made)
    return _asked(request, link, form)


@require_POST
@never_cache
def shared_go(request: HttpRequest) -> HttpResponse:
    """Leave for the vendor by a link."""
    try:
        link = open_link(request.session.get(KEPT, ""))
        departure = begin_authorization(
            connection=link.connection,
            browser=browser_of(request),
            redirect_uri=callback_of(request),
            actor=guest_of(link, client_ip(request)),
            share=link,
        )
    except IpaasError as error:
        return _page(request, {"problem": told_error(error)}, error.status)
    return _asked(request, link, _form(link), departure=departure)


@require_GET
@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """A vendor sends somebody back here with a code; only who left from this browser is waited for."""
    try:
        waiting = awaited(state=asked(request, "state", ""), browser=browser_of(request))
        actor = guest_of(waiting.share, client_ip(request)) if waiting.share else _member(request, waiting.connection)
        arrival = finish_authorization(
            waiting=waiting, code=request.GET.get("code", ""), error=asked(request, "error"), actor=actor
        )
    except IpaasError as error:
        return _page(request, {"problem": told_error(error)}, error.status)
    row = arrival.connection
    if arrival.share is not None:
        return _finished(request, row)
    messages.success(request, _("{title} is connected.").format(title=row.title))
    return redirect(connection_url(row))


@require_GET
@never_cache
def done(request: HttpRequest) -> HttpResponse:
    """The end of what a link leads to."""
    title = str(request.session.get(DONE, ""))
    return _page(request, {"done": title} if title else {"problem": _("There is nothing to connect here.")})


def _member(request: HttpRequest, connection: Connection) -> Actor:
    """The signed-in person in the connection's workspace, as any page of it would take them; else nobody."""
    user = request.user
    if not isinstance(user, User) or lacks_second_factor(request, user, connection.workspace):
        return ANONYMOUS
    try:
        return actor_for(user, connection.workspace, client_ip(request))
    except NotFound:
        return ANONYMOUS


def _form(link: ShareLink, request: HttpRequest | None = None) -> CredentialForm:
    data = request.POST if request is not None and request.method == "POST" else None
    return CredentialForm(data, scheme=scheme_of(link.connection), further=False, kept=False)


def _asked(request: HttpRequest, link: ShareLink, form: CredentialForm, **more: Any) -> HttpResponse:
    manifest, scheme = connector_of(link.connection).manifest, scheme_of(link.connection)
    context = {
        "link": link,
        "vendor": manifest.vendor or manifest.title,
        "scheme": scheme,
        "by_consent": by_consent(scheme),
        "form": form,
        **more,
    }
    return _page(request, context, 422 if form.is_bound and form.errors else 200)


def _finished(request: HttpRequest, row: Connection) -> HttpResponse:
    request.session.pop(KEPT, None)
    request.session[DONE] = row.title
    return redirect("web:connect_done")


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, "catalog/connect_shared.html", context, status=status)
