"""Proofs about types, values, numbers and strings."""

from collections.abc import Iterator

import jsonschema_rs

from ipaas.contracts.compatibility.alternatives import NUMBERS, Alternative, atoms_of_type
from ipaas.contracts.compatibility.inclusion import Fault, Inclusion, handles, shown, unsure
from ipaas.contracts.compatibility.nodes import Node, exact, key_of, linear

MOST_TRIED = 1_000
CHECKED_FORMATS = frozenset({
    "date", "time", "date-time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri",
    "uri-reference", "uri-template", "iri", "iri-reference", "json-pointer", "relative-json-pointer", "regex", "uuid",
})  # fmt: skip
WIDER_FORMATS = {
    "email": {"idn-email"}, "hostname": {"idn-hostname"}, "uri": {"uri-reference", "iri", "iri-reference"},
    "uri-reference": {"iri-reference"}, "iri": {"iri-reference"},
}  # fmt: skip
SAMPLES = (
    "", "a", "A", "0", "-1", "aa", "Zz9_", " ", "\n", "é", "\U0001f600", "a b c", "\x00", "2024-02-29", "12:30:00Z",
    "2024-02-29T12:30:00Z", "P1D", "someone@shop.example", "sömeone@shop.example", "shop.example", "192.0.2.1",
    "2001:db8::1", "https://shop.example/a?b=c", "/a/b", "1/a", "{id}", "^a$",
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "123456789", "x" * 40, "x" * 300,
)  # fmt: skip
STRING_KEYWORDS = ("minLength", "maxLength", "pattern", "format")


@handles("type")
def _type(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    gone = given.atoms - atoms_of_type(node.schema[keyword])
    if gone:
        names = sorted("number" if one == "fraction" else one for one in gone)
        yield Fault("type", values={"types": tuple(names)})


@handles("enum", "const")
def _listed(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    """An alternative with listed values was tried value by value before this."""
    given_values = given.finite
    if given_values is None and given.numbers is not None and given.atoms <= NUMBERS:
        given_values = given.numbers.values(MOST_TRIED)
    if given_values is not None:
        value = node.schema[keyword]
        accepted = {key_of(one) for one in (value if keyword == "enum" else [value])}
        refused = [one for one in given_values if key_of(one) not in accepted]
        if refused:
            yield Fault("value", values={"refused": tuple(shown(one) for one in refused[:5]), "count": len(refused)})
        return
    yield Fault("listed", certain=not _narrow(given))


def _narrow(given: Alternative) -> bool:
    """Whether it may be that so few values are left that a list holds them all."""
    return given.atoms <= {"string", "array", "object"} and any(
        given.has(keyword)
        for keyword in ("pattern", "format", "maxLength", "maxItems", "items", "maxProperties", "additionalProperties")
    )


@handles("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
def _bound(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if not given.atoms & NUMBERS:
        return
    numbers, limit = given.numbers, exact(node.schema[keyword])
    if numbers is None or limit is None:
        yield unsure(node, keyword, "not_computed")
        return
    if numbers.empty:
        return
    lower, strict = keyword.endswith("inimum"), keyword.startswith("exclusive")
    end, is_open = (numbers.low, numbers.low_open) if lower else (numbers.high, numbers.high_open)
    inside = end is not None and (end > limit if lower else end < limit)
    if not inside and not (end == limit and (not strict or is_open)):
        yield Fault("bound", values={"keyword": keyword, "limit": str(node.schema[keyword])})


@handles("multipleOf")
def _multiple(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if not given.atoms & NUMBERS:
        return
    numbers, step = given.numbers, exact(node.schema[keyword])
    if numbers is None or not step:
        yield unsure(node, "multipleOf", "not_computed")
        return
    if numbers.step is not None and (numbers.step / step).denominator == 1:
        return
    members = numbers.values(MOST_TRIED)
    if members is not None and all((one / step).denominator == 1 for one in members):
        return
    yield Fault("multiple", values={"step": str(node.schema[keyword])})


@handles("minLength", "maxLength")
def _length(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "string" not in given.atoms:
        return
    limit = exact(node.schema[keyword])
    if limit is None:
        yield unsure(node, keyword, "not_computed")
    elif keyword == "minLength" and given.least("minLength") < limit:
        yield from _string_fault(given, node, "minLength", Fault("short", values={"limit": str(limit)}))
    elif keyword == "maxLength" and ((longest := given.most("maxLength")) is None or longest > limit):
        yield from _string_fault(given, node, "maxLength", Fault("long", values={"limit": str(limit)}))


@handles("pattern")
def _pattern(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    value = node.schema[keyword]
    if "string" in given.atoms and all(one != value for _node, one in given.each("pattern")):
        yield from _string_fault(given, node, "pattern", Fault("pattern", values={"pattern": value}))


@handles("format")
def _format(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    """Formats that the validator does not know assert nothing."""
    value = node.schema[keyword]
    if "string" not in given.atoms or value not in CHECKED_FORMATS:
        return
    if all(one != value and value not in WIDER_FORMATS.get(one, ()) for _node, one in given.each("format")):
        yield from _string_fault(given, node, "format", Fault("format", values={"format": value}))


def _string_fault(given: Alternative, node: Node, keyword: str, fault: Fault) -> Iterator[Fault]:
    """The fault, certain when a string shows it: one of the samples, or one of the length at the edge."""
    free = not given.has("pattern") and not any(one in CHECKED_FORMATS for _n, one in given.each("format"))
    if free and keyword in ("minLength", "maxLength"):
        yield fault
        return
    parts = [{one: owner.schema[one] for one in STRING_KEYWORDS if one in owner.schema} for owner in given.nodes]
    try:
        produced = jsonschema_rs.Draft202012Validator(
            {"allOf": parts} if parts else True, validate_formats=True, pattern_options=linear()
        )
        accepts = jsonschema_rs.Draft202012Validator(
            {keyword: node.schema[keyword]}, validate_formats=True, pattern_options=linear()
        )
    except (ValueError, jsonschema_rs.ValidationError):
        yield unsure(node, keyword, "not_understood")
        return
    edge = ["x" * int(given.least("minLength"))] if given.least("minLength") < 10_000 else []
    if any(produced.is_valid(one) and not accepts.is_valid(one) for one in (*SAMPLES, *edge)):
        yield fault
    else:
        yield unsure(node, keyword, "not_decided", **fault.values)
