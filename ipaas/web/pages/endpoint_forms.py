"""The form of an endpoint: presets of signatures taken from the connectors, or one written by hand."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipaas.accounts.models import Workspace
from ipaas.catalog.registry import connectors
from ipaas.core import jsonio
from ipaas.core.document_forms import normalise
from ipaas.core.phrases import in_words
from ipaas.events.models import Endpoint
from ipaas.vault.models import Secret

STANDARD, NONE, OWN = "standard-webhooks", "none", "own"
WAYS = [
    (STANDARD, "Standard Webhooks"),
    (OWN, gettext_lazy("HMAC, as written below")),
    (NONE, gettext_lazy("Unsigned: anybody who knows the address")),
]
EXAMPLE = '{"scheme": "hmac", "header": "X-Signature", "algorithm": "sha256", "encoding": "hex"}'
MAX_SIGNATURE = 4_000


class EndpointForm(forms.Form):
    """A new endpoint, or (with ``endpoint``) the change of one; slug, environment and address never change."""

    environment = forms.ChoiceField(label=gettext_lazy("Environment"))
    slug = forms.CharField(
        max_length=80,
        label=gettext_lazy("Slug"),
        help_text=gettext_lazy("Flows name the endpoint by it. It never changes."),
    )
    title = forms.CharField(max_length=200, label=gettext_lazy("Title"))
    way = forms.ChoiceField(
        label=gettext_lazy("Signature"),
        help_text=gettext_lazy("A vendor's entry also sets the headers below when left empty."),
    )
    signature = forms.CharField(
        required=False,
        max_length=MAX_SIGNATURE,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        label=gettext_lazy("Signature in detail"),
        help_text=format_lazy("{} {}", gettext_lazy("Only for the HMAC way, in JSON, such as"), EXAMPLE),
    )
    secret_slug = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Signing secret"),
        help_text=gettext_lazy("By name, a signing secret of the vault; its value stays there."),
    )
    delivery_header = forms.CharField(
        required=False,
        max_length=80,
        label=gettext_lazy("Delivery header"),
        help_text=gettext_lazy("Header with the delivery's id: a repeated one starts nothing twice."),
    )
    event_header = forms.CharField(
        required=False,
        max_length=80,
        label=gettext_lazy("Event header"),
        help_text=gettext_lazy("Header with the event's type, by which flows choose; may be empty."),
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, workspace: Workspace, endpoint: Endpoint | None = None
    ) -> None:
        super().__init__(data)
        self.presets = _presets()
        ways = [*WAYS, *((name, preset["title"]) for name, preset in self.presets.items())]
        self.fields["way"].choices = ways  # type: ignore[attr-defined]
        secrets = list(
            Secret.objects.in_workspace(workspace.id).filter(kind=Secret.Kind.SIGNING).values_list("slug", flat=True)
        )
        if endpoint is not None and endpoint.secret_slug and endpoint.secret_slug not in secrets:
            secrets.append(endpoint.secret_slug)
        self.fields["secret_slug"].choices = [("", _("none")), *((one, one) for one in secrets)]  # type: ignore[attr-defined]
        places = [(one.slug, one.name) for one in workspace.environments.all()]
        self.fields["environment"].choices = places  # type: ignore[attr-defined]
        if endpoint is not None:
            del self.fields["environment"], self.fields["slug"]
            self.initial = self._present(endpoint)

    def _present(self, endpoint: Endpoint) -> dict[str, Any]:
        found = {name: getattr(endpoint, name) for name in ("title", "secret_slug", "delivery_header", "event_header")}
        scheme = endpoint.signature.get("scheme", NONE)
        if scheme != "hmac":
            return {**found, "way": scheme}
        preset = f"connector:{endpoint.connector}"
        if self.presets.get(preset, {}).get("signature") == endpoint.signature:
            return {**found, "way": preset}
        return {**found, "way": OWN, "signature": jsonio.dumps(endpoint.signature).decode()}

    def clean_signature(self) -> Any:
        """The object that was written; None where none is asked for. Its form is checked by the service."""
        text = self.cleaned_data["signature"].strip()
        if self.data.get("way") != OWN:
            return None
        try:
            found = normalise(jsonio.loads(text))
        except jsonio.JsonInvalid as error:
            raise forms.ValidationError(in_words(error.detail)) from None
        if not isinstance(found, dict) or found.get("scheme") != "hmac":
            message = _("Write an object with the scheme hmac, such as {example}").format(example=EXAMPLE)
            raise forms.ValidationError(message)
        return found

    def values(self) -> dict[str, Any]:
        """What a valid form says, as the arguments of the services."""
        given = self.cleaned_data
        preset = self.presets.get(given["way"], {})
        signature = preset.get("signature") or given.get("signature") or {"scheme": given["way"]}
        return {
            "title": given["title"],
            "connector": preset.get("connector", ""),
            "signature": signature,
            "signature_required": given["way"] != NONE,
            "secret_slug": given["secret_slug"] if given["way"] != NONE else "",
            "delivery_header": given["delivery_header"] or preset.get("delivery_header") or "webhook-id",
            "event_header": given["event_header"] or preset.get("event_header", ""),
        }


def _presets() -> dict[str, dict[str, Any]]:
    """How each connector with a webhook signs, by ``connector:<slug>``."""
    found = {}
    for slug, connector in sorted(connectors().items()):
        for spec in connector.manifest.document.get("triggers", {}).values():
            if spec["kind"] == "webhook" and "signature" in spec:
                found[f"connector:{slug}"] = {
                    "title": _("As {connector} signs").format(connector=connector.manifest.title),
                    "connector": slug,
                    "signature": dict(spec["signature"]),
                    "delivery_header": spec.get("delivery_id", {}).get("header", ""),
                    "event_header": spec.get("event_type", {}).get("header", ""),
                }
    return found
