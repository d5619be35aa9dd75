"""Passkeys' answers come from a browser, or from whoever plays one: read strictly, refused alike whatever is wrong."""

import struct
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as library
from cryptography.exceptions import InvalidSignature
from django import forms
from django.utils.translation import gettext_lazy

from ipaas.core import jsonio

LARGEST = 65_536
_GARBAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error, InvalidSignature)
"""What parsers of the library raise for bytes that are no credential."""


class CredentialField(forms.CharField):
    """A credential as the browser serialises it: an object of texts, nothing beside."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(max_length=LARGEST)

    def clean(self, value: Any) -> dict[str, Any]:
        try:
            found = jsonio.loads(super().clean(value).encode())
        except jsonio.JsonInvalid:
            raise _refused() from None
        response = found.get("response") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(response, dict):
            raise _refused()
        texts = [found.get("id"), found.get("rawId"), found.get("type"), *response.values()]
        if not all(isinstance(text, str) for text in texts):
            raise _refused()
        return found


class AddPasskeyForm(library.AddWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    name = forms.CharField(required=False, max_length=100, label=gettext_lazy("Name"))
    credential = CredentialField()

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except _GARBAGE:
            raise _refused() from None
        return cleaned


class _Answering:
    """What forms that check a passkey's signature share."""

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()  # type: ignore[misc]  # of the library's form beside it
        except _GARBAGE:
            raise _refused() from None


class SecondFactorForm(_Answering, library.AuthenticateWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField()


class ConfirmForm(_Answering, library.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField()


class SignInForm(_Answering, library.LoginWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField()


def _refused() -> forms.ValidationError:
    error: forms.ValidationError = get_adapter().validation_error("incorrect_code")
    return error
