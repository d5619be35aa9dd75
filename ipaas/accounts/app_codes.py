"""Codes of authenticator apps are taken once (RFC 6238, section 5.2): the database knows the last, not the cache."""

from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.utils import decrypt
from django import forms
from django.db import transaction
from django.http import HttpResponse

from ipaas.accounts.models import User

LAST = "last_counter"
"""Which half minute's code was taken last; older ones are refused with it."""


@transaction.atomic
def take_code(user: User, code: str) -> bool:
    """Whether a code of the person's app is taken now; the same one, and those before it, never are again."""
    row = Authenticator.objects.select_for_update().get(user=user, type=Authenticator.Type.TOTP)
    secret, last = decrypt(row.data["secret"]), row.data.get(LAST, 0)
    for counter in yield_hotp_counters_from_time():
        if counter > last and compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter))):
            row.data[LAST] = counter
            row.save(update_fields=["data"])
            return True
    return False


class _Once(BaseAuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    def clean_code(self) -> str:
        code: str = super().clean_code()
        if self.authenticator.type == Authenticator.Type.TOTP and not take_code(self.user, code):
            self._emit_authentication_failed(self.authenticator)
            raise get_adapter().validation_error("incorrect_code")
        return code


class SignInCodeForm(_Once, AuthenticateForm):  # type: ignore[misc]
    """A code at sign-in."""


class ConfirmCodeForm(_Once, ReauthenticateForm):  # type: ignore[misc]
    """A code of somebody who is signed in, before a weighty deed."""


class SetUpAppView(ActivateTOTPView):  # type: ignore[misc]
    """Setting up an app: the code that proves it counts as taken."""

    @transaction.atomic
    def form_valid(self, form: forms.Form) -> HttpResponse:
        answer: Any = super().form_valid(form)
        take_code(self.request.user, form.cleaned_data["code"])
        return answer  # type: ignore[no-any-return]
