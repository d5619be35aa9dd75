"""A first schema from samples, with guesses of which places are sensitive; people confirm both."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import jsonschema_rs
from django.utils.translation import gettext_noop

from ipaas.core import jsonio
from ipaas.core.document_forms import pointer
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said
from ipaas.core.sensitive_names import is_sensitive_key

MOST_SAMPLES = 10_000
MOST_BYTES = 5_000_000
MOST_DISTINCT = 60
FORMATS = ("date-time", "date", "uuid", "email", "ipv4", "ipv6", "uri")
FEW_VALUES, MANY_TIMES, SHORT = 12, 5, 40
MOST_NAMES, RARE = 40, 0.3
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_PERSONAL = frozenset({
    "email", "mail", "phone", "mobile", "fax", "firstname", "lastname", "surname", "forename", "givenname",
    "familyname", "fullname", "street", "address", "city", "zip", "postcode", "postalcode", "birthday",
    "birthdate", "dob", "passport", "nationality", "gender",
})  # fmt: skip
_PERSONAL_PAIRS = frozenset({
    ("first", "name"), ("last", "name"), ("given", "name"), ("family", "name"), ("full", "name"), ("customer", "name"),
    ("contact", "name"), ("maiden", "name"), ("date", "birth"), ("birth", "date"), ("postal", "code"), ("zip", "code"),
    ("ip", "address"), ("tax", "id"),
})  # fmt: skip
_PAYMENT = frozenset({"iban", "bic", "pan", "cvv", "cvc", "card"})
_PHONE = re.compile(r"(?:\+|00)[1-9][\d /().-]{6,20}\Z")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}\Z")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}\Z")


@dataclass(frozen=True, slots=True)
class Guess:
    """A place that looks sensitive: JSON pointer into the schema, place in the data, class, and why."""

    path: str
    place: str
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class Inferred:
    """A schema that accepts every sample; ``guesses`` are not in it before somebody confirms them."""

    schema: dict[str, Any]
    guesses: tuple[Guess, ...]
    samples: int

    def with_classes(self, paths: Iterable[str]) -> dict[str, Any]:
        """The schema with ``x-sensitive`` at the confirmed places."""
        confirmed = set(paths)
        labels = {one.path: one.label for one in self.guesses if one.path in confirmed}
        marked: dict[str, Any] = _marked(self.schema, "", labels)
        return marked


@dataclass(slots=True)
class _Shape:
    """What was seen at one place."""

    count: int = 0
    types: Counter[str] = field(default_factory=Counter)
    members: dict[str, "_Shape"] = field(default_factory=dict)
    items: "_Shape | None" = None
    values: Counter[str] = field(default_factory=Counter)
    many: bool = False

    def add(self, value: Any) -> None:
        self.count += 1
        kind = _type(value)
        self.types[kind] += 1
        if kind == "object":
            for name, one in value.items():
                self.members.setdefault(name, _Shape()).add(one)
        elif kind == "array":
            self.items = self.items or _Shape()
            for one in value:
                self.items.add(one)
        elif kind == "string":
            self._text(value)

    def _text(self, value: str) -> None:
        if value in self.values or len(self.values) < MOST_DISTINCT:
            self.values[value] += 1
        else:
            self.many = True

    def merge(self, other: "_Shape") -> None:
        self.count += other.count
        self.types += other.types
        self.many = self.many or other.many
        for name, one in other.members.items():
            self.members.setdefault(name, _Shape()).merge(one)
        if other.items is not None:
            self.items = self.items or _Shape()
            self.items.merge(other.items)
        for text in other.values:
            self._text(text)


@dataclass(slots=True)
class _Guesses:
    """What looks sensitive so far; ``classes`` are known already, by place in the data."""

    classes: Mapping[str, str]
    found: list[Guess] = field(default_factory=list)

    def known(self, place: str) -> tuple[str, str] | None:
        label = self.classes.get(place)
        return None if label is None else (label, said("runs mask it already"))


def _type(value: Any) -> str:
    if value is None:
        return "null"
    names: tuple[tuple[Any, str], ...] = (
        (bool, "boolean"), (int, "integer"), (str, "string"), (list, "array"), (Mapping, "object"),
    )  # fmt: skip
    return next((name for kind, name in names if isinstance(value, kind)), "number")


def read_samples(text: str) -> list[Any]:
    """The samples in a text: one JSON value, a list of them, or one on each line (JSON Lines)."""
    if len(text) > MOST_BYTES:
        raise _refused(said("there are at most {most} bytes", most=MOST_BYTES))
    try:
        whole = jsonio.loads(text)
    except jsonio.JsonInvalid as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise _refused(error.detail) from None
        return [_line(line, number) for number, line in enumerate(lines, 1)]
    return whole if isinstance(whole, list) else [whole]


def _line(line: str, number: int) -> Any:
    try:
        return jsonio.loads(line)
    except jsonio.JsonInvalid as error:
        raise _refused(said("line {number}: {why}", number=number, why=error.detail)) from None


def _refused(message: str) -> InvalidInput:
    return InvalidInput([{"path": "samples", "code": "schema.samples", "message": message}])


def infer(samples: list[Any], classes: Mapping[str, str] | None = None) -> Inferred:
    """A schema that every sample satisfies; ``classes`` are those that places in the data are known to have.

    A property that every object has is required; a format is named where every text has it; an enum only where few
    values come over and over; an object with many rare names becomes a map.
    """
    if not samples or len(samples) > MOST_SAMPLES:
        raise _refused(said("give 1 to {most} samples", most=MOST_SAMPLES))
    shape = _Shape()
    for one in samples:
        shape.add(one)
    guesses = _Guesses(classes or {})
    schema = _schema(shape, "", "", (), guesses)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return Inferred({**head, **schema}, tuple(guesses.found), len(samples))


def _schema(shape: _Shape, name: str, at: str, place: tuple[str, ...], guesses: _Guesses) -> dict[str, Any]:
    types = {one for one in shape.types if one != "integer" or "number" not in shape.types}
    names = sorted(types)
    found: dict[str, Any] = {} if not names else {"type": names[0] if len(names) == 1 else names}
    if "object" in types:
        found |= _object(shape, at, place, guesses)
    if "array" in types and shape.items is not None and shape.items.count:
        found["items"] = _schema(shape.items, name, f"{at}/items", (*place, "*"), guesses)
    texts = [text for text in shape.values if text]
    where = ".".join(place)
    guess = guesses.known(where) or _guess(name, types, texts)
    if guess is not None:
        guesses.found.append(Guess(at, where, *guess))
    if "string" in types:
        found |= _string(shape, texts, types, sensitive=guess is not None)
    return found


def _object(shape: _Shape, at: str, place: tuple[str, ...], guesses: _Guesses) -> dict[str, Any]:
    total = shape.types["object"]
    members = shape.members
    if len(members) > MOST_NAMES and sum(one.count for one in members.values()) < RARE * total * len(members):
        merged = _Shape()
        for one in members.values():
            merged.merge(one)
        return {"additionalProperties": _schema(merged, "", f"{at}/additionalProperties", (*place, "*"), guesses)}
    properties = {
        name: _schema(one, name, at + pointer("properties", name), (*place, name), guesses)
        for name, one in members.items()
    }
    required = [name for name, one in members.items() if one.count == total]
    return ({"required": required} if required else {}) | ({"properties": properties} if properties else {})


def _string(shape: _Shape, texts: list[str], types: set[str], *, sensitive: bool) -> dict[str, Any]:
    if texts and "" not in shape.values:
        for name in FORMATS:
            if all(_has_format(name, text) for text in texts):
                return {"format": name} if not shape.many else {}
    distinct, seen = len(shape.values), sum(shape.values.values())
    few = not shape.many and distinct <= FEW_VALUES and seen >= MANY_TIMES * distinct and seen > MANY_TIMES
    if few and not sensitive and types == {"string"} and all(len(text) <= SHORT for text in shape.values):
        return {"enum": sorted(shape.values)}
    return {}


@cache
def _format(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True)


def _has_format(name: str, text: str) -> bool:
    return bool(_format(name).is_valid(text)) and (name != "uri" or "://" in text)


# -- what looks sensitive ------------------------------------------------------------------------------------------


def _guess(name: str, types: set[str], texts: list[str]) -> tuple[str, str] | None:
    """Class and reason; None for what looks harmless."""
    if types & {"object", "array"}:
        return None
    if texts:
        for label, why, looks in _KINDS:
            if all(looks(text) for text in texts):
                return label, said(why)
    words = tuple(word.lower() for word in _WORD.findall(name))
    if _PAYMENT & set(words) or "".join(words) in _PAYMENT:
        return "payment", said("its name says payment data")
    if is_sensitive_key(name):
        return "secret", said("its name says a secret")
    pairs = set(pairwise(words))
    if "string" in types and (_PERSONAL & {*words, "".join(words)} or _PERSONAL_PAIRS & pairs):
        return "personal", said("its name says personal data")
    return None


def _is_email(text: str) -> bool:
    return "@" in text and _has_format("email", text)


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    if not _IBAN.match(plain):
        return False
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    if not _CARD.match(text):
        return False
    digits = [int(one) for one in text if one.isdigit()][::-1]
    return sum(sum(divmod(2 * one, 10)) if number % 2 else one for number, one in enumerate(digits)) % 10 == 0


_KINDS = (
    ("personal", gettext_noop("every value is an address of mail"), _is_email),
    ("payment", gettext_noop("every value is an IBAN"), _is_iban),
    ("payment", gettext_noop("every value has the form and check digit of a card number"), _is_card),
    ("personal", gettext_noop("every value looks like a telephone number"), lambda text: bool(_PHONE.match(text))),
)


def _marked(schema: Any, at: str, labels: Mapping[str, str]) -> Any:
    if not isinstance(schema, dict):
        return schema
    found = {**schema, "x-sensitive": labels[at]} if at in labels else dict(schema)
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            found[keyword] = _marked(schema[keyword], f"{at}/{keyword}", labels)
    if "properties" in schema:
        found["properties"] = {
            name: _marked(one, at + pointer("properties", name), labels) for name, one in schema["properties"].items()
        }
    return found
