"""Forms of secrets. A value that was entered is never put into a page again, also when something else is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from ipaas.catalog.registry import connectors
from ipaas.sdk.manifest import SecretField
from ipaas.vault.models import Secret, StoreKind
from ipaas.vault.names import FIELD
from ipaas.vault.services import MOST_FIELDS

VALUE = "value__"
SIGNING, OWN = "signing", "own"
EXPIRES_ON = gettext_lazy("Expires on")
KINDS: Mapping[str, str] = {
    Secret.Kind.CREDENTIAL: gettext_noop("credential"),
    Secret.Kind.SIGNING: gettext_noop("signing secret of webhooks"),
    Secret.Kind.LOGIN: gettext_noop("login of a backend"),
}
STORES: Mapping[str, str] = {
    StoreKind.BUILTIN: gettext_noop("built-in store"),
    StoreKind.TRANSIT: gettext_noop("built-in store, keys wrapped outside"),
    StoreKind.OPENBAO: gettext_noop("OpenBao or HashiCorp Vault"),
    StoreKind.ENVIRONMENT: gettext_noop("environment variables"),
    StoreKind.FILE: gettext_noop("mounted files"),
}
OVERLAPS = [
    ("0", gettext_lazy("none: it is wiped at once")),
    ("3600", gettext_lazy("1 hour")),
    ("86400", gettext_lazy("1 day")),
    ("604800", gettext_lazy("7 days")),
]


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a secret is for, hence which fields it has."""

    key: str
    title: str
    kind: str
    fields: Sequence[SecretField]


def purposes() -> list[Purpose]:
    """Every authentication of every connector that needs a secret, then signing secrets."""
    found = [
        Purpose(f"{slug}:{name}", f"{connector.manifest.title}: {scheme.title or name}", "credential", scheme.fields)
        for slug, connector in sorted(connectors().items(), key=lambda item: item[1].manifest.title)
        for name, scheme in connector.manifest.auth.items()
        if scheme.fields
    ]
    signing = Purpose(
        SIGNING, _("Signing secret of an endpoint (checks deliveries)"), "signing",
        (SecretField("signing_secret", _("Signing secret")),),
    )  # fmt: skip
    return [*found, signing]


def purpose_of(key: str, names: str = "") -> Purpose | None:
    """The purpose of a key of ``purposes`` (a connector alone means its first scheme); ``own`` takes field names."""
    if key == OWN:
        parts = [name.strip() for name in names.split(",") if name.strip()][: MOST_FIELDS + 1]
        if not parts or len(parts) > MOST_FIELDS or any(not FIELD.match(name) for name in parts):
            return None
        return Purpose(OWN, _("Other"), "credential", tuple(SecretField(name, name) for name in dict.fromkeys(parts)))
    return next((one for one in purposes() if one.key == key or one.key.partition(":")[0] == key), None)


class _Valued(forms.Form):
    """Has one control per field of the secret."""

    def add_values(self, fields: Sequence[SecretField]) -> None:
        for field in fields:
            self.fields[VALUE + field.name] = forms.CharField(
                label=field.title,
                strip=False,
                required=not field.optional,
                widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
                help_text="" if field.title == field.name else _("Field {name}.").format(name=field.name),
            )

    @property
    def values(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(VALUE)]

    @property
    def others(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if not name.startswith(VALUE)]

    def given_values(self) -> dict[str, str]:
        found = {name: value for name, value in self.cleaned_data.items() if name.startswith(VALUE)}
        return {name.removeprefix(VALUE): value for name, value in found.items() if value}


class SecretForm(_Valued):
    slug = forms.CharField(
        max_length=80,
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("Connections refer to it by this; it never changes."),
    )
    description = forms.CharField(max_length=300, required=False, label=gettext_lazy("Description"))
    expires_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        label=EXPIRES_ON,
        help_text=gettext_lazy("What the provider says; a reminder."),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, purpose: Purpose) -> None:
        super().__init__(data)
        self.add_values(purpose.fields)


class VersionForm(_Valued):
    expires_on = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}), label=EXPIRES_ON)
    overlap = forms.ChoiceField(
        choices=OVERLAPS,
        required=False,
        label=gettext_lazy("Accept the version before for"),
        help_text=gettext_lazy("So that the sender can change over without a rejected delivery."),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, secret: Secret, names: Sequence[str]) -> None:
        super().__init__(data)
        self.add_values([SecretField(name, name) for name in names])
        if secret.kind != Secret.Kind.SIGNING:
            del self.fields["overlap"]

    def overlap_given(self) -> timedelta:
        return timedelta(seconds=int(self.cleaned_data.get("overlap") or 0))


class ChangeForm(forms.Form):
    description = forms.CharField(max_length=300, required=False, label=gettext_lazy("Description"))
    expires_on = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}), label=EXPIRES_ON)

    def __init__(self, data: Mapping[str, Any] | None = None, **given: Any) -> None:
        super().__init__(data, auto_id="change_%s", **given)  # stands beside the form of versions


def moment_of(day: date | None) -> datetime | None:
    """The start of a day in UTC."""
    return datetime.combine(day, time.min, UTC) if day else None


def field_of(path: str) -> str:
    """The form's field for the path of a fault."""
    return VALUE + path.removeprefix("fields.") if path.startswith("fields.") else path
