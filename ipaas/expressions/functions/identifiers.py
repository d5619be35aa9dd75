"""Functions over numbers that check themselves, and over ids and digests made of given values."""

import hashlib
from functools import cache
from importlib import import_module
from typing import Any, Final

from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.functions.dates import to_timestamp
from ipaas.expressions.limits import Budget
from ipaas.expressions.registry import function

GROUP = "Identifiers and checks"
MAX_CHARS = 100
_COST = 200
_KINDS: Final = {
    "iban": "stdnum.iban",
    "bic": "stdnum.bic",
    "vat": "stdnum.eu.vat",
    "gtin": "stdnum.ean",
    "isbn": "stdnum.isbn",
    "card": "stdnum.luhn",
    "lei": "stdnum.lei",
    "imei": "stdnum.imei",
    "eori": "stdnum.eu.eori",
}
_DIGESTS: Final = ("sha256", "sha512", "sha1", "md5", "blake2b")
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@cache
def _module(kind: str) -> Any:
    if kind not in _KINDS:
        raise ExpressionValue(reason="there is no such kind", hint=f"Use one of {', '.join(_KINDS)}.")
    return import_module(_KINDS[kind])


def _checked(budget: Budget, text: str, kind: str) -> str | None:
    """The compact form of a number of that kind, None where it is none."""
    import stdnum.exceptions

    budget.spend(_COST)
    module = _module(kind)
    if len(text) > MAX_CHARS:
        return None
    try:
        return str(module.validate(text.strip()))
    except (stdnum.exceptions.ValidationError, ValueError, LookupError):
        return None


@function(
    GROUP,
    ("is_valid('DE89 3704 0044 0532 0130 00', 'iban')", True),
    ("is_valid('4006381333932', 'gtin')", False),
)
def is_valid(budget: Budget, text: str, kind: str) -> bool:
    """Whether form and check digits of a number are right; not whether it is in use.

    Kinds: iban, bic, vat (of the EU, with the country's letters), eori, gtin (8, 12, 13 or 14 digits), isbn, card
    (Luhn), lei, imei.
    """
    return _checked(budget, text, kind) is not None


@function(
    GROUP,
    ("checked('de89 3704 0044 0532 0130 00', 'iban')", "DE89370400440532013000"),
    ("checked('DE 136,695 976', 'vat')", "DE136695976"),
    ("checked('978-0-471-11709-4', 'isbn')", "9780471117094"),
)
def checked(budget: Budget, text: str, kind: str) -> str:
    """A number of a kind (see is_valid) without spaces and signs; one that is wrong in form or digits is refused."""
    found = _checked(budget, text, kind)
    if found is None:
        raise ExpressionValue(
            f"this is no valid {kind}", hint="Test it with is_valid(text, kind) where it may be wrong."
        )
    return found


@function(GROUP, ("digest('abc', 'md5')", "900150983cd24fb0d6963f7d28e17f72"))
def digest(budget: Budget, text: str, algorithm: str = "sha256") -> str:
    """A digest of a text's UTF-8 in hex: sha256, sha512, sha1, md5 or blake2b.

    It makes keys and compares; it hides nothing, and md5 and sha1 do not stand against forgery.
    """
    budget.text(len(text))
    if algorithm not in _DIGESTS:
        raise ExpressionValue(reason="there is no such digest", hint=f"Use one of {', '.join(_DIGESTS)}.")
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


@function(GROUP, ("ulid('2026-01-01T00:00:00Z', 'order 7')", "01KDVDNA001Z49Z2Q1JEAB93FB"))
def ulid(budget: Budget, moment: str, text: str) -> str:
    """An id of 26 characters that sorts by a moment and is always the same for the same moment and text."""
    budget.text(len(text))
    millis = int(to_timestamp(budget, moment) * 1000)
    if not 0 <= millis < 1 << 48:
        raise ExpressionValue(reason="the moment is out of range")
    value = (millis << 80) | int.from_bytes(hashlib.sha256(text.encode()).digest()[:10], "big")
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))
