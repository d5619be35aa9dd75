"""The form that asks for a credential, made from the scheme; what was entered before is never shown again."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.sdk.manifest import AuthScheme

_KINDS = {
    "api_key": gettext_noop("API key"),
    "basic": gettext_noop("user and password"),
    "digest": gettext_noop("user and password, by digest"),
    "bearer": gettext_noop("a token that was got elsewhere"),
    "oauth2_client_credentials": gettext_noop("OAuth 2, by client id and secret"),
    "oauth2_authorization_code": gettext_noop("OAuth 2, somebody says yes"),
}
PREFIX = "field__"
_TLS = {
    "tls_client_cert": gettext_noop("Client certificate (PEM, with its chain)"),
    "tls_client_key": gettext_noop("Key of the client certificate (PEM)"),
    "tls_key_password": gettext_noop("Password of that key"),
    "tls_ca": gettext_noop("Private certificate authority (PEM); the public ones count no longer then"),
}
_LONG = frozenset({"private_key", "tls_client_cert", "tls_client_key", "tls_ca"})
_NAMES = frozenset({"username", "client_id", "issuer", "subject", "key_id", "access_key_id", "region"})
"""Fields that say who, not what proves it: they are typed in the open."""


class CredentialForm(forms.Form):
    """One control per field of the scheme; with ``further`` those of TLS too. ``kept``: empty means as before."""

    def __init__(self, data: Mapping[str, Any] | None = None, *, scheme: AuthScheme, further: bool, kept: bool) -> None:
        super().__init__(data)
        for one in scheme.fields:
            needed = not one.optional and not kept
            self.fields[PREFIX + one.name] = _field(one.name, _(one.title), required=needed, kept=kept)
        for name, title in _TLS.items() if further else ():
            self.fields[PREFIX + name] = _field(name, _(title), required=False, kept=kept)

    @property
    def basics(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if not name.startswith(f"{PREFIX}tls_")]

    @property
    def tls(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(f"{PREFIX}tls_")]

    @property
    def tls_errors(self) -> bool:
        return any(name in self.errors for name in self.fields if name.startswith(f"{PREFIX}tls_"))

    def given(self) -> dict[str, str]:
        """The fields that were filled in."""
        return {name.removeprefix(PREFIX): value for name, value in self.cleaned_data.items() if value}


def field_of(path: str) -> str:
    """The form's field for the path of a fault."""
    return PREFIX + path.removeprefix("fields.") if path.startswith("fields.") else path


def _field(name: str, title: str, *, required: bool, kept: bool) -> forms.CharField:
    secret: forms.Widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})
    if name in _LONG:
        secret = forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"})
    elif name in _NAMES:
        secret = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(
        label=title,
        required=required,
        strip=name not in _LONG,
        max_length=32_768,
        widget=secret,
        help_text=_("Left empty, it stays as it is.") if kept else "",
    )


def scheme_label(scheme: AuthScheme) -> str:
    """What people call a way to authenticate; an imported one says by itself only what its document calls it."""
    title = scheme.title or scheme.name
    own = title.lower().replace(" ", "-").replace("_", "-") != scheme.name.replace("_", "-")
    return title if own or scheme.type not in _KINDS else f"{title} ({_(_KINDS[scheme.type])})"
