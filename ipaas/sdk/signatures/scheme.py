"""How a sender signs, and what is said when it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from ipaas.core.errors import IpaasError
from ipaas.core.phrases import said

MAX_HEADER_CHARS = 4096


class SignatureInvalid(IpaasError):
    """The webhook's signature is not valid: {reason}."""

    status = 401
    code = "signature_invalid"
    title = "Signature invalid"
    remedy = "Check that sender and endpoint share the same secret and that nothing rewrites the body on its way."

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason=reason)


class SigningSecretUnusable(IpaasError):
    """The signing secret cannot be used: {reason}."""

    status = 422
    code = "signing_secret_unusable"
    title = "Signing secret unusable"
    remedy = "Store the secret in the form that the signature scheme expects (Standard Webhooks: whsec_ and base64)."


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is checked or signed; ``headers`` have lower-case names.

    ``keys`` are public keys or certificates that the sender publishes; ``certificate`` is the client certificate of its
    connection as a trusted proxy hands it on, "" without one.
    """

    headers: Mapping[str, str]
    body: bytes
    url: str
    now: datetime
    keys: Sequence[str] = ()
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a good signature vouches for; ``secret_index`` tells which of the live secrets signed."""

    delivery_id: str | None
    timestamp: int | None
    secret_index: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where a vendor's deliveries tell their id and their type: a header, else a path into the body."""

    delivery_header: str = ""
    delivery_path: str = ""
    event_header: str = ""
    event_path: str = ""


Kind = Literal[
    "standard-webhooks", "hmac", "public-key", "twilio", "square", "adyen", "ebay", "paypal", "basic", "token", "jwt",
    "client-certificate", "none",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """How a sender signs.

    ``signed`` names the signed text by ``{id}``, ``{timestamp}``, ``{url}`` and ``{body}``. ``pairs`` tells that
    the header holds ``t=…,v1=…`` pairs (names of the timestamp's and the signature's pair). A ``tolerance_s``
    applies where there is a timestamp; without one, only the delivery id protects against repetition. ``url`` is
    the address as the sender knows it, where it is not the endpoint's own. ``path`` is where a ``token`` stands in the
    body, instead of a header. The last members are those of ``jwt``, ``public-key`` (``key``, else the secret, else
    what is published at ``key_url``) and ``client-certificate``.
    """

    kind: Kind
    header: str = ""
    algorithm: str = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    path: str = ""
    signed: str = "{body}"
    timestamp_header: str = ""
    timestamp_unit: Literal["s", "ms", "iso"] = "s"
    id_header: str = ""
    pairs: tuple[str, str] | None = None
    key_encoding: Literal["utf8", "base64", "hex"] = "utf8"
    tolerance_s: int = 300
    url: str = ""
    issuer: str = ""
    audience: str = ""
    body_claim: str = ""
    jwks_url: str = ""
    key: str = ""
    key_url: str = ""
    fingerprints: tuple[str, ...] = ()
    authority: str = ""
    subject: str = ""
    names: tuple[str, ...] = ()

    @property
    def vouches_alone(self) -> bool:
        """Whether deliveries are checked without a signing secret."""
        return bool(self.kind == "client-certificate" or self.key or self.key_url or self.jwks_url)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "SignatureScheme":
        """From the ``signature`` object of a manifest or an endpoint (already validated against the schema)."""
        name = document["scheme"]
        pairs = document.get("pairs")
        given = {key: value for key, value in document.items() if key not in {"scheme", "pairs"}}
        given |= {key: tuple(given[key]) for key in ("fingerprints", "names") if key in given}
        if pairs:
            given["pairs"] = (pairs["timestamp"], pairs["signature"])
        return replace(SCHEMES[name], **given)


SCHEMES: Mapping[str, SignatureScheme] = {
    "standard-webhooks": SignatureScheme(
        kind="standard-webhooks",
        header="webhook-signature",
        encoding="base64",
        prefix="v1,",
        signed="{id}.{timestamp}.{body}",
        timestamp_header="webhook-timestamp",
        id_header="webhook-id",
    ),
    "hmac": SignatureScheme(kind="hmac"),
    "github": SignatureScheme(kind="hmac", header="X-Hub-Signature-256", prefix="sha256="),
    "stripe": SignatureScheme(kind="hmac", header="Stripe-Signature", signed="{timestamp}.{body}", pairs=("t", "v1")),
    "shopify": SignatureScheme(kind="hmac", header="X-Shopify-Hmac-Sha256", encoding="base64"),
    "slack": SignatureScheme(
        kind="hmac",
        header="X-Slack-Signature",
        prefix="v0=",
        signed="v0:{timestamp}:{body}",
        timestamp_header="X-Slack-Request-Timestamp",
    ),
    "twilio": SignatureScheme(kind="twilio", header="X-Twilio-Signature", algorithm="sha1", encoding="base64"),
    "square": SignatureScheme(kind="square", header="X-Square-HmacSha256-Signature", encoding="base64"),
    "adyen": SignatureScheme(kind="adyen", header="", encoding="base64", key_encoding="hex"),
    "ebay": SignatureScheme(kind="ebay", header="X-EBAY-SIGNATURE", algorithm="ecdsa-p256-sha1", encoding="base64"),
    "paypal": SignatureScheme(
        kind="paypal",
        header="PAYPAL-TRANSMISSION-SIG",
        algorithm="rsa-sha256",
        encoding="base64",
        timestamp_header="PAYPAL-TRANSMISSION-TIME",
        timestamp_unit="iso",
        id_header="PAYPAL-TRANSMISSION-ID",
        tolerance_s=3 * 86_400,
    ),
    "public-key": SignatureScheme(kind="public-key", algorithm="ecdsa-p256-sha256", encoding="base64"),
    "sendgrid": SignatureScheme(
        kind="public-key",
        header="X-Twilio-Email-Event-Webhook-Signature",
        algorithm="ecdsa-p256-sha256",
        encoding="base64",
        signed="{timestamp}{body}",
        timestamp_header="X-Twilio-Email-Event-Webhook-Timestamp",
    ),
    "discord": SignatureScheme(
        kind="public-key",
        header="X-Signature-Ed25519",
        algorithm="ed25519",
        signed="{timestamp}{body}",
        timestamp_header="X-Signature-Timestamp",
    ),
    "telnyx": SignatureScheme(
        kind="public-key",
        header="telnyx-signature-ed25519",
        algorithm="ed25519",
        encoding="base64",
        signed="{timestamp}|{body}",
        timestamp_header="telnyx-timestamp",
    ),
    "asana": SignatureScheme(kind="hmac", header="X-Hook-Signature"),
    "client-certificate": SignatureScheme(kind="client-certificate", header=""),
    "basic": SignatureScheme(kind="basic", header="Authorization", prefix="Basic "),
    "token": SignatureScheme(kind="token", header="Authorization", prefix="Bearer "),
    "jwt": SignatureScheme(kind="jwt", header="Authorization", prefix="Bearer ", algorithm="RS256"),
    "none": SignatureScheme(kind="none", header=""),
}
"""Every scheme by the name that manifests and endpoints give it; a document changes single members of it.

Sources: docs.github.com "Validating webhook deliveries"; docs.stripe.com/webhooks "Verify webhook signatures manually";
shopify.dev "Verify webhook deliveries"; docs.slack.dev "Verifying requests from Slack"; twilio.com/docs/sendgrid
"Event Webhook security features"; docs.discord.com "Webhook Events"; developers.telnyx.com "Receiving webhooks";
developers.asana.com "Webhooks"; developer.ebay.com "Event notification"; developer.paypal.com "Webhooks".
PayPal repeats a delivery for three days, hence its window.
"""

STANDARD_WEBHOOKS = SCHEMES["standard-webhooks"]

_ADYEN = "notificationItems.0.NotificationRequestItem"
PLACES: Mapping[str, Places] = {
    "standard-webhooks": Places(delivery_header="webhook-id", event_path="type"),
    "github": Places(delivery_header="X-GitHub-Delivery", event_header="X-GitHub-Event"),
    "stripe": Places(delivery_path="id", event_path="type"),
    "shopify": Places(delivery_header="X-Shopify-Webhook-Id", event_header="X-Shopify-Topic"),
    "slack": Places(delivery_path="event_id", event_path="event.type"),
    "twilio": Places(delivery_header="I-Twilio-Idempotency-Token"),
    "square": Places(delivery_path="event_id", event_path="type"),
    "ebay": Places(delivery_path="notification.notificationId", event_path="metadata.topic"),
    "paypal": Places(delivery_path="id", event_path="event_type"),
    "sendgrid": Places(delivery_header="X-Twilio-Email-Event-Webhook-Signature", event_path="0.event"),
    "discord": Places(delivery_header="X-Signature-Ed25519", event_path="event.type"),
    "asana": Places(delivery_header="X-Hook-Signature"),
    "telnyx": Places(delivery_path="data.id", event_path="data.event_type"),
    "adyen": Places(
        delivery_path=f"{_ADYEN}.pspReference + {_ADYEN}.eventCode + {_ADYEN}.success", event_path=f"{_ADYEN}.eventCode"
    ),
}
"""Where the vendors of schemes tell id and type of a delivery, for endpoints that say nothing else.

Of vendors that give a batch of events no id, the signature stands for one: the same delivery sent again has the same.
"""


def header_of(headers: Mapping[str, str], name: str) -> str:
    """A header that must be there; raises SignatureInvalid."""
    value = headers.get(name.lower())
    if not isinstance(value, str) or not value:
        raise SignatureInvalid(reason=said("the header {name} is missing", name=name))
    if len(value) > MAX_HEADER_CHARS:
        raise SignatureInvalid(reason=said("the header {name} is too long", name=name))
    return value
