"""The form of an endpoint: presets of signatures taken from the connectors, or one written by hand."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
from ipaas.events.checks import ANSWERS
from ipaas.events.intake import MAX_BODY
from ipaas.events.models import Endpoint
from ipaas.sdk.handshakes import HANDSHAKES
from ipaas.sdk.signatures.certificates import plain_fingerprint
from ipaas.vault.models import Secret

NONE, OWN, CERTIFICATE = "none", "own", "client-certificate"
VENDORS = {
    "standard-webhooks": "Standard Webhooks",
    "github": "GitHub",
    "stripe": "Stripe",
    "shopify": "Shopify",
    "slack": "Slack",
    "twilio": "Twilio",
    "square": "Square",
    "adyen": "Adyen",
    "asana": "Asana",
    "discord": "Discord",
    "ebay": "eBay",
    "paypal": "PayPal",
    "sendgrid": "SendGrid",
    "telnyx": "Telnyx",
}
WAYS = [
    *VENDORS.items(),
    ("basic", gettext_lazy("User and password (the secret is user:password)")),
    ("token", gettext_lazy("A fixed token, as Authorization: Bearer")),
    (CERTIFICATE, gettext_lazy("Client certificate, as named below")),
    (OWN, gettext_lazy("Written by hand: HMAC, JWT, public key, another header")),
    (NONE, gettext_lazy("Unsigned: anybody who knows the address")),
]
PLACES = ("delivery_header", "delivery_path", "event_header", "event_path")
LIMITS = ("sources", "max_body", "rate_per_minute")
FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")
CERTIFICATES = ("fingerprints", "authority", "subject", "names")
HANDSHAKE_EXAMPLE = '{"kind": "echo_query", "parameter": "validationToken"}'
EXAMPLE = '{"scheme": "hmac", "header": "X-Signature", "algorithm": "sha256", "encoding": "hex"}'
MAX_SIGNATURE = 4_000


@dataclass(frozen=True)
class Section:
    """A part of the form; ``folded``: shown only when somebody opens it, ``open`` where it holds something."""

    title: str
    fields: list[forms.BoundField]
    folded: bool
    open: bool


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
        help_text=format_lazy("{} {}", gettext_lazy("Only for what is written by hand, in JSON, such as"), EXAMPLE),
    )
    secret_slug = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Signing secret"),
        help_text=gettext_lazy("By name, a signing secret of the vault; its value stays there."),
    )
    fingerprints = forms.CharField(
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        label=gettext_lazy("Fingerprints"),
        help_text=gettext_lazy("SHA-256 of the certificates that may send, one a line."),
    )
    authority = forms.CharField(
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        label=gettext_lazy("Authority"),
        help_text=gettext_lazy("Or its certificate in PEM, with those in between, and a subject or name as well."),
    )
    subject = forms.CharField(
        required=False,
        max_length=500,
        label=gettext_lazy("Subject of the certificate"),
        help_text=gettext_lazy("The whole of it, such as CN=partner,O=Example."),
    )
    names = forms.CharField(
        required=False,
        max_length=6_000,
        label=gettext_lazy("Alternative names"),
        help_text=gettext_lazy("Of which one is enough, parted by spaces: DNS names, URIs, addresses."),
    )
    delivery_header = forms.CharField(
        required=False,
        max_length=80,
        label=gettext_lazy("Delivery header"),
        help_text=gettext_lazy("Header with the delivery's id: a repeated one starts nothing twice."),
    )
    delivery_path = forms.CharField(
        required=False,
        max_length=300,
        label=gettext_lazy("Delivery path"),
        help_text=gettext_lazy("Place of the id in the body instead, such as id; several are joined by +."),
    )
    event_header = forms.CharField(
        required=False,
        max_length=80,
        label=gettext_lazy("Event header"),
        help_text=gettext_lazy("Header with the event's type, by which flows choose; may be empty."),
    )
    event_path = forms.CharField(
        required=False,
        max_length=300,
        label=gettext_lazy("Event path"),
        help_text=gettext_lazy("Place of the type in the body instead, such as type."),
    )

    handshake = forms.CharField(
        required=False,
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        label=gettext_lazy("Handshake"),
        help_text=format_lazy("{} {}", gettext_lazy("A challenge to answer, in JSON, such as"), HANDSHAKE_EXAMPLE),
    )
    sources = forms.CharField(
        required=False,
        max_length=6_000,
        label=gettext_lazy("Sources"),
        help_text=gettext_lazy("Networks that may send, parted by spaces, such as 192.0.2.0/24; empty: all may."),
    )
    max_body = forms.IntegerField(
        required=False,
        min_value=100,
        max_value=MAX_BODY,
        label=gettext_lazy("Largest delivery"),
        help_text=gettext_lazy("In bytes; empty: one million."),
    )
    rate_per_minute = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1_000_000,
        label=gettext_lazy("Deliveries a minute"),
        help_text=gettext_lazy("More are answered 429, and should come again; empty: no cap."),
    )
    answer_status = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", gettext_lazy("as the connector's vendor asks, else 202")), *((one, str(one)) for one in ANSWERS)],
        label=gettext_lazy("Answer"),
        help_text=gettext_lazy("Status of an accepted delivery: some vendors ask for a certain one."),
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
        found = {name: getattr(endpoint, name) or "" for name in ("title", "secret_slug", *PLACES, *LIMITS)}
        found["sources"] = " ".join(endpoint.sources)
        found["answer_status"] = endpoint.answer_status
        found["handshake"] = jsonio.dumps(endpoint.handshake).decode() if endpoint.handshake else ""
        signature = endpoint.signature or {"scheme": NONE}
        if self.presets.get(f"connector:{endpoint.connector}", {}).get("signature") == signature:
            return {**found, "way": f"connector:{endpoint.connector}"}
        if signature["scheme"] == CERTIFICATE:
            shown = {
                "fingerprints": "\n".join(signature.get("fingerprints", ())),
                "names": " ".join(signature.get("names", ())),
            }
            return {**found, **{one: signature.get(one, "") for one in CERTIFICATES}, **shown, "way": CERTIFICATE}
        if len(signature) == 1 and signature["scheme"] in dict(WAYS):
            return {**found, "way": signature["scheme"]}
        return {**found, "way": OWN, "signature": jsonio.dumps(signature).decode()}

    def clean_signature(self) -> Any:
        """The object that was written; None where none is asked for. Its form is checked by the service."""
        text = self.cleaned_data["signature"].strip()
        if self.data.get("way") != OWN:
            return None
        found = _read(text)
        if not isinstance(found, dict) or found.get("scheme", NONE) == NONE:
            message = _("Write an object with a scheme that signs, such as {example}").format(example=EXAMPLE)
            raise forms.ValidationError(message)
        return found

    def clean_handshake(self) -> Any:
        text = self.cleaned_data["handshake"].strip()
        found = _read(text) if text else {}
        if not isinstance(found, dict):
            message = _("Write an object, such as {example}").format(example=HANDSHAKE_EXAMPLE)
            raise forms.ValidationError(message)
        return found

    def clean_sources(self) -> list[str]:
        return str(self.cleaned_data["sources"]).replace(",", " ").split()

    def clean_fingerprints(self) -> list[str]:
        found = [one.strip() for one in str(self.cleaned_data["fingerprints"]).replace(",", "\n").splitlines()]
        if any(FINGERPRINT.match(plain_fingerprint(one)) is None for one in found if one):
            raise forms.ValidationError(
                _("A SHA-256 fingerprint is 64 digits and letters a to f; colons may part them.")
            )
        return [one for one in found if one]

    def clean_names(self) -> list[str]:
        return str(self.cleaned_data["names"]).replace(",", " ").split()

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        named = given.get("fingerprints") or (given.get("authority") and (given.get("subject") or given.get("names")))
        if given.get("way") == CERTIFICATE and not named and "fingerprints" not in self.errors:
            self.add_error(
                "fingerprints", _("Name a fingerprint, or an authority with a subject or an alternative name.")
            )
        return given

    def sections(self) -> list[Section]:
        """The fields in the order of a page, by what they are about; what few need is folded up until it is used."""
        parts = (
            (_("Endpoint"), ("environment", "slug", "title"), False),
            (_("Signature"), ("way", "secret_slug"), False),
            (_("Signature and handshake by hand"), ("signature", "handshake"), True),
            (_("Client certificate"), CERTIFICATES, True),
            (_("Id and type of a delivery"), PLACES, True),
            (_("Limits and answer"), (*LIMITS, "answer_status"), True),
        )
        return [self._section(title, names, may_fold=may_fold) for title, names, may_fold in parts]

    def _section(self, title: str, names: Iterable[str], *, may_fold: bool) -> Section:
        fields = [self[name] for name in names if name in self.fields]
        used = any(field.errors or field.value() not in (None, "", {}, []) for field in fields)
        return Section(title, fields, folded=may_fold, open=used)

    def values(self) -> dict[str, Any]:
        """What a valid form says, as the arguments of the services."""
        given = self.cleaned_data
        preset = self.presets.get(given["way"], {})
        signature = preset.get("signature") or given.get("signature") or {"scheme": given["way"]}
        if given["way"] == CERTIFICATE:
            signature |= {name: given[name] for name in CERTIFICATES if given[name]}
        answer = given["answer_status"] or preset.get("answer_status")
        return {
            "title": given["title"],
            "connector": preset.get("connector", ""),
            "signature": signature,
            "signature_required": given["way"] != NONE,
            "secret_slug": given["secret_slug"] if given["way"] not in {NONE, CERTIFICATE} else "",
            **{name: given[name] for name in (*PLACES, *LIMITS)},
            **{name: place for name, place in preset.get("places", {}).items() if not given[name]},
            **({"answer_status": answer} if answer else {}),
            "handshake": given["handshake"] or preset.get("handshake") or HANDSHAKES.get(given["way"], {}),
        }


def _read(text: str) -> Any:
    try:
        return normalise(jsonio.loads(text))
    except jsonio.JsonInvalid as error:
        raise forms.ValidationError(in_words(error.detail)) from None


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
                    "handshake": dict(spec.get("handshake", {})),
                    "answer_status": spec.get("answer_status"),
                    "places": {
                        f"{what}_{how}": place
                        for what, key in (("delivery", "delivery_id"), ("event", "event_type"))
                        for how, place in spec.get(key, {}).items()
                    },
                }
    return found
