"""The pages of an invited person: what is offered, and joining."""

from typing import cast

from allauth.account.utils import perform_login
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from ipaas.accounts.addresses import Absolute, absolute, client_ip
from ipaas.accounts.errors import InvitationEnded
from ipaas.accounts.invitations import accept_invitation, invitation_of
from ipaas.accounts.models import Invitation, User
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import in_words

KEPT = "invitation"
"""Where the session keeps the token, so that the page's own address does not hold it."""


class JoinForm(forms.Form):
    name = forms.CharField(max_length=120, label=gettext_lazy("Your name"))
    password = forms.CharField(
        max_length=4096,
        label=gettext_lazy("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least twelve characters, none of the common ones."),
    )


def invitation_link(request: Absolute, token: str) -> str:
    """The address that goes into the mail."""
    return absolute(request, reverse("account_invitation", args=[token]))


@require_GET
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponseRedirect:
    """Take the token out of the address."""
    request.session[KEPT] = token
    return redirect("account_join")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def join(request: HttpRequest) -> HttpResponse:
    """What the invitation offers; POST accepts it."""
    token = str(request.session.get(KEPT, ""))
    try:
        found = invitation_of(token)
    except InvitationEnded as error:
        return render(request, "account/join.html", {"problem": error}, status=error.status)
    user = request.user if request.user.is_authenticated else None
    form = JoinForm(request.POST if request.method == "POST" and user is None else None)
    if request.method == "POST" and (user is not None or form.is_valid()):
        answer = _accept(request, token, found, user, form)
        if answer is not None:
            return answer
    known = User.objects.filter(email=found.email).exists()
    context = {
        "invitation": found,
        "form": form,
        "mine": user is not None and user.email == found.email,
        "known": known,
        "signin_url": f"{reverse('account_login')}?next={reverse('account_join')}",
    }
    return render(request, "account/join.html", context, status=422 if form.errors else 200)


def _accept(
    request: HttpRequest, token: str, found: Invitation, user: User | None, form: JoinForm
) -> HttpResponse | None:
    given = {} if user is not None else form.cleaned_data
    try:
        member = accept_invitation(token=token, user=user, ip=client_ip(request), **given)
    except InvalidInput as error:
        for fault in error.errors:
            form.add_error(fault["path"] if fault["path"] in form.fields else None, in_words(fault["message"]))
        return None
    except Conflict as error:
        messages.error(request, f"{in_words(error.detail)} {in_words(error.advice)}")
        return redirect("account_join")
    request.session.pop(KEPT, None)
    messages.success(request, _("You are a member of %(workspace)s.") % {"workspace": found.workspace.name})
    home = reverse("web:home", args=[found.workspace.slug])
    if user is not None:
        return redirect(home)
    return cast("HttpResponse", perform_login(request, member.user, redirect_url=home))
