"""Signature schemes of vendors, each against what the vendor itself documents or its own library makes."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema_rs
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ipaas.cli import endpoints
from ipaas.sdk.manifest_reader import manifest_schema
from ipaas.sdk.signatures import (
    SCHEMES,
    SignatureInvalid,
    SignatureScheme,
    SigningSecretUnusable,
    sign,
    signed_body,
    verify,
)

FORM = "application/x-www-form-urlencoded"
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
ADYEN = {
    "pspReference": "7914073381342284",
    "merchantAccountCode": "TestMerchant",
    "merchantReference": "TestPayment-1407325143704",
    "amount": {"value": 1130, "currency": "EUR"},
    "eventCode": "AUTHORISATION",
    "success": "true",
}
ADYEN_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
EC_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
EC_TOKEN = (
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
HS_TOKEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiYWRtaW4iOnRydWUsImlhdCI6"
    "MTUxNjIzOTAyMn0.KMUFsIDTnFmyG3nMiGM6H9FNFUROf3wh7SmqJp-QV30"
)


def notification(**changes: Any) -> bytes:
    item = {**ADYEN, "additionalData": {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="}, **changes}
    return json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}).encode()


@dataclass(frozen=True)
class Sample:
    """A delivery as a vendor documents it."""

    scheme: dict[str, Any]
    secret: str
    body: bytes
    headers: dict[str, str]
    at: int = 1_700_000_000
    url: str = "https://example.com/webhook"
    binds_body: bool = True
    scheme_object: SignatureScheme = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scheme_object", SignatureScheme.from_document(self.scheme))

    def check(self, **changes: Any) -> int:
        given = {"headers": self.headers, "body": self.body, "secrets": [self.secret], "url": self.url,
                 "now": datetime.fromtimestamp(self.at, UTC)}  # fmt: skip
        return verify(self.scheme_object, **(given | changes)).secret_index


TWILIO_FORM = b"CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%2B18005551212"
TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TWILIO_JSON = b'{"property": "value", "boolean": true}'
TWILIO_DIGEST = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"

SAMPLES = {
    # docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation"
    "github": Sample(
        {"scheme": "github"}, "It's a Secret to Everybody", b"Hello, World!",
        {"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
    ),
    # made by Stripe's own library, stripe-python 16.1.0: WebhookSignature._compute_signature
    "stripe": Sample(
        {"scheme": "stripe"}, "whsec_test_secret",
        b'{"id":"evt_1MqqbKLt4dXK03v5qaIbiNCC","object":"event","type":"payment_intent.succeeded"}',
        {"Stripe-Signature": "t=1492774577,v1=921ef4ba0c1b8a8704451f5f8965f807baadf0dd73578c99954af6cd1946fb9a,v0=6"},
        at=1_492_774_600,
    ),
    # shopify.dev, "Verify webhook deliveries": base64 of the HMAC-SHA256; Shopify gives no sample, so made by
    # openssl dgst -sha256 -hmac hush -binary | base64
    "shopify": Sample(
        {"scheme": "shopify"}, "hush", b'{"id":820982911946154508,"email":"jon@example.com"}',
        {"X-Shopify-Hmac-Sha256": "D0UMXmhjwBRi4y66TmhJrDlhQABD7zI2fm3p6/QLMo8="},
    ),
    # docs.slack.dev, "Verifying requests from Slack"
    "slack": Sample(
        {"scheme": "slack"}, "8f742231b10e8888abcd99yyyzzz85a5", SLACK_BODY,
        {"X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
         "X-Slack-Request-Timestamp": "1531420618"},
        at=1_531_420_700,
    ),
    # twilio.com/docs/usage/security, "Validating signatures from Twilio"
    "twilio": Sample(
        {"scheme": "twilio"}, "12345", TWILIO_FORM,
        {"X-Twilio-Signature": "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "Content-Type": FORM}, url=TWILIO_URL,
    ),
    # the same page on JSON bodies; the sample is that of Twilio's helper libraries
    "twilio json": Sample(
        {"scheme": "twilio"}, "12345", TWILIO_JSON,
        {"X-Twilio-Signature": "a9nBmqA0ju/hNViExpshrM61xv4=", "Content-Type": "application/json"},
        url=f"{TWILIO_URL}&bodySHA256={TWILIO_DIGEST}",
    ),
    # developer.squareup.com, "Verify and validate an event notification"
    "square": Sample(
        {"scheme": "square"}, "asdf1234", b'{"hello":"world"}',
        {"X-Square-HmacSha256-Signature": "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og="},
    ),
    # docs.adyen.com, "Verify HMAC signatures", standard webhooks
    "adyen": Sample({"scheme": "adyen"}, ADYEN_KEY, notification(), {}),
    # RFC 7617, section 2
    "basic": Sample(
        {"scheme": "basic"}, "Aladdin:open sesame", b"{}", {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        binds_body=False,
    ),
    # docs.gitlab.com, "Webhooks": the secret token comes back as it is
    "token": Sample(
        {"scheme": "token", "header": "X-Gitlab-Token", "prefix": ""}, "a-long-token", b"{}",
        {"X-Gitlab-Token": "a-long-token"}, binds_body=False,
    ),
    # RFC 7515, appendix A.3 (its exp is 1300819380)
    "jwt": Sample(
        {"scheme": "jwt", "algorithm": "ES256", "issuer": "joe"}, json.dumps(EC_KEY), b"{}",
        {"Authorization": f"Bearer {EC_TOKEN}"}, at=1_300_819_000, binds_body=False,
    ),
    # the sample of the debugger at jwt.io
    "jwt shared": Sample(
        {"scheme": "jwt", "algorithm": "HS256"}, "a-string-secret-at-least-256-bits-long", b"{}",
        {"Authorization": f"Bearer {HS_TOKEN}"}, at=1_516_239_100, binds_body=False,
    ),
    # github.com/standard-webhooks/standard-webhooks, spec, "Signature scheme"
    "standard-webhooks": Sample(
        {"scheme": "standard-webhooks"}, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}',
        {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
         "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        at=1_614_265_400,
    ),
}  # fmt: skip
ALL = pytest.mark.parametrize("name", SAMPLES)


@ALL
def test_the_vendors_own_sample_is_taken(name: str) -> None:
    assert SAMPLES[name].check() == 0
    assert SAMPLES[name].check(secrets=["some-other-secret", SAMPLES[name].secret]) == 1


@ALL
def test_another_secret_none_or_no_header_is_refused(name: str) -> None:
    for changes in ({"secrets": ["some-other-secret"]}, {"secrets": []}, {"secrets": [""]}, {"headers": {}}):
        if name == "adyen" and "headers" in changes:
            continue
        with pytest.raises(SignatureInvalid):
            SAMPLES[name].check(**changes)


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.binds_body])
def test_another_body_is_refused(name: str) -> None:
    sample = SAMPLES[name]
    body = notification(amount={"value": 9, "currency": "EUR"}) if name == "adyen" else sample.body + b"1"
    with pytest.raises(SignatureInvalid):
        sample.check(body=body)


@pytest.mark.parametrize("name", ["stripe", "slack", "standard-webhooks", "jwt", "jwt shared"])
def test_an_old_delivery_is_outside_the_replay_window(name: str) -> None:
    with pytest.raises(SignatureInvalid):
        SAMPLES[name].check(now=datetime.fromtimestamp(SAMPLES[name].at, UTC) + timedelta(minutes=10))


@pytest.mark.parametrize("name", ["twilio", "twilio json", "square"])
def test_a_signed_address_is_the_one_that_the_sender_knows(name: str) -> None:
    sample = SAMPLES[name]
    with pytest.raises(SignatureInvalid):
        sample.check(url=sample.url.replace("https://", "https://evil."))
    pinned = SignatureScheme.from_document({**sample.scheme, "url": sample.url})
    moment = datetime.fromtimestamp(sample.at, UTC)
    assert verify(pinned, headers=sample.headers, body=sample.body, secrets=[sample.secret], now=moment, url="http://x")


def test_twilio_may_sign_the_usual_port_or_leave_it_out() -> None:
    assert SAMPLES["twilio"].check(url=TWILIO_URL.replace(".com", ".com:443")) == 0
    with pytest.raises(SignatureInvalid):
        SAMPLES["twilio"].check(url=TWILIO_URL.replace(".com", ".com:8443"))


def test_a_twilio_body_that_nothing_vouches_for_is_refused() -> None:
    sample = SAMPLES["twilio json"]
    for url in (TWILIO_URL, f"{TWILIO_URL}&bodySHA256=", f"{TWILIO_URL}&bodySHA256={'0' * 64}"):
        headers = {**sign(sample.scheme_object, body=sample.body, secrets=["12345"], now=datetime.now(UTC),
                          delivery_id="d", url=sample.url), "Content-Type": "application/json"}  # fmt: skip
        with pytest.raises(SignatureInvalid):
            sample.check(url=url, headers=headers)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"notificationItems": []}', b'{"notificationItems": [{}]}', b'{"notificationItems": 7}',
     notification(additionalData={}), notification(additionalData={"hmacSignature": 7}), notification(success="false"),
     notification(pspReference="\ud800")],
)  # fmt: skip
def test_an_adyen_notification_without_a_right_signature_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        SAMPLES["adyen"].check(body=body)


def test_one_unsigned_adyen_notification_among_signed_ones_is_refused() -> None:
    document = json.loads(notification())
    forged = {**ADYEN, "pspReference": "1", "additionalData": {"hmacSignature": "A" * 43 + "="}}
    document["notificationItems"].append({"NotificationRequestItem": forged})
    with pytest.raises(SignatureInvalid):
        SAMPLES["adyen"].check(body=json.dumps(document).encode())


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in {"jwt", "twilio json"}])
def test_what_we_sign_ourselves_verifies(name: str) -> None:
    sample = SAMPLES[name]
    scheme, moment = sample.scheme_object, datetime.fromtimestamp(sample.at, UTC)
    body = signed_body(scheme, body=sample.body, secrets=[sample.secret])
    headers = sign(scheme, body=body, secrets=[sample.secret], now=moment, delivery_id="d-1", url=sample.url)
    kind = {"Content-Type": FORM} if name == "twilio" else {}
    assert sample.check(body=body, headers={**kind, **headers}) == 0
    with pytest.raises(SigningSecretUnusable):
        sign(scheme, body=body, secrets=[], now=moment, delivery_id="d-1", url=sample.url)


@ALL
@given(garbage=st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")), body=st.binary())
def test_garbage_is_a_refusal_and_never_another_error(name: str, garbage: str, body: bytes) -> None:
    sample = SAMPLES[name]
    for header in sample.headers:
        try:
            sample.check(headers={**sample.headers, header: garbage}, body=body)
        except SignatureInvalid:
            continue
        assert not sample.binds_body
        assert name in {"basic", "token", "jwt", "jwt shared"}


# -- JSON Web Tokens -------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = int(NOW.timestamp())
SHARED = "s" * 64
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key: Any, algorithm: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**made, **more}


def segment(head: bytes) -> str:
    """A token's header from ``name: value``."""
    name, _, value = head.decode().partition(": ")
    return base64.urlsafe_b64encode(json.dumps({name: value}).encode()).rstrip(b"=").decode()


def check_token(token: str, secret: str, body: bytes = b"{}", **scheme: Any) -> None:
    made = SignatureScheme.from_document({"scheme": "jwt", **scheme})
    verify(made, headers={"Authorization": f"Bearer {token}"}, body=body, secrets=[secret], now=NOW)


def test_the_algorithm_is_the_endpoints_and_never_the_tokens() -> None:
    """RFC 8725, 2.1: no ``none``, and no public key taken for a shared secret."""
    claims = {"exp": MOMENT + 60}
    payload = jwt.encode(claims, SHARED).split(".")[1]
    unsigned = f"{segment(b'alg: none')}.{payload}."
    signing = f"{segment(b'alg: HS256')}.{payload}"
    digest = jwt.get_algorithm_by_name("HS256").sign(signing.encode(), PEM.encode())
    confused = f"{signing}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    for token in (unsigned, confused, jwt.encode(claims, SHARED, "HS512")):
        for secret in (PEM, SHARED):
            for algorithm in ("RS256", "HS256"):
                with pytest.raises(SignatureInvalid):
                    check_token(token, secret, algorithm=algorithm)


def test_keys_of_a_set_are_chosen_by_their_id_and_their_use() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    keys = {"keys": [jwk(RSA, "RS256", kid="a", alg="RS256"), jwk(curve, "ES256", kid="b"), {"kty": "oct", "k": "c2"}]}
    token = jwt.encode({"exp": MOMENT + 60}, curve, "ES256", headers={"kid": "b"})
    check_token(token, json.dumps(keys), algorithm="ES256")
    check_token(jwt.encode({"iat": MOMENT}, RSA, "RS256"), PEM, algorithm="RS256")
    wrong = jwt.encode({"exp": MOMENT + 60}, curve, "ES256", headers={"kid": "a"})
    enciphering = {"keys": [jwk(curve, "ES256", kid="b", use="enc")]}
    for one, secret in ((wrong, json.dumps(keys)), (token, json.dumps(enciphering)), (token, "{}"), (token, "[1]")):
        with pytest.raises(SignatureInvalid):
            check_token(one, secret, algorithm="ES256")


@pytest.mark.parametrize(
    ("claims", "scheme"),
    [
        ({}, {}),
        ({"exp": MOMENT - 61}, {}),
        ({"exp": "soon"}, {}),
        ({"exp": True}, {}),
        ({"exp": 10**30}, {}),
        ({"iat": MOMENT - 400}, {}),
        ({"iat": MOMENT + 120}, {}),
        ({"exp": MOMENT + 60, "nbf": MOMENT + 120}, {}),
        ({"exp": MOMENT + 60, "iss": "eve"}, {"issuer": "joe"}),
        ({"exp": MOMENT + 60}, {"audience": "us"}),
        ({"exp": MOMENT + 60, "aud": ["them"]}, {"audience": "us"}),
        ({"exp": MOMENT + 60}, {"body_claim": "digest"}),
        ({"exp": MOMENT + 60, "digest": "0" * 64}, {"body_claim": "digest"}),
    ],
)
def test_a_token_of_another_time_issuer_audience_or_body_is_refused(
    claims: dict[str, Any], scheme: dict[str, Any]
) -> None:
    token = jwt.encode(claims, SHARED, "HS256")
    with pytest.raises(SignatureInvalid):
        check_token(token, SHARED, algorithm="HS256", **scheme)


def test_a_short_shared_secret_verifies_nothing_and_signs_nothing() -> None:
    """RFC 7518, 3.2: a key as long as the digest."""
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.encode({"iat": MOMENT}, "short", "HS256")
    with pytest.raises(SignatureInvalid):
        check_token(token, "short", algorithm="HS256")
    scheme = SignatureScheme.from_document({"scheme": "jwt", "algorithm": "HS256"})
    with pytest.raises(SigningSecretUnusable):
        sign(scheme, body=b"{}", secrets=["short"], now=NOW, delivery_id="d")


def test_nobody_signs_with_a_public_key() -> None:
    with pytest.raises(SigningSecretUnusable):
        sign(SCHEMES["jwt"], body=b"{}", secrets=[PEM], now=NOW, delivery_id="d")


# -- the form of a signature in documents ----------------------------------------------------------------------------


BARE = {"hmac", "jwt", "public-key", "client-certificate"}
"""Schemes that say nothing without their members."""


@pytest.mark.parametrize(
    ("document", "good"),
    [
        *(({"scheme": name}, name not in BARE) for name in SCHEMES),
        ({"scheme": "hmac", "header": "X-S"}, True),
        ({"scheme": "hmac", "header": "X-S\r\nX: 1"}, False),
        ({"scheme": "hmac", "header": "X-S", "algorithm": "HS256"}, False),
        ({"scheme": "jwt", "algorithm": "HS256", "jwks_url": "https://example.com/keys"}, True),
        ({"scheme": "jwt", "algorithm": "none"}, False),
        ({"scheme": "jwt", "algorithm": "sha256"}, False),
        ({"scheme": "github", "header": "X-Mine"}, False),
        ({"scheme": "stripe", "tolerance_s": 60}, True),
        ({"scheme": "twilio", "url": "https://example.com/x"}, True),
        ({"scheme": "twilio", "url": "ftp://example.com/x"}, False),
        ({"scheme": "token", "header": "X-Gitlab-Token", "prefix": ""}, True),
        ({"scheme": "public-key", "header": "X-S", "algorithm": "ed25519", "key": "0" * 64}, True),
        ({"scheme": "public-key", "header": "X-S", "algorithm": "sha256"}, False),
        ({"scheme": "sendgrid", "key": "0" * 64, "header": "X-S"}, False),
        ({"scheme": "client-certificate", "fingerprints": ["a1:" * 31 + "A1"]}, True),
        ({"scheme": "client-certificate", "fingerprints": ["a1"]}, False),
        ({"scheme": "client-certificate", "authority": "-----BEGIN CERTIFICATE-----" + "A" * 40}, False),
        ({"scheme": "saml"}, False),
    ],
)
def test_a_document_says_only_what_its_scheme_knows(document: dict[str, Any], *, good: bool) -> None:
    schema = manifest_schema()
    form = jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/signature", "$defs": schema["$defs"]})
    assert form.is_valid(document) is good
    if good:
        assert SignatureScheme.from_document(document)


def test_schema_command_and_code_name_the_same_schemes() -> None:
    named = manifest_schema()["$defs"]["signature"]["properties"]["scheme"]["enum"]
    assert set(named) == set(SCHEMES) == set(endpoints.SCHEMES)
