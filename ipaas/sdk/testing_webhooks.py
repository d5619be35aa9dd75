"""The part of the generated suite about what vendors send: bad signatures, and samples of their documentation."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ipaas.core import clock
from ipaas.core.jsonio import JsonInvalid, loads
from ipaas.expressions import compile_expression, compile_value
from ipaas.sdk.errors import ActionError
from ipaas.sdk.manifest import SubscriptionCall, TriggerSpec
from ipaas.sdk.pages import bare
from ipaas.sdk.paths import joined_text
from ipaas.sdk.samples import Sample, read_samples
from ipaas.sdk.schemas import compile_schema, findings
from ipaas.sdk.signatures import SignatureInvalid, SignatureScheme, sign, signed_body, verify
from ipaas.sdk.testing_pages import check
from ipaas.sdk.transports import HttpAnswer

if TYPE_CHECKING:
    from ipaas.sdk.connector import Connector
    from ipaas.sdk.testing import Bench, ConnectorSuite

URL = "https://hooks.example.com/kit"
SECRETS = {
    "hex": ("63616e617279" * 4, "6f74686572" * 4),
    "base64": ("Y2FuYXJ5LTdjMWYwYi1jYW4=", "b3RoZXItN2MxZjBiLW90aGU="),
}
"""A secret and another one, by the form that a scheme wants it in."""
PLAIN = ("canary:7c1f0b7c1f0b7c1f0b7c1f0b7c1f0b", "canary:other77c1f0b7c1f0b7c1f0b7c1f0b")
BODIES = {
    "twilio": (b"Body=kit&From=%2B15550100", b"Body=kit&From=%2B15550199"),
    "adyen": tuple(
        b'{"notificationItems":[{"NotificationRequestItem":{"pspReference":"K1","eventCode":"%s","success":"true"}}]}'
        % one
        for one in (b"AUTHORISATION", b"CAPTURE")
    ),
}
"""A body and another one, of the vendors whose schemes look into it."""
PRIVATE: Mapping[str, Callable[[], Any]] = {
    "ecdsa-p256-sha256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p256-sha1": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa-sha256": lambda: rsa.generate_private_key(65537, 2048),
}
PRIVATE_KINDS = frozenset({"public-key", "ebay"})
"""Schemes that the suite signs with a private key of its own."""
UNSIGNABLE = frozenset({"paypal", "client-certificate"})
BODY_UNSIGNED = frozenset({"none", "basic", "token", "jwt"})
"""Schemes that vouch for the sender and not for the body."""


class WebhookChecks:
    """What every webhook trigger must keep."""

    def test_a_bad_signature_is_refused(self: "ConnectorSuite") -> None:  # type: ignore[misc]  # a part of it
        for trigger in self.connector.manifest.triggers.values():
            scheme = trigger.signature
            if trigger.kind == "webhook" and scheme is not None and scheme.kind != "none":
                (_refuses_unsigned if scheme.kind in UNSIGNABLE else _refuses)(trigger.name, scheme)

    async def test_a_subscription_is_made_found_and_ended(self: "ConnectorSuite") -> None:  # type: ignore[misc]  # a part of it
        for trigger in self.connector.manifest.triggers.values():
            if trigger.subscription is not None and self.stubbed:
                async with self.bench() as bench:
                    await _subscribes(bench, trigger)

    def test_samples_of_the_vendor_are_understood(self: "ConnectorSuite") -> None:  # type: ignore[misc]  # a part of it
        for sample in read_samples(self.folder, self.connector.manifest):
            if sample.trigger:
                _understands_delivery(self.connector, sample)
            else:
                _understands_answer(self.connector, sample)


def key_pair(algorithm: str) -> tuple[str, str]:
    """A new private key of an algorithm, and its public one, in PEM."""
    key = PRIVATE[algorithm]()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _refuses(name: str, scheme: SignatureScheme) -> None:
    if scheme.kind == "jwt" and not scheme.algorithm.startswith("HS"):
        scheme = replace(scheme, algorithm="HS256", jwks_url="")  # of a public key there is no private one here
    form = "base64" if scheme.kind == "standard-webhooks" else scheme.key_encoding
    secret, other = SECRETS.get(form, PLAIN)
    signer = secret
    if scheme.algorithm in PRIVATE and scheme.kind in PRIVATE_KINDS:
        signer, secret, other = *key_pair(scheme.algorithm), key_pair(scheme.algorithm)[1]
    plain, changed = BODIES.get(scheme.kind, (b'{"kit":1}', b'{"kit":2}'))
    moment = clock.now()
    body = signed_body(scheme, body=plain, secrets=[secret])
    headers = sign(scheme, body=body, secrets=[signer], now=moment, delivery_id="kit-1", url=URL)
    if scheme.kind == "twilio":
        headers["content-type"] = "application/x-www-form-urlencoded"
    verify(scheme, headers=headers, body=body, secrets=[secret], now=moment, url=URL)
    late = moment + timedelta(seconds=scheme.tolerance_s + 5)
    attempts = [("no signature", {}, plain, secret, moment), ("another secret", headers, body, other, moment)]
    if scheme.kind not in BODY_UNSIGNED:
        signed = body.replace(b"AUTHORISATION", b"CAPTURE") if scheme.kind == "adyen" else changed
        attempts.append(("another body", headers, signed, secret, moment))
    if scheme.timestamp_header or scheme.pairs:
        attempts.append(("an old signature", headers, body, secret, late))
    for what, given, sent, known, now in attempts:
        try:
            verify(scheme, headers=given, body=sent, secrets=[known], now=now, url=URL)
        except SignatureInvalid:
            continue
        check(False, f"{name} takes a delivery with {what}")


def _refuses_unsigned(name: str, scheme: SignatureScheme) -> None:
    """Of schemes that nobody but the sender can follow, as whose keys a public authority must vouch for."""
    for headers in ({}, {scheme.header: "a2l0", scheme.id_header: "kit-1", "PAYPAL-CERT-URL": URL}):
        try:
            verify(scheme, headers=headers, body=b"{}", secrets=[PLAIN[0]], now=clock.now(), url=URL)
        except SignatureInvalid:
            continue
        check(False, f"{name} takes a delivery that nobody signed")


async def _subscribes(bench: "Bench", trigger: TriggerSpec) -> None:
    """As the endpoint's page does it, for the first event."""
    spec = trigger.subscription
    if spec is None:
        return
    config = bench.io().config
    scope: dict[str, Any] = {"url": URL, "events": list(trigger.events)[:1], "secret": PLAIN[0], "config": config}

    async def asked(call: SubscriptionCall) -> Any:
        params = compile_value(dict(call.params)).evaluate(scope)
        return (await bench.connector.execute(call.action, params, bench.io(key=f"kit-{call.action}"))).data

    made = await asked(spec.create)
    scope["id"] = compile_expression(bare(spec.create.id)).evaluate({**scope, "data": made})
    check(scope["id"], f"{trigger.name}: what was subscribed has no id")
    scope["id"] = str(scope["id"])
    if spec.check is not None:
        found = compile_expression(bare(spec.check.found)).evaluate({**scope, "data": await asked(spec.check)})
        check(str(found) == scope["id"], f"{trigger.name}: the subscription {scope['id']} is found as {found}")
    await asked(spec.delete)


def _understands_delivery(connector: "Connector", sample: Sample) -> None:
    trigger = connector.manifest.triggers[sample.trigger]
    headers = {name.lower(): value for name, value in sample.headers.items()}
    if sample.secret and trigger.signature is not None:
        now = sample.at or clock.now()
        verify(trigger.signature, headers=headers, body=sample.body, secrets=[sample.secret], now=now, url=sample.url)
    try:
        body = loads(sample.body)
    except JsonInvalid:
        check(not (sample.event or sample.delivery_id), f"{sample.name}: the body is not JSON; it names no event")
        return
    delivery_id, event = webhook_event(trigger, headers, body)
    check(not sample.event or event == sample.event, f"{sample.name} is the event {event}, not {sample.event}")
    wrong = f"{sample.name} has the delivery id {delivery_id}, not {sample.delivery_id}"
    check(not sample.delivery_id or delivery_id == sample.delivery_id, wrong)
    known = trigger.events.get(event or "")
    check(known is not None or not sample.event, f"{sample.name}: {sample.trigger} has no event {event}")
    errors = findings(compile_schema(known.schema), body) if known is not None and known.schema is not None else []
    check(not errors, f"{sample.name} breaks the schema of {event}: {errors}")


def _understands_answer(connector: "Connector", sample: Sample) -> None:
    action = connector.action(sample.action)
    params = action.checked_params(dict(sample.params if sample.params is not None else action.spec.params_example))
    request = action.build(params, connector.with_config_defaults(connector.manifest.config_example), None)
    headers = {"content-type": "application/json", **{name.lower(): value for name, value in sample.headers.items()}}
    try:
        action.read(request, HttpAnswer(sample.status, headers, sample.body))
    except ActionError as error:
        told = f"{sample.name}: {sample.action} reads it as {error.error_class} {error.vendor_code}"
        check(sample.error, f"{told}, not as a good answer: {error.message}")
        check(sample.error.get("class") == error.error_class, f"{told}, not {sample.error.get('class')}")
        check(sample.error.get("code") in (None, error.vendor_code), f"{told}, not {sample.error.get('code')}")
    else:
        check(not sample.error, f"{sample.name}: {sample.action} takes it for a good answer")


def webhook_event(trigger: TriggerSpec, headers: Mapping[str, str], body: Any) -> tuple[str | None, str | None]:
    """Delivery id and event type of a parsed delivery; None where it has none. Header names are lower case."""

    def at(place: Any) -> str | None:
        if place is None:
            return None
        found = headers.get(place.header.lower()) if place.header else joined_text(body, place.path)
        return found[:200] if found else None

    return at(trigger.delivery_id), at(trigger.event_type)
