"""Made-up values: of the same form, equal where they were equal, and nothing of the original in them."""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core.pseudonyms import MIN_COPY, Pseudonymiser, Pseudonyms, _luhn, _remainder
from ipaas.core.redaction import SecretValues

KEY = b"a key of thirty-two bytes length"


def made(value: Any) -> Any:
    return Pseudonyms([value], key=KEY).of(value)


def test_an_address_stays_one_that_nobody_can_reach() -> None:
    assert re.fullmatch(r"[a-z]{4}\.[a-z]{7}@[a-z]{4}\.example", made("anna.schmidt@acme.com"))
    both = Pseudonyms(["anna@acme.com", "otto@acme.com"], key=KEY)
    hosts = {str(both.of(one)).partition("@")[2] for one in ("anna@acme.com", "otto@acme.com")}
    assert len(hosts) == 1


@pytest.mark.parametrize("iban", ["DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "NL91ABNA0417164300"])
def test_an_iban_keeps_its_country_and_valid_check_digits(iban: str) -> None:
    found = made(iban)
    assert (found[:2], len(found)) == (iban[:2], len(iban))
    assert _remainder(found.replace(" ", "")) == 1


@pytest.mark.parametrize("card", ["4111111111111111", "5555-5555-5555-4444", "3782 822463 10005"])
def test_a_card_number_keeps_a_valid_check_digit(card: str) -> None:
    assert _luhn([int(char) for char in made(card) if char.isdigit()]) == 0
    assert re.sub(r"\d", "9", made(card)) == re.sub(r"\d", "9", card)


@pytest.mark.parametrize("phone", ["+49 (0)170 1234-567", "0170/1234567", "+14155550123"])
def test_a_phone_number_keeps_its_form_and_prefix(phone: str) -> None:
    assert re.sub(r"\d", "9", made(phone)) == re.sub(r"\d", "9", phone)
    assert made(phone)[:2] == phone[:2]


def test_dates_stay_dates_in_their_own_form() -> None:
    date.fromisoformat(made("1990-02-28"))
    datetime.fromisoformat(made("2026-11-29T20:15:01.123456+01:00"))
    datetime.strptime(made("31.12.1999"), "%d.%m.%Y")  # noqa: DTZ007 - a date
    datetime.strptime(made("12/31/1999"), "%m/%d/%Y")  # noqa: DTZ007 - a date
    datetime.strptime(made("20240229"), "%Y%m%d")  # noqa: DTZ007 - a date


def test_other_forms_stay_what_they_were() -> None:
    assert UUID(made("4f9619ff-8b86-4d01-b42d-00cf4fc964ff")).version == 4
    assert made("192.168.17.4").startswith("203.0.113.")
    assert re.fullmatch(r"https://[a-z.]+\.example/\w{5}\?\w=\d", made("https://shop.acme.com/order?a=1"))
    assert re.fullmatch(r"[A-Z][a-z]{3} [A-ZÄÖÜ][a-zäöü]{6}-\w+", made("Anna Schmidt-Öhme"))
    assert (len(str(made(1234))), made(-5) < 0, made(Decimal("12.50")).as_tuple().exponent) == (4, True, -2)


def test_what_is_empty_stays_and_a_truth_says_nothing() -> None:
    assert made({"a": None, "b": "", "c": [], "d": True, "e": False}) == {
        "a": None,
        "b": "",
        "c": [],
        "d": False,
        "e": False,
    }


def test_keys_that_are_data_are_made_up_too() -> None:
    found = made({"anna@acme.com": {"name": "Anna"}})
    assert "acme" not in json.dumps(found)
    assert next(iter(found.values())).keys() == {"name"}


def pseudonymiser(document: Any, *secrets: str, **fields: str) -> Pseudonymiser:
    values = SecretValues(secrets, fingerprint_key=KEY)
    places = {place.replace("__", "."): label for place, label in fields.items()}
    probe = Pseudonymiser(fields=places, secrets=values, pseudonyms=Pseudonyms((), key=KEY), fingerprint_key=KEY)
    hidden = probe.hidden(document)
    return Pseudonymiser(
        fields=places, secrets=values, pseudonyms=Pseudonyms(hidden, key=KEY), fingerprint_key=KEY
    )  # fmt: skip


def test_copies_become_what_the_value_became() -> None:
    document = {
        "order": {"email": "anna@acme.com", "no": 471199},
        "note": "mail to anna@acme.com",
        "ref": 471199,
        "text": "471199",
    }
    found: Any = pseudonymiser(document, order__email="personal", order__no="personal").redact(document)
    assert found["note"] == f"mail to {found['order']['email']}"
    assert found["ref"] == found["order"]["no"] == int(found["text"])
    assert "anna" not in json.dumps(found)
    assert found["order"]["no"] != 471199


def test_secrets_of_the_vault_become_masks_in_every_spelling() -> None:
    document = {"a": "Basic c2VjcmV0LW9mLXRoZS12YXVsdA==", "b": "secret-of-the-vault", "password": "hunter2"}
    found: Any = pseudonymiser(document, "secret-of-the-vault").redact(document)
    assert "redacted" in found["a"]
    assert "redacted" in found["b"]
    assert found["password"] not in ("hunter2", "")


texts = st.text(min_size=MIN_COPY, max_size=40)
leaves = st.one_of(texts, st.integers(1000, 10**12), st.decimals(1000, 10**6, places=2), st.booleans(), st.none())


@given(st.dictionaries(st.sampled_from("abcdef"), leaves, min_size=1), st.sampled_from("abcdef"))
def test_nothing_of_an_original_is_left_anywhere(given_: dict[str, Any], place: str) -> None:
    hidden = given_.get(place)
    document = {"given": given_, "copy": hidden, "list": [hidden, f"{hidden}"]}
    found: Any = pseudonymiser(document, **{f"given__{place}": "personal"}).redact(document)
    if isinstance(hidden, str | int | Decimal) and not isinstance(hidden, bool) and re.search(r"[^\W_]", str(hidden)):
        left = [found["given"].get(place), found["copy"], *found["list"]]
        assert all(str(part) != str(hidden) for part in left)
        assert len({str(part) for part in left}) == 1
    assert found == pseudonymiser(document, **{f"given__{place}": "personal"}).redact(document)
