"""To the single sign-on provider and back."""

import hmac
from dataclasses import asdict
from typing import cast

from allauth.account.utils import perform_login
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ipaas.accounts.addresses import absolute, client_ip
from ipaas.accounts.oidc import Attempt, SignOnFailed
from ipaas.accounts.second_factor import BY_PROVIDER
from ipaas.accounts.signin import record_failed_signin
from ipaas.accounts.single_signon import Provider, asked_second_factor, person_of, provider
from ipaas.core.phrases import in_words, said

KEPT = "single_signon"


@require_GET
@never_cache
def signon(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider; ``next`` is where it goes in the end, on this host only."""
    sso = _provider()
    attempt = Attempt.new()
    target = request.GET.get("next", "")
    local = url_has_allowed_host_and_scheme(target, allowed_hosts=None, require_https=request.is_secure())
    try:
        place = sso.client.begin(attempt, _redirect_uri(request), sso.scopes)
    except SignOnFailed as error:
        return _refused(request, error)
    request.session[KEPT] = {**asdict(attempt), "next": target if local else "/"}
    return redirect(place)


@require_GET
@never_cache
def signon_callback(request: HttpRequest) -> HttpResponse:
    """Where the provider sends the browser back to; an answer is taken once, by the browser that asked."""
    sso = _provider()
    kept = request.session.pop(KEPT, None)
    try:
        return _finish(request, sso, kept if isinstance(kept, dict) else {})
    except SignOnFailed as error:
        return _refused(request, error)


def _finish(request: HttpRequest, sso: Provider, kept: dict[str, str]) -> HttpResponse:
    state = request.GET.get("state", "")
    if not kept or not hmac.compare_digest(state.encode(), kept["state"].encode()):
        raise SignOnFailed(reason=said("this browser did not ask for it, or has waited too long"))
    if request.GET.get("iss", sso.issuer) != sso.issuer:
        raise SignOnFailed(reason=said("the answer came from another provider"))
    if "code" not in request.GET:
        raise SignOnFailed(reason=said("the provider says {answer}", answer=request.GET.get("error", "nothing")[:60]))
    attempt = Attempt(kept["state"], kept["nonce"], kept["verifier"])
    claims = sso.client.finish(attempt, _redirect_uri(request), request.GET["code"])
    with transaction.atomic():
        user = person_of(sso=sso, claims=claims, ip=client_ip(request))
    if asked_second_factor(claims):
        request.session[BY_PROVIDER] = str(user.pk)
    return cast("HttpResponse", perform_login(request, user, redirect_url=kept["next"]))


def _provider() -> Provider:
    found = provider()
    if found is None:
        message = "single sign-on"
        raise Http404(message)
    return found


def _redirect_uri(request: HttpRequest) -> str:
    return absolute(request, reverse("account_signon_callback"))


def _refused(request: HttpRequest, error: SignOnFailed) -> HttpResponse:
    record_failed_signin("single sign-on", client_ip(request))
    messages.error(request, f"{in_words(error.detail)}. {in_words(error.advice)}")
    return redirect("account_login")
