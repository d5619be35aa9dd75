"""The part of the generated suite about what vendors send: bad signatures, and samples of their documentation."""

from datetime import timedelta
from typing import TYPE_CHECKING

from ipaas.core import clock
from ipaas.core.jsonio import JsonInvalid, loads
from ipaas.sdk.connector import webhook_event
from ipaas.sdk.errors import ActionError
from ipaas.sdk.samples import Sample, read_samples
from ipaas.sdk.schemas import compile_schema, findings
from ipaas.sdk.signatures import SignatureInvalid, SignatureScheme, sign, verify
from ipaas.sdk.testing_pages import check
from ipaas.sdk.transports import HttpAnswer

if TYPE_CHECKING:
    from ipaas.sdk.connector import Connector
    from ipaas.sdk.testing import ConnectorSuite

BODY = b'{"kit":1}'
SECRETS = {"hex": "63616e617279" * 4, "base64": "Y2FuYXJ5LTdjMWYwYi1jYW5hcnktN2MxZjBi"}
"""By the form that a scheme wants its secret in."""
OTHERS = {"hex": "6f74686572" * 4, "base64": "b3RoZXItN2MxZjBiLW90aGVyLTdjMWYwYg=="}
BODY_UNSIGNED = frozenset({"none", "basic", "jwt"})
"""Schemes that vouch for the sender and not for the body."""


class WebhookChecks:
    """What every webhook trigger must keep."""

    def test_a_bad_signature_is_refused(self: "ConnectorSuite") -> None:  # type: ignore[misc]  # a part of it
        for trigger in self.connector.manifest.triggers.values():
            if trigger.kind == "webhook" and trigger.signature is not None and trigger.signature.kind != "none":
                _refuses(trigger.name, trigger.signature)

    def test_samples_of_the_vendor_are_understood(self: "ConnectorSuite") -> None:  # type: ignore[misc]  # a part of it
        for sample in read_samples(self.folder, self.connector.manifest):
            if sample.trigger:
                _understands_delivery(self.connector, sample)
            else:
                _understands_answer(self.connector, sample)


def _refuses(name: str, scheme: SignatureScheme) -> None:
    form = scheme.key_encoding if scheme.kind == "hmac" else "base64"
    secret, other = SECRETS.get(form, "canary-7c1f0b:canary"), OTHERS.get(form, "other-7c1f0b:other")
    moment = clock.now()
    headers = sign(scheme, body=BODY, secrets=[secret], now=moment, delivery_id="kit-1")
    verify(scheme, headers=headers, body=BODY, secrets=[secret], now=moment)
    late = moment + timedelta(seconds=scheme.tolerance_s + 5)
    timed = bool(scheme.timestamp_header or scheme.pairs or scheme.kind == "standard-webhooks")
    attempts = [("no signature", {}, BODY, secret, moment), ("another secret", headers, BODY, other, moment)]
    if scheme.kind not in BODY_UNSIGNED:
        attempts.append(("another body", headers, BODY + b" ", secret, moment))
    if timed:
        attempts.append(("an old signature", headers, BODY, secret, late))
    for what, given, body, known, now in attempts:
        try:
            verify(scheme, headers=given, body=body, secrets=[known], now=now)
        except SignatureInvalid:
            continue
        check(False, f"{name} takes a delivery with {what}")


def _understands_delivery(connector: "Connector", sample: Sample) -> None:
    trigger = connector.manifest.triggers[sample.trigger]
    headers = {name.lower(): value for name, value in sample.headers.items()}
    if sample.secret and trigger.signature is not None:
        now = sample.at or clock.now()
        verify(trigger.signature, headers=headers, body=sample.body, secrets=[sample.secret], now=now)
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
