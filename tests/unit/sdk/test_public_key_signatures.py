"""Signatures by private keys: vendors' own vectors where they publish some, else made as their documentation says.

Vectors: SendGrid, github.com/sendgrid/sendgrid-python test/unit/test_eventwebhook.py; eBay,
github.com/eBay/event-notification-nodejs-sdk test/test.json (VALID, SIGNATURE_MISMATCH). Ed25519: RFC 8032, section
7.1, test 3, for the primitive; Discord and Telnyx publish no vector, theirs are signed here as their pages describe.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from ipaas.sdk.signatures import SCHEMES, SignatureInvalid, SignatureScheme, SigningSecretUnusable, sign, verify
from ipaas.sdk.testing_webhooks import key_pair

SENDGRID_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eN"
    "Ec6wEA3F+g=="
)
SENDGRID_SIGNATURE = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
SENDGRID_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":'
    b'"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":'
    b'"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":'
    b'"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)
SENDGRID_AT = datetime(2020, 9, 14, 19, 41, 42, tzinfo=UTC)
SENDGRID_HEADERS = {
    "X-Twilio-Email-Event-Webhook-Signature": SENDGRID_SIGNATURE,
    "X-Twilio-Email-Event-Webhook-Timestamp": "1600112502",
}
EBAY_KEY = (
    "-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZhhxXKtR+TOvtDbgTPCkSof02qgBB7IsYOyf76ilExJ/upAa/vKI"
    "KheOoCyOpcLmi4t0b4uepb7LLjmMr90FUg==-----END PUBLIC KEY-----"
)
EBAY_SIGNATURE = (
    "eyJhbGciOiJlY2RzYSIsImtpZCI6Ijk5MzYyNjFhLTdkN2ItNDYyMS1hMGYxLTk2Y2NiNDI4YWY0OSIsInNpZ25hdHVyZSI6Ik1FWUNJUUNmeGZJV3V4"
    "bVdjSUJRSjljNS9YN2lHREpxczJSQ0dzQkVhQWppbnlycmZBSWhBSVY2d0djVGlCdVY1S0pVaWYyaG9reXJMK1E5c3NIa2FkK214Mm5FRTI1dyIsImRp"
    "Z2VzdCI6IlNIQTEifQ=="
)
EBAY_MISMATCH = (
    "eyJhbGciOiJlY2RzYSIsImtpZCI6Ijk5MzYyNjFhLTdkN2ItNDYyMS1hMGYxLTk2Y2NiNDI4YWY0OSIsInNpZ25hdHVyZSI6Ik1FVUNJUUNHY1NubUFr"
    "VGZyK1paMlZnMGJXRW9zOGEvdGVCcWk3UGU2OCtoR21MTUNRSWdlRnZrcnRvKzhkczhSVndJM0dnbjFtTUdDck5NRVpKM1NSbE8yZngveHFJPSIsImRp"
    "Z2VzdCI6IlNIQTEifQ=="
)
EBAY_BODY = json.dumps(
    {
        "metadata": {"topic": "MARKETPLACE_ACCOUNT_DELETION", "schemaVersion": "1.0", "deprecated": False},
        "notification": {
            "notificationId": "49feeaeb-4982-42d9-a377-9645b8479411_33f7e043-fed8-442b-9d44-791923bd9a6d",
            "eventDate": "2021-03-19T20:43:59.462Z",
            "publishDate": "2021-03-19T20:43:59.679Z",
            "publishAttemptCount": 1,
            "data": {
                "username": "test_user",
                "userId": "ma8vp1jySJC",
                "eiasToken": "nY+sHZ2PrBmdj6wVnY+sEZ2PrA2dj6wJnY+gAZGEpwmdj6x9nY+seQ==",
            },
        },
    },
    separators=(",", ":"),
).encode()
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
BODY = b'{"id": 1}'
SIGNED = ["sendgrid", "discord", "telnyx", "public-key", "ebay"]


def scheme_of(name: str, **more: Any) -> SignatureScheme:
    given = {"header": "X-Signature", **more} if name == "public-key" else more
    return SignatureScheme.from_document({"scheme": name, **given})


def public_of(
    private: str, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo, to: Encoding = Encoding.DER
) -> bytes:
    return load_pem_private_key(private.encode(), None).public_key().public_bytes(to, form)


def test_sendgrids_own_vector_holds_within_its_window() -> None:
    scheme = scheme_of("sendgrid")
    verify(scheme, headers=SENDGRID_HEADERS, body=SENDGRID_BODY, secrets=[SENDGRID_KEY], now=SENDGRID_AT)
    configured = scheme_of("sendgrid", key=SENDGRID_KEY)
    assert (
        verify(configured, headers=SENDGRID_HEADERS, body=SENDGRID_BODY, secrets=[], now=SENDGRID_AT).secret_index == -1
    )
    for body, headers, later in (
        (SENDGRID_BODY[:-2], SENDGRID_HEADERS, 0),
        (SENDGRID_BODY, {**SENDGRID_HEADERS, "X-Twilio-Email-Event-Webhook-Timestamp": "1600112503"}, 0),
        (SENDGRID_BODY, SENDGRID_HEADERS, 400),
    ):
        with pytest.raises(SignatureInvalid):
            verify(
                scheme, headers=headers, body=body, secrets=[SENDGRID_KEY], now=SENDGRID_AT + timedelta(seconds=later)
            )


def test_ebays_own_vector_holds_and_its_mismatch_does_not() -> None:
    given = {"body": EBAY_BODY, "secrets": ["", EBAY_KEY], "now": NOW}
    assert verify(scheme_of("ebay"), headers={"x-ebay-signature": EBAY_SIGNATURE}, **given).secret_index == 1
    with pytest.raises(SignatureInvalid, match="no known public key"):
        verify(scheme_of("ebay"), headers={"x-ebay-signature": EBAY_MISMATCH}, **given)


def test_ed25519_is_that_of_rfc_8032() -> None:
    scheme = scheme_of("public-key", algorithm="ed25519", encoding="hex")
    key = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    signature = (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc0"
        "27beceea1ec40a"
    )
    verify(scheme, headers={"X-Signature": signature}, body=b"\xaf\x82", secrets=[key], now=NOW)
    with pytest.raises(SignatureInvalid):
        verify(scheme, headers={"X-Signature": signature}, body=b"\xaf\x83", secrets=[key], now=NOW)


@pytest.mark.parametrize(
    ("name", "signed", "encode"),
    [
        ("discord", b"%d" % NOW.timestamp() + BODY, bytes.hex),
        ("telnyx", b"%d|" % NOW.timestamp() + BODY, lambda one: base64.b64encode(one).decode()),
    ],
)
def test_what_discord_and_telnyx_document_is_what_is_checked(name: str, signed: bytes, encode: Any) -> None:
    private, _public = key_pair("ed25519")
    key: Any = load_pem_private_key(private.encode(), None)
    scheme = scheme_of(name)
    headers = {scheme.header: encode(key.sign(signed)), scheme.timestamp_header: str(int(NOW.timestamp()))}
    published = encode(public_of(private, PublicFormat.Raw, Encoding.Raw))
    assert verify(scheme, headers=headers, body=BODY, secrets=[published], now=NOW).timestamp == NOW.timestamp()


@pytest.mark.parametrize("algorithm", ["ecdsa-p256-sha256", "ed25519", "rsa-sha256"])
def test_a_key_is_read_in_every_usual_form_and_a_wrong_one_is_none(algorithm: str) -> None:
    private, public = key_pair(algorithm)
    scheme = scheme_of("public-key", algorithm=algorithm, timestamp_header="X-Time", signed="{timestamp}.{body}")
    headers = sign(scheme, body=BODY, secrets=[private], now=NOW, delivery_id="d-1")
    jose = {"ecdsa-p256-sha256": "ES256", "ed25519": "EdDSA", "rsa-sha256": "RS256"}[algorithm]
    key: Any = load_pem_private_key(private.encode(), None).public_key()
    jwk = jwt.get_algorithm_by_name(jose).to_jwk(key)
    other = key_pair(algorithm)[1]
    forms = [public, "".join(public.split("\n")).replace("-----B", "\n-----B").strip(), other + public, jwk,
             json.dumps({"keys": [json.loads(jwk)]}), base64.b64encode(public_of(private)).decode()]  # fmt: skip
    for form in forms:
        assert verify(scheme, headers=headers, body=BODY, secrets=[other, form], now=NOW).secret_index == 1
        assert verify(scheme, headers=headers, body=BODY, secrets=[], keys=[form], now=NOW).secret_index == -1
    with pytest.raises(SignatureInvalid):
        verify(scheme, headers=headers, body=BODY, secrets=[other], now=NOW)
    with pytest.raises(SigningSecretUnusable):
        sign(scheme, body=BODY, secrets=[public], now=NOW, delivery_id="d-1")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ecdsa-p256-sha256", ec.generate_private_key(ec.SECP384R1())),
        ("ecdsa-p256-sha256", ec.generate_private_key(ec.SECP256K1())),
        ("rsa-sha256", rsa.generate_private_key(65537, 1024)),  # noqa: S505 - too short on purpose
        ("ed25519", ec.generate_private_key(ec.SECP256R1())),
    ],
    ids=["P-384", "secp256k1", "short RSA", "P-256"],
)
def test_a_key_of_another_curve_kind_or_length_verifies_nothing(algorithm: str, key: Any) -> None:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    scheme = scheme_of("public-key", algorithm=algorithm)
    try:
        headers = sign(scheme, body=BODY, secrets=[private], now=NOW, delivery_id="d-1")
    except SigningSecretUnusable:
        headers = {"X-Signature": "QUJD"}
    with pytest.raises(SignatureInvalid, match="knows no public key of the kind"):
        verify(scheme, headers=headers, body=BODY, secrets=[public], now=NOW)


def test_ecdsa_comes_in_der_or_as_two_plain_numbers() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    first, second = decode_dss_signature(key.sign(BODY, ec.ECDSA(SHA256())))
    plain = base64.b64encode(first.to_bytes(32) + second.to_bytes(32)).decode()
    scheme = scheme_of("public-key", algorithm="ecdsa-p256-sha256")
    verify(scheme, headers={"X-Signature": plain}, body=BODY, secrets=[public], now=NOW)


@pytest.mark.parametrize("name", SIGNED)
@given(garbage=st.text(max_size=200), secret=st.text(max_size=100), body=st.binary(max_size=60))
def test_garbage_is_a_refusal_and_never_another_error(name: str, garbage: str, secret: str, body: bytes) -> None:
    scheme = scheme_of(name, algorithm="ed25519") if name == "public-key" else scheme_of(name)
    headers = {scheme.header: garbage, scheme.timestamp_header or "x": str(int(NOW.timestamp()))}
    with pytest.raises(SignatureInvalid):
        verify(scheme, headers=headers, body=body, secrets=[secret], now=NOW)


def test_an_ebay_header_of_odd_members_is_refused() -> None:
    odd: list[Any] = [[], {"signature": 1}, {"signature": "a"}, {"signature": "QUJD", "digest": "MD5"}, "x", None]
    for told in odd:
        header = base64.b64encode(json.dumps(told).encode()).decode()
        with pytest.raises(SignatureInvalid):
            verify(scheme_of("ebay"), headers={"X-EBAY-SIGNATURE": header}, body=BODY, secrets=[EBAY_KEY], now=NOW)


def test_every_scheme_of_keys_is_known_here() -> None:
    assert {name for name, one in SCHEMES.items() if one.kind in {"public-key", "ebay"}} == set(SIGNED)
