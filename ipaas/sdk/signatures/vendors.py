"""Schemes of single vendors that no description of a keyed digest could say.

Sources: twilio.com/docs/usage/security ("Validating requests are coming from Twilio");
developer.squareup.com/docs/webhooks/step3validate; docs.adyen.com "Verify HMAC signatures" (standard webhooks).
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ipaas.core import jsonio
from ipaas.core.phrases import said
from ipaas.sdk.paths import MISSING, read_path
from ipaas.sdk.signatures.hmacs import digests, matching
from ipaas.sdk.signatures.scheme import (
    SCHEMES,
    Delivery,
    SignatureInvalid,
    SignatureScheme,
    SigningSecretUnusable,
    Verified,
    header_of,
)

MAX_FIELDS = 1_000
MAX_ITEMS = 100
_PORTS = {"http": 80, "https": 443}
_FORM = "application/x-www-form-urlencoded"


# -- Twilio: the address, then every form parameter by its name ------------------------------------------------------


def verify_twilio(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    """The address with or without its usual port, as Twilio itself is not of one mind about it."""
    presented = header_of(delivery.headers, form.header)
    fields = _twilio_fields(delivery)
    texts = [(url + fields).encode() for url in _with_and_without_port(delivery.url)]
    return Verified(None, None, matching(form, [presented], secrets, texts))


def sign_twilio(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    """Signs a body of form parameters; a JSON body is signed by the address, which must hold ``bodySHA256``."""
    del delivery_id
    kind = {} if b"{" in delivery.body[:1] else {"content-type": _FORM}
    fields = _twilio_fields(Delivery(kind, delivery.body, delivery.url, delivery.now))
    return {form.header: digests(form, secrets, (delivery.url + fields).encode())[0]}


def _twilio_fields(delivery: Delivery) -> str:
    query = dict(parse_qsl(urlsplit(delivery.url).query, keep_blank_values=True))
    if delivery.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        try:
            text = delivery.body.decode("utf-8")
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        except ValueError:
            raise SignatureInvalid(reason=said("the form parameters can not be read")) from None
        return "".join(name + value for name, value in sorted(set(pairs)))
    digest = hashlib.sha256(delivery.body).hexdigest()
    if not hmac.compare_digest(query.get("bodySHA256", "").lower().encode(), digest.encode()):
        raise SignatureInvalid(reason=said("the address does not vouch for the body (bodySHA256)"))
    return ""


def _with_and_without_port(url: str) -> list[str]:
    parts = urlsplit(url)
    usual = _PORTS.get(parts.scheme)
    if usual is None or parts.hostname is None or parts.port not in (None, usual):
        return [url]
    host = parts.netloc.removesuffix(f":{usual}")
    return [urlunsplit(parts._replace(netloc=one)) for one in (host, f"{host}:{usual}")]


# -- Square: the address, then the body ------------------------------------------------------------------------------


def verify_square(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    presented = header_of(delivery.headers, form.header)
    return Verified(None, None, matching(form, [presented], secrets, [delivery.url.encode() + delivery.body]))


def sign_square(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    del delivery_id
    return {form.header: digests(form, secrets, delivery.url.encode() + delivery.body)[0]}


# -- Adyen: members of each notification, the signature among its data -----------------------------------------------

_SIGNED = (
    "pspReference",
    "originalReference",
    "merchantAccountCode",
    "merchantReference",
    "amount.value",
    "amount.currency",
    "eventCode",
    "success",
)


def verify_adyen(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    """Every notification must be signed, all with the same live secret."""
    try:
        items = _notifications(jsonio.loads(delivery.body))
    except jsonio.JsonInvalid:
        raise SignatureInvalid(reason=said("the body is not JSON")) from None
    if not items:
        raise SignatureInvalid(reason=said("the body holds no notifications"))
    indexes = set()
    for item in items:
        presented = read_path(item, "additionalData.hmacSignature")
        if not isinstance(presented, str):
            raise SignatureInvalid(reason=said("a notification holds no signature"))
        indexes.add(matching(form, [presented], secrets, [_notification_text(item)]))
    if len(indexes) > 1:
        raise SignatureInvalid(reason=said("the notifications are signed with different secrets"))
    return Verified(None, None, indexes.pop())


def with_adyen_signatures(body: bytes, secrets: Sequence[str]) -> bytes:
    """The notifications with their signatures; raises SigningSecretUnusable."""
    document = jsonio.loads(body)
    for item in _notifications(document):
        found = digests(SCHEMES["adyen"], secrets, _notification_text(item))[0]
        data = item.get("additionalData")
        item["additionalData"] = {**(data if isinstance(data, dict) else {}), "hmacSignature": found}
    return jsonio.dumps(document)


def sign_nothing(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    """No header: the signature is in the body."""
    del form, delivery, delivery_id
    if not secrets:
        raise SigningSecretUnusable(reason=said("none is given"))
    return {}


def _notifications(document: Any) -> list[dict[str, Any]]:
    items = document.get("notificationItems") if isinstance(document, dict) else None
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        return []
    found = [item.get("NotificationRequestItem") if isinstance(item, dict) else None for item in items]
    return [item for item in found if isinstance(item, dict)] if all(isinstance(one, dict) for one in found) else []


def _notification_text(item: dict[str, Any]) -> bytes:
    """The signed members, joined by colons as they are; an absent one is empty."""
    return ":".join(_word(read_path(item, name)) for name in _SIGNED).encode("utf-8", "surrogatepass")


def _word(value: Any) -> str:
    if value is MISSING or value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
