"""Client certificates handed on by a proxy, in every form of header, and PayPal's published ones."""

import base64
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import Store
from hypothesis import given
from hypothesis import strategies as st

from ipaas.sdk.signatures import SignatureInvalid, SignatureScheme, SigningSecretUnusable, paypal, sign, verify
from ipaas.sdk.signatures.certificates import MOST_CHARS
from tests.factories.certificates import Authority, Issued

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
AUTHORITY = Authority("Partner CA", NOW)
PARTNER = AUTHORITY.issue("partner", names=["partner.example", "urn:partner:1"])


def header_rfc9440(one: Issued) -> str:
    return f":{base64.b64encode(one.der).decode()}:"


FORMS = {
    "RFC 9440": header_rfc9440,
    "nginx": lambda one: quote(one.pem, safe=""),
    "blanks": lambda one: one.pem.strip().replace("\n", " "),
    "bare": lambda one: base64.b64encode(one.der).decode(),
    "Envoy": lambda one: f'By=spiffe://a;Hash=00;Cert="{quote(one.pem, safe="")}";Subject="CN=x, O=y";URI=spiffe://b',
    "Envoy, appended": lambda one: f'Hash=11;Cert="{quote("garbage")}",By=x;Cert="{quote(one.pem, safe="")}"',
}


def check(header: str, now: datetime = NOW, **scheme: Any) -> None:
    form = SignatureScheme.from_document({"scheme": "client-certificate", **scheme})
    verify(form, headers={}, body=b"{}", secrets=[], now=now, certificate=header)


@pytest.mark.parametrize("form", FORMS)
def test_a_pinned_certificate_is_taken_in_every_form_of_header(form: str) -> None:
    header = FORMS[form](PARTNER)
    check(header, fingerprints=["00" * 32, PARTNER.fingerprint])
    check(header, fingerprints=[":".join(PARTNER.fingerprint[at : at + 2].upper() for at in range(0, 64, 2))])
    with pytest.raises(SignatureInvalid, match="CN=partner is not one that the endpoint pins"):
        check(header, fingerprints=["00" * 32])


def test_an_authority_vouches_for_a_subject_or_a_name() -> None:
    header = header_rfc9440(PARTNER)
    for good in ({"names": ["other", "PARTNER.example"]}, {"names": ["urn:partner:1"]}, {"subject": "CN=partner"}):
        check(header, authority=AUTHORITY.pem, **good)
    bare = AUTHORITY.issue("bare")
    check(header_rfc9440(bare), authority=AUTHORITY.pem, subject="CN=bare")
    for wrong in ({"names": ["partner"]}, {"subject": "CN=partne"}, {"subject": "partner"}, {"names": ["*.example"]}):
        with pytest.raises(SignatureInvalid, match="for nobody that may send here"):
            check(header, authority=AUTHORITY.pem, **wrong)


def test_another_authority_vouches_for_nothing() -> None:
    """The same name, the same key as an authority's without being one, a server's certificate."""
    stranger = Authority("Partner CA", NOW).issue("partner")
    server = AUTHORITY.issue("partner", usage=x509.oid.ExtendedKeyUsageOID.SERVER_AUTH)
    under = PARTNER.issue("partner")
    for one in (stranger, server, under):
        with pytest.raises(SignatureInvalid, match="does not vouch"):
            check(header_rfc9440(one), authority=AUTHORITY.pem, subject="CN=partner")


def test_an_authority_in_between_is_entered_with_the_endpoint() -> None:
    between = AUTHORITY.between("Issuing CA")
    check(header_rfc9440(between.issue("partner")), authority=AUTHORITY.pem + between.pem, subject="CN=partner")


@pytest.mark.parametrize("shift", [timedelta(days=400), timedelta(days=-400)])
def test_outside_its_days_a_certificate_is_none(shift: timedelta) -> None:
    for scheme in ({"fingerprints": [PARTNER.fingerprint]}, {"authority": AUTHORITY.pem, "subject": "CN=partner"}):
        with pytest.raises(SignatureInvalid, match="has expired or is not valid yet"):
            check(header_rfc9440(PARTNER), NOW + shift, **scheme)


@pytest.mark.parametrize(
    ("header", "reason"),
    [("", "no client certificate"), (":QUJD:", "can not be read"), ("x" * (MOST_CHARS + 1), "too long"),
     (header_rfc9440(PARTNER) + "," + header_rfc9440(PARTNER), "can not be read"), ('Cert=""', "can not be read"),
     ("%ff%00", "can not be read"), ("-----BEGIN CERTIFICATE-----", "can not be read")],
)  # fmt: skip
def test_what_is_no_certificate_says_so(header: str, reason: str) -> None:
    with pytest.raises(SignatureInvalid, match=reason):
        check(header, fingerprints=[PARTNER.fingerprint])


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda one: f":{base64.b64encode(one).decode()}:"))
def test_garbage_is_a_refusal_and_never_another_error(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        check(header, authority=AUTHORITY.pem, subject="CN=partner")


def test_only_the_sender_holds_its_key() -> None:
    form = SignatureScheme.from_document({"scheme": "client-certificate", "fingerprints": [PARTNER.fingerprint]})
    with pytest.raises(SigningSecretUnusable):
        sign(form, body=b"{}", secrets=[], now=NOW, delivery_id="d-1")


# -- PayPal: no vector can be had with its certificate and webhook id; made as developer.paypal.com says -------------

URL = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
BODY = b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED"}'
HOOK = "9XL90610J3647323C"
SIGNER = "messageverificationcerts.paypal.com"
SERVER = x509.oid.ExtendedKeyUsageOID.SERVER_AUTH


def signed(one: Issued, body: bytes = BODY, **changes: str) -> dict[str, str]:
    at = "2026-11-29T11:59:00Z"
    text = f"d938e770-8046|{at}|{HOOK}|{zlib.crc32(body)}".encode()
    assert isinstance(one.key, rsa.RSAPrivateKey)
    signature = base64.b64encode(one.key.sign(text, padding.PKCS1v15(), SHA256())).decode()
    return {
        "PAYPAL-TRANSMISSION-ID": "d938e770-8046", "PAYPAL-TRANSMISSION-TIME": at, "PAYPAL-TRANSMISSION-SIG": signature,
        "PAYPAL-CERT-URL": URL, "PAYPAL-AUTH-ALGO": "SHA256withRSA", **changes,
    }  # fmt: skip


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one public authority there is."""
    made = Authority("Public CA", NOW)
    monkeypatch.setattr(paypal, "_authorities", lambda: Store([made.certificate]))
    paypal._key.cache_clear()
    return made


def of_paypal(headers: dict[str, str], pem: str, body: bytes = BODY, secrets: tuple[str, ...] = (HOOK,)) -> str | None:
    form = SignatureScheme.from_document({"scheme": "paypal"})
    return verify(form, headers=headers, body=body, secrets=secrets, now=NOW, keys=[pem]).delivery_id


def test_paypals_signature_holds_with_a_certificate_of_its_signer(public: Authority) -> None:
    between = public.between("Issuing CA")
    signer = between.issue("PayPal", names=[SIGNER], usage=SERVER)
    assert of_paypal(signed(signer), signer.pem + between.pem, secrets=("other", HOOK)) == "d938e770-8046"
    for body, secrets in ((BODY + b" ", (HOOK,)), (BODY, ("9XL90610J3647323D",)), (BODY, ("",))):
        with pytest.raises(SignatureInvalid, match="does not verify"):
            of_paypal(signed(signer), signer.pem + between.pem, body, secrets)


def test_a_certificate_of_somebody_else_is_not_paypals(public: Authority) -> None:
    foreign = public.issue("Evil", names=["evil.example"], usage=SERVER)
    own = Authority("Evil CA", NOW).issue("PayPal", names=[SIGNER], usage=SERVER)
    sandbox = public.issue("PayPal", names=["messageverificationcerts.sandbox.paypal.com"], usage=SERVER)
    for one in (foreign, own, sandbox):
        with pytest.raises(SignatureInvalid, match="no public authority vouches"):
            of_paypal(signed(one), one.pem)
    with pytest.raises(SignatureInvalid, match="no public authority vouches"):
        of_paypal(signed(own), "")


@pytest.mark.parametrize(
    "changes",
    [
        {"PAYPAL-CERT-URL": "https://evil.example/v1/notifications/certs/CERT-360caa42-fca2a594"},
        {"PAYPAL-CERT-URL": "https://api.paypal.com@10.0.0.1/v1/notifications/certs/CERT-360caa42-fca2a594"},
        {"PAYPAL-CERT-URL": "http://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594"},
        {"PAYPAL-CERT-URL": "https://api.paypal.com/v1/notifications/certs/../../oauth2/CERT-360caa42"},
        {"PAYPAL-CERT-URL": "https://api.paypal.com:8443/v1/notifications/certs/CERT-360caa42-fca2a594"},
        {"PAYPAL-CERT-URL": "https://[::1"},
        {"PAYPAL-AUTH-ALGO": "SHA1withRSA"},
        {"PAYPAL-TRANSMISSION-TIME": "2026-11-20T11:59:00Z"},
        {"PAYPAL-TRANSMISSION-TIME": "yesterday"},
        {"PAYPAL-TRANSMISSION-SIG": "%%%"},
        {"PAYPAL-TRANSMISSION-ID": "other"},
    ],
    ids=lambda one: next(iter(one.values()))[:60],
)
def test_whatever_paypal_would_not_send_is_refused(public: Authority, changes: dict[str, str]) -> None:
    signer = public.issue("PayPal", names=[SIGNER], usage=SERVER)
    with pytest.raises(SignatureInvalid):
        of_paypal(signed(signer, **changes), signer.pem)
