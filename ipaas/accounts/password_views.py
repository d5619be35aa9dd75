"""Choosing a password with a link of an administrator: no mail leaves the product for it."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from ipaas.accounts.addresses import client_ip
from ipaas.accounts.models import User
from ipaas.accounts.services import set_password
from ipaas.core.actor import Actor

if TYPE_CHECKING:
    _PasswordForm = SetPasswordForm[User]
else:
    _PasswordForm = SetPasswordForm


class NewPasswordForm(_PasswordForm):
    """The form of the link; saving goes through the service, so that it is on record."""

    ip: str | None = None

    def save(self, commit: bool = True) -> User:
        actor = Actor(kind="user", id=str(self.user.pk), label=self.user.email, ip=self.ip)
        set_password(user=self.user, password=self.cleaned_data["new_password1"], actor=actor)
        return self.user


class NewPasswordView(PasswordResetConfirmView):
    """The token moves from the address into the session before the form is shown."""

    form_class = NewPasswordForm
    template_name = "account/password_new.html"
    success_url = reverse_lazy("account_login")

    def get_user(self, uidb64: str) -> Any:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        if isinstance(form, NewPasswordForm):
            form.ip = client_ip(self.request) or None
        messages.success(self.request, _("Your password is set. Sign in with it."))
        return super().form_valid(form)


@require_GET
def password_reset(request: HttpRequest) -> HttpResponse:
    """What to do about a forgotten password."""
    return render(request, "account/password_reset.html")
