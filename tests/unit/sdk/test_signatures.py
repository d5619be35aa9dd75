"""Signing and verifying webhooks."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from ipaas.core import jsonio
from ipaas.sdk.signatures import (
    STANDARD_WEBHOOKS,
    SignatureInvalid,
    SignatureScheme,
    SigningSecretUnusable,
    sign,
    signed_body,
    verify,
    without_token,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHSEC = "whsec_" + base64.b64encode(b"k" * 24).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()
STANDARD = STANDARD_WEBHOOKS
PLAIN = SignatureScheme(kind="hmac", header="X-Shop-Hmac", encoding="base64")
HUB = SignatureScheme(kind="hmac", header="X-Hub-Signature-256", prefix="sha256=")
PAIRS = SignatureScheme(
    kind="hmac", header="Pay-Signature", signed="{timestamp}.{body}", pairs=("t", "v1"), algorithm="sha512"
)
TIMED = SignatureScheme(
    kind="hmac",
    header="X-Sig",
    signed="{id}:{timestamp}:{body}",
    timestamp_header="X-Time",
    timestamp_unit="ms",
    id_header="X-Id",
    algorithm="sha1",
)
DATED = SignatureScheme(
    kind="hmac",
    header="X-Sig",
    encoding="base64",
    signed="{timestamp}{body}",
    timestamp_header="X-Time",
    timestamp_unit="iso",
)
ADDRESSED = SignatureScheme(
    kind="hmac",
    header="X-Sig",
    encoding="base64",
    signed="POST{url}{body}{timestamp}",
    timestamp_header="X-Time",
    timestamp_unit="ms",
)
GENERIC = [PLAIN, HUB, PAIRS, TIMED, DATED, ADDRESSED]
BODY = b'{"order":{"id":1001}}'


def secret_for(scheme: SignatureScheme) -> str:
    return WHSEC if scheme.kind == "standard-webhooks" else "shpss_0123456789"


@pytest.mark.parametrize("scheme", [STANDARD, *GENERIC])
def test_what_we_sign_verifies(scheme: SignatureScheme) -> None:
    secret = secret_for(scheme)
    headers = sign(scheme, body=BODY, secrets=[secret], now=NOW, delivery_id="evt_1")
    assert verify(scheme, headers=headers, body=BODY, secrets=[secret], now=NOW).secret_index == 0


@pytest.mark.parametrize("scheme", [STANDARD, *GENERIC])
def test_a_changed_body_or_secret_is_refused(scheme: SignatureScheme) -> None:
    secret = secret_for(scheme)
    headers = sign(scheme, body=BODY, secrets=[secret], now=NOW, delivery_id="evt_1")
    with pytest.raises(SignatureInvalid):
        verify(scheme, headers=headers, body=BODY + b" ", secrets=[secret], now=NOW)
    wrong = OTHER if scheme is STANDARD else "another"
    with pytest.raises(SignatureInvalid):
        verify(scheme, headers=headers, body=BODY, secrets=[wrong], now=NOW)


def test_the_reference_implementation_agrees_both_ways() -> None:
    moment = datetime.now(UTC)
    reference = Webhook(WHSEC)
    ours = sign(STANDARD, body=BODY, secrets=[WHSEC], now=moment, delivery_id="msg_1")
    assert reference.verify(BODY, ours) == {"order": {"id": 1001}}
    theirs = {
        "webhook-id": "msg_2",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": reference.sign("msg_2", moment, BODY.decode()),
    }
    assert verify(STANDARD, headers=theirs, body=BODY, secrets=[WHSEC], now=moment).delivery_id == "msg_2"


def test_a_storefront_style_header_is_the_plain_base64_hmac_of_the_body() -> None:
    digest = base64.b64encode(hmac.new(b"s3cret", BODY, hashlib.sha256).digest()).decode()
    assert verify(PLAIN, headers={"x-shop-hmac": digest}, body=BODY, secrets=["s3cret"], now=NOW)


def test_both_live_secrets_verify_during_a_rotation() -> None:
    for index, secret in enumerate([WHSEC, OTHER]):
        headers = sign(STANDARD, body=BODY, secrets=[secret], now=NOW, delivery_id="m")
        assert verify(STANDARD, headers=headers, body=BODY, secrets=[WHSEC, OTHER], now=NOW).secret_index == index


def test_standard_webhooks_sends_a_signature_for_each_live_secret() -> None:
    headers = sign(STANDARD, body=BODY, secrets=[WHSEC, OTHER], now=NOW, delivery_id="m")
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert verify(STANDARD, headers=headers, body=BODY, secrets=[OTHER], now=NOW)


@pytest.mark.parametrize("scheme", [STANDARD, PAIRS, TIMED])
@pytest.mark.parametrize("offset", [-301, 301])
def test_a_timestamp_outside_the_window_is_refused(scheme: SignatureScheme, offset: int) -> None:
    secret = secret_for(scheme)
    headers = sign(scheme, body=BODY, secrets=[secret], now=NOW + timedelta(seconds=offset), delivery_id="m")
    with pytest.raises(SignatureInvalid):
        verify(scheme, headers=headers, body=BODY, secrets=[secret], now=NOW)


@pytest.mark.parametrize("scheme", [STANDARD, *GENERIC])
@pytest.mark.parametrize("name", ["header", "timestamp_header", "id_header"])
@given(garbage=st.text(max_size=200) | st.from_regex(r"v1,[A-Za-z0-9+/=]{0,60}") | st.from_regex(r"t=\d{0,30},v1=.*"))
def test_garbage_is_a_refusal_and_never_another_error(scheme: SignatureScheme, name: str, garbage: str) -> None:
    secret = secret_for(scheme)
    headers = sign(scheme, body=BODY, secrets=[secret], now=NOW, delivery_id="m")
    standard = {"header": "webhook-signature", "timestamp_header": "webhook-timestamp", "id_header": "webhook-id"}
    key = standard[name] if scheme is STANDARD else getattr(scheme, name)
    if not key or headers.get(key) == garbage:
        return
    headers[key] = garbage
    try:
        verify(scheme, headers=headers, body=BODY, secrets=[secret], now=NOW)
    except SignatureInvalid:
        return
    assert name == "header", "only an equal digest in another spelling may pass"


@pytest.mark.parametrize("secrets", [[], [""], ["whsec_%%%"], ["whsec_ä"]])
def test_unusable_secrets_verify_nothing_and_do_not_sign(secrets: list[str]) -> None:
    headers = sign(STANDARD, body=BODY, secrets=[WHSEC], now=NOW, delivery_id="m")
    with pytest.raises(SignatureInvalid):
        verify(STANDARD, headers=headers, body=BODY, secrets=secrets, now=NOW)
    with pytest.raises(SigningSecretUnusable):
        sign(STANDARD, body=BODY, secrets=secrets, now=NOW, delivery_id="m")


def test_a_scheme_is_read_from_its_document() -> None:
    document = {"scheme": "hmac", "header": "X-S", "pairs": {"timestamp": "t", "signature": "v1"}}
    assert SignatureScheme.from_document(document).pairs == ("t", "v1")
    assert SignatureScheme.from_document({"scheme": "standard-webhooks"}).kind == "standard-webhooks"
    assert SignatureScheme.from_document({"scheme": "none"}).kind == "none"


def test_a_date_is_a_timestamp_with_its_replay_window() -> None:
    known = {"secrets": ["shpss_0123456789"], "body": BODY}
    headers = sign(DATED, now=NOW, delivery_id="evt_1", **known)  # type: ignore[arg-type]  # one of each
    assert headers["X-Time"] == "2026-03-01T12:00:00Z"
    assert verify(DATED, headers=headers, now=NOW, **known).timestamp == int(NOW.timestamp())  # type: ignore[arg-type]
    with pytest.raises(SignatureInvalid, match="too old"):
        verify(DATED, headers=headers, now=NOW + timedelta(seconds=301), **known)  # type: ignore[arg-type]
    for text in ("yesterday", "2026-03-01T12:00:00", "1772366400", "٢٠٢٦-03-01T12:00:00Z"):
        with pytest.raises(SignatureInvalid, match="not a date with time and zone"):
            verify(DATED, headers={**headers, "X-Time": text}, now=NOW, **known)  # type: ignore[arg-type]


def test_an_address_that_is_signed_is_the_only_one() -> None:
    here, there = "https://hooks.example.com/a", "https://hooks.example.com/b"
    headers = sign(ADDRESSED, body=BODY, secrets=["s"], now=NOW, delivery_id="evt_1", url=here)
    assert verify(ADDRESSED, headers=headers, body=BODY, secrets=["s"], now=NOW, url=here).secret_index == 0
    with pytest.raises(SignatureInvalid, match="no live secret"):
        verify(ADDRESSED, headers=headers, body=BODY, secrets=["s"], now=NOW, url=there)


# -- a token in the body ---------------------------------------------------------------------------------------------

STATES = SignatureScheme.from_document({"scheme": "token", "path": "value.clientState"})


def states(*tokens: object) -> bytes:
    return jsonio.dumps({"value": [{"clientState": one, "resource": "r"} for one in tokens]})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (states(), "holds no token"),
        (states("state-of-one", None), "holds no token"),
        (states("state-of-one", "state-of-two"), "different tokens"),
        (states("state-of-one", "guessed"), "no live secret"),
        (states(""), "no live secret"),
        (states(1), "holds no token"),
        (states(["state-of-one", {}]), "holds no token"),
        (b'{"value": {"clientState": {"clientState": "state-of-one"}}}', "holds no token"),
        (b'{"value": [{"resource": "r"}]}', "holds no token"),
        (b"[]", "holds no token"),
        (b"{", "holds no token"),
        (b"\xff", "holds no token"),
    ],
)
def test_every_element_bears_the_same_live_token(body: bytes, reason: str) -> None:
    secrets = ["state-of-one", "state-of-two"]
    with pytest.raises(SignatureInvalid, match=reason):
        verify(STATES, headers={}, body=body, secrets=secrets, now=NOW)
    assert verify(STATES, headers={}, body=states("state-of-two"), secrets=secrets, now=NOW).secret_index == 1


def test_a_token_is_put_into_the_body_that_is_sent_and_out_of_the_one_that_is_kept() -> None:
    sent = signed_body(STATES, body=b'{"value":[{"id":1.50},{"id":2}],"n":1}', secrets=["state-of-one"])
    assert verify(STATES, headers={}, body=sent, secrets=["state-of-one"], now=NOW).secret_index == 0
    assert sign(STATES, body=sent, secrets=["state-of-one"], now=NOW, delivery_id="d") == {}
    kept = without_token(STATES, jsonio.loads(sent))
    assert jsonio.dumps(kept) == b'{"value":[{"id":1.50,"clientState":null},{"id":2,"clientState":null}],"n":1}'
    assert without_token(PLAIN, kept) is kept
