"""What may be shown."""

import base64
import json
import urllib.parse
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core.jsonio import dumps
from ipaas.core.redaction import Redactor, SecretValues, fingerprint, is_sensitive_key, scrub_bytes, scrub_text

KEY = b"k" * 32
SECRET = 's3cr3t/"ä"+%& value'
MASK = f"‹redacted:{fingerprint(SECRET, KEY)}›"


def values(*secrets):
    return SecretValues(secrets, fingerprint_key=KEY)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Password",
        "PASSWD",
        "db_password",
        "dbPassword",
        "password2",
        "password_hash",
        "new-password",
        "passwordConfirmation",
        "secret",
        "client_secret",
        "clientSecret",
        "clientsecret",
        "secrets",
        "token",
        "access_token",
        "accessToken",
        "X-Auth-Token",
        "csrf_token",
        "authorization",
        "Authorization",
        "Proxy-Authorization",
        "cookie",
        "Set-Cookie",
        "api_key",
        "apiKey",
        "apikey",
        "X-Api-Key",
        "APIKey",
        "private_key",
        "signing.key",
        "card_number",
        "cardNumber",
        "cardnumber",
        "cvv",
        "cvc2",
        "iban",
        "IBAN",
        "credentials",
        "jwt",
        "otp",
        "session_id",
        "connection_string",
        "token_value",
        "secret_access_key",
        "refresh_tokens",
        "authorization_code",
        "security_code",
    ],
)
def test_sensitive_name(name):
    assert is_sensitive_key(name)


@pytest.mark.parametrize(
    "name",
    [
        "author",
        "authors",
        "authority",
        "authored_at",
        "token_count",
        "tokenCount",
        "tokens_used",
        "tokens",
        "max_tokens",
        "total_tokens",
        "next_page_token",
        "nextPageToken",
        "pageToken",
        "password_changed_at",
        "passwordPolicy",
        "has_password",
        "reset_password",
        "token_type",
        "token_expires_at",
        "secret_name",
        "secretary",
        "tokenizer",
        "key",
        "keys",
        "id",
        "idempotency_key",
        "primary_key",
        "keyboard",
        "pin_board",
        "card_brand",
        "card_type",
        "cookie_policy",
        "authorization_url",
        "compass",
        "company",
        "span",
        "panel",
        "pancake",
        "iban_country",
        "email",
        "",
        "-",
        "description",
        "discovery",
        "card",
        "number",
        "order_number",
        "account",
        "tokenization",
        "passwordless",
        "2",
    ],
)
def test_readable_name(name):
    assert not is_sensitive_key(name)


def test_document_is_masked_exactly():
    redactor = Redactor(
        fields={"customer.email": "personal", "lines.*.note": "personal", "phone": "personal", "deep.token": "public"},
        values=values(SECRET),
        fingerprint_key=KEY,
    )
    shown = redactor.redact(
        {
            "customer": {"email": "alice@example.org", "name": "Alice", "phone": 49301234},
            "email": "stays@example.org",
            "lines": [{"sku": "a", "note": "ring twice"}, {"sku": "b", "note": None}],
            "deep": {"token": "not one", "other": {"token": "abc", "password": "", "secret": True}},
            "auth": {"Authorization": ["Bearer x"]},
            "text": f"before {SECRET} after",
            "total": Decimal("12.50"),
            "token_count": 12,
        }
    )

    def mask(value):
        return f"‹redacted:{fingerprint(value, KEY)}›"

    assert shown == {
        "customer": {"email": mask("alice@example.org"), "name": "Alice", "phone": mask(49301234)},
        "email": "stays@example.org",
        "lines": [{"sku": "a", "note": mask("ring twice")}, {"sku": "b", "note": None}],
        "deep": {"token": "not one", "other": {"token": mask("abc"), "password": "", "secret": True}},
        "auth": {"Authorization": mask(["Bearer x"])},
        "text": f"before {MASK} after",
        "total": Decimal("12.50"),
        "token_count": 12,
    }


def test_fingerprint_tells_equal_from_different_and_needs_the_key():
    assert fingerprint("a", KEY) == "d8bd1537"
    assert fingerprint("a", KEY) != fingerprint("b", KEY)
    assert fingerprint("a", KEY) != fingerprint("a", b"other" * 8)
    assert fingerprint({"b": 1, "a": 1.0}, KEY) == fingerprint({"a": 1, "b": 1}, KEY)


@pytest.mark.parametrize(
    "carrier",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(SECRET).replace("/", "\\/"),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote(SECRET),
        urllib.parse.quote_plus(SECRET),
        urllib.parse.quote(SECRET, safe="").lower(),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"u:{SECRET}".encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.b64encode(f"bob1:{SECRET}!".encode()).decode(),
        f"https://u:{urllib.parse.quote(SECRET, safe='')}@host/?q=1",
    ],
)
def test_every_spelling_of_a_value_is_found(carrier):
    for found in (
        scrub_text(f"<{carrier}>", values(SECRET)),
        scrub_bytes(f"<{carrier}>".encode(), values(SECRET)).decode(),
    ):
        assert MASK in found
        assert "s3cr3t" not in found
        assert SECRET.encode().hex()[6:20] not in found.lower()


def test_values_are_found_in_keys_and_numbers():
    shown = Redactor(values=values("4111111111111111"), fingerprint_key=KEY).redact(
        {"x4111111111111111": [4111111111111111, 411], "n": Decimal("4111111111111111.50")}
    )
    assert b"411111" not in dumps(shown)
    assert shown["x" + f"‹redacted:{fingerprint('4111111111111111', KEY)}›"][1] == 411


def test_short_values_are_not_searched_for():
    assert scrub_text("the cat sat", values("cat", "")) == "the cat sat"


def test_longer_secret_is_replaced_whole():
    both = values("password", "password-of-alice")
    assert scrub_text("password-of-alice", both) == f"‹redacted:{fingerprint('password-of-alice', KEY)}›"


def test_what_is_not_sensitive_stays_the_same_object_text():
    text = "nothing here"
    assert scrub_text(text, values(SECRET)) is text


@given(st.text("abcdef", min_size=6, max_size=30), st.text("xyz"), st.text("xyz"))
def test_no_value_survives_in_a_document(secret, before, after):
    secret_values = SecretValues([secret], fingerprint_key=KEY)
    shown = Redactor(values=secret_values, fingerprint_key=KEY).redact({"text": before + secret + after})
    assert shown == {"text": f"{before}‹redacted:{fingerprint(secret, KEY)}›{after}"}
