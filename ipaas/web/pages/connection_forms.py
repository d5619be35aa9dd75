"""Forms of connections, made from the manifest of their connector."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipaas.accounts.models import Environment, Membership
from ipaas.catalog import checks
from ipaas.catalog.models import Connection, ImportedConnector
from ipaas.catalog.registry import connectors
from ipaas.sdk.manifest import Manifest
from ipaas.vault.models import Secret
from ipaas.web.pages.connection_policies import add_policy_fields, policy_from
from ipaas.web.pages.credential_forms import scheme_label
from ipaas.web.pages.schema_fields import field_for, initial_for, value_for

CONFIG = "config__"
ASKED_AGAIN = "asked_for"
"""Hidden: the address for which the secret was asked for again."""


class ConnectionForm(forms.Form):
    """A new connection over ``manifest``, or (with ``connection``) the change of one; the slug never changes.

    ``address`` is proposed in place of the connector's own.
    """

    slug = forms.CharField(
        max_length=60,
        label=gettext_lazy("Slug"),
        help_text=gettext_lazy("Flows name the connection by it; the same in every environment. It never changes."),
    )
    title = forms.CharField(max_length=120, required=False, label=gettext_lazy("Title"))
    base_url = forms.CharField(
        max_length=500, required=False, label=gettext_lazy("Address"), help_text=gettext_lazy("Begins with https://.")
    )
    auth_scheme = forms.ChoiceField(label=gettext_lazy("Authentication"))
    secret = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Secret"),
        help_text=gettext_lazy(
            "By name; its value stays in the vault. Without one, the next page asks for what is needed."
        ),
    )
    owner = forms.ChoiceField(
        required=False, label=gettext_lazy("Owner"), help_text=gettext_lazy("Who looks after it.")
    )
    asked_for = forms.CharField(required=False, max_length=600, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        manifest: Manifest,
        environment: Environment,
        connection: Connection | None = None,
        address: str = "",
    ) -> None:
        super().__init__(data)
        self.manifest, self.connection, self.address = manifest, connection, address
        self._prepare(environment)
        config = connection.config if connection else {}
        required = set(manifest.config_schema.get("required", ()))
        for name, node in manifest.config_schema.get("properties", {}).items():
            usual = _usual(node)
            self.fields[CONFIG + name] = field_for(name, node, required=name in required and not usual, usual=usual)
            self.initial[CONFIG + name] = initial_for(node, config, name)
        add_policy_fields(self, manifest, connection.policy if connection else {})

    def _prepare(self, environment: Environment) -> None:
        manifest, row = self.manifest, self.connection
        scheme = self.fields["auth_scheme"]
        scheme.choices = [(name, scheme_label(one)) for name, one in manifest.auth.items()]  # type: ignore[attr-defined]
        slugs = Secret.objects.in_workspace(environment.workspace_id).values_list("slug", flat=True)
        kept = [row.secret] if row is not None and row.secret and row.secret not in slugs else []
        self.fields["secret"].choices = [("", _("none")), *((one, one) for one in [*slugs, *kept])]  # type: ignore[attr-defined]
        if manifest.protocol != "http":
            del self.fields["base_url"]
        if row is None:
            del self.fields["owner"]  # whoever makes it
            usual = self.address or checks.usual_base_url(manifest, environment.slug)
            self.initial = {"slug": manifest.slug, "title": manifest.title, "base_url": usual}
            return
        del self.fields["slug"]
        self.fields["owner"].choices = [("", _("nobody")), *_owners(row)]  # type: ignore[attr-defined]
        self.initial = {name: getattr(row, name) for name in ("title", "base_url", "auth_scheme", "secret")}
        self.initial["owner"] = row.owner.email if row.owner is not None else ""

    @property
    def basics(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in self._apart() and name != ASKED_AGAIN]

    @property
    def policies(self) -> list[forms.BoundField]:
        return [self[name] for name in self._apart()]

    @property
    def policy_errors(self) -> bool:
        return any(name in self.errors for name in self._apart())

    def _apart(self) -> list[str]:
        return [name for name in self.fields if name.startswith("policy__")]

    def values(self) -> dict[str, Any]:
        """What a valid form says, as the arguments of the service."""
        properties = self.manifest.config_schema.get("properties", {})
        config = {
            name: value
            for name, node in properties.items()
            for given, value in [value_for(node, self.cleaned_data[CONFIG + name])]
            if given
        }
        plain = {name: self.cleaned_data[name] for name in ("title", "auth_scheme", "secret")}
        plain["title"] = plain["title"] or self.manifest.title
        if "base_url" in self.fields:
            plain["base_url"] = self.cleaned_data["base_url"].strip()
        if self.connection is not None and "owner" in self.changed_data:
            plain["owner"] = self.cleaned_data["owner"]
        return {**plain, "config": config, "policy": policy_from(self.cleaned_data)}

    def moved_to(self) -> str:
        """The address and scheme that a changed connection would send its secret to; empty while they stay.

        Raises InvalidInput for an address that is none.
        """
        row, values = self.connection, self.values()
        if row is None or not row.secret:
            return ""
        before = (checks.origin(row), row.auth_scheme)
        draft = Connection(
            workspace_id=row.workspace_id,
            connector=row.connector,
            connector_version=row.connector_version,
            base_url=values.get("base_url", ""),
            config=values["config"],
        )
        after = (checks.checked_origin(draft), values["auth_scheme"])
        return "" if after == before else " ".join(after)


def field_of(path: str) -> str:
    """The form's field for the path of a fault."""
    path = path.replace(".", "/")
    for prefix in ("config/", "policy/"):
        if path.startswith(prefix):
            return path.replace("/", "__")
    return path


def connector_choices(workspace_id: UUID) -> list[tuple[str, str, str, str]]:
    """Slug, title, category and summary of every connector that a workspace can use."""
    installed = [connector.manifest for connector in connectors().values()]
    found = [(one.slug, one.title, one.category, one.summary) for one in installed]
    imported = ImportedConnector.objects.in_workspace(workspace_id).light().newest()
    found += [(one.slug, one.title, one.category, one.summary) for one in imported if one.slug not in connectors()]
    return sorted(found, key=lambda one: one[1].lower())


def _owners(row: Connection) -> list[tuple[str, str]]:
    """The members of the workspace, and who owns it although they left."""
    members = Membership.objects.in_workspace(row.workspace_id).order_by("user__email")
    found = list(members.values_list("user__email", flat=True))
    gone = [row.owner.email] if row.owner is not None and row.owner.email not in found else []
    return [(one, one) for one in (*found, *gone)]


def _usual(node: Mapping[str, Any]) -> str:
    if "default" not in node:
        return ""
    value = node["default"]
    return {True: _("yes"), False: _("no")}.get(value, str(value)) if isinstance(value, bool) else str(value)
