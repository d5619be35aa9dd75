"""Proofs about objects and lists: what may be in them, how many, and which of it must be there."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from fractions import Fraction

from ipaas.contracts.compatibility.alternatives import MAY_DECLARE, Alternative, alternatives_of, matches
from ipaas.contracts.compatibility.inclusion import Fault, Inclusion, handles, unsure
from ipaas.contracts.compatibility.nodes import Node, exact, nodes_of, synthetic

ANY_NAME = "*"
NAME = synthetic({"type": "string"})
MOST_PREFIX = 1_000


# -- objects -------------------------------------------------------------------------------------------------------


def _absent(proof: Inclusion, given: Alternative, name: str) -> bool:
    """Whether no data has a property: impossible, or not written down and therefore not sent."""
    nodes = given.property(name)
    if nodes:
        return not alternatives_of(nodes)
    if name in given.declared or not _assumed(proof, given):
        return False
    return not any(matches(pattern, name) for pattern, _node in given.patterns)


def _assumed(proof: Inclusion, given: Alternative) -> bool:
    return proof.undeclared == "absent" and given.silent


def _relied(proof: Inclusion, name: str) -> None:
    proof.relied_on.setdefault((*proof.place, name))


@handles("required")
def _required(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "object" not in given.atoms:
        return
    for name in node.schema[keyword]:
        if name not in given.required and not _all_required(given):
            gone = _absent(proof, given, name)
            yield Fault("required", (name,), {"name": name, "declared": name in given.declared and not gone})


def _all_required(given: Alternative) -> bool:
    """Whether a closed object has to hold as many properties as it may have."""
    closed = any(one.schema is False for one in given.undeclared) and not given.patterns
    return closed and given.least("minProperties") >= len(given.declared) > 0


@handles("properties")
def _properties(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "object" not in given.atoms:
        return
    for name in node.schema[keyword]:
        target = node.child(keyword, name)
        nodes = given.property(name)
        if not nodes and _absent(proof, given, name):
            if target.schema is not True and target.schema != {}:
                _relied(proof, name)
            continue
        faults = proof.compare_below(nodes, target, name)
        if faults and not nodes and name not in given.declared:
            faults = [Fault("undeclared", (name,), {"name": name}, pointer=target.pointer)]
        yield from faults


@handles("patternProperties")
def _pattern_properties(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "object" not in given.atoms:
        return
    for pattern in node.schema[keyword]:
        target = node.child(keyword, pattern)
        for name in given.declared:
            if matches(pattern, name):
                yield from proof.compare_below(given.property(name), target, name)
        for own, schema in given.patterns:
            faults = proof.compare_below((schema,), target, own)
            if faults and own != pattern:
                yield unsure(node, keyword, "patterns", pattern=pattern, own=own)
            else:
                yield from faults
        if any(own == pattern for own, _schema in given.patterns):
            continue
        if _assumed(proof, given):
            _relied(proof, pattern)
            continue
        faults = proof.compare_below(given.undeclared, target, pattern)
        if faults:
            shown = _name_for(pattern, given.declared, (own for own, _schema in given.patterns))
            yield from faults if shown else [unsure(node, keyword, "patterns", pattern=pattern, own="")]


def _name_for(pattern: str, names: Collection[str], patterns: Iterable[str]) -> bool:
    """Whether a name is known that the pattern takes, that is none of ``names`` and that no other pattern takes."""
    literal = "".join(one for one in pattern if one.isalnum() or one in "-_")
    others = list(patterns)
    return any(
        matches(pattern, name) and name not in names and not any(matches(other, name) for other in others)
        for name in (literal, literal.lower(), f"{literal}-0", "a", "A", "x-a", "0", "undeclared")
    )


@handles("additionalProperties")
def _additional(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "object" in given.atoms:
        yield from _rest(
            proof,
            given,
            node.child(keyword),
            set(node.get("properties") or ()),
            list(node.get("patternProperties") or ()),
        )


def _rest(
    proof: Inclusion, given: Alternative, target: Node, names: set[str], patterns: Sequence[str]
) -> Iterator[Fault]:
    """What is said of the properties that are in neither ``names`` nor ``patterns``."""
    if target.schema is True or target.schema == {}:
        return
    for name in given.declared:
        if name not in names and not any(matches(one, name) for one in patterns):
            for fault in proof.compare_below(given.property(name), target, name):
                yield (
                    Fault("forbidden", (name,), {"name": name}, fault.certain, target.pointer)
                    if fault.code == "nothing"
                    else fault
                )
    for own, schema in given.patterns:
        if own not in patterns and (faults := proof.compare_below((schema,), target, own)):
            known = _name_for(own, names, patterns)
            yield from faults if known else [unsure(target, "patternProperties", "patterns", pattern=own, own="")]
    if _assumed(proof, given):
        _relied(proof, ANY_NAME)
        return
    for fault in proof.compare_below(given.undeclared, target, ANY_NAME):
        certain = fault.certain and not given.has("propertyNames")
        yield Fault("closed", (ANY_NAME,), {}, certain, target.pointer) if fault.code == "nothing" else fault


@handles("unevaluatedProperties")
def _unevaluated(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    """Where only allOf and references stand beside it, it speaks of what none of them writes down."""
    if "object" not in given.atoms or node.schema[keyword] is True:
        return
    seen = _seen(node)
    if seen is None:
        yield unsure(node, keyword, "not_understood")
        return
    names, patterns, everything = seen
    if not everything:
        yield from _rest(proof, given, node.child(keyword), names, patterns)


def _seen(node: Node) -> tuple[set[str], list[str], bool] | None:
    names, patterns, everything = set[str](), list[str](), False
    todo, done = [node], set[tuple[int, str]]()
    while todo:
        one = todo.pop()
        if one.key in done or isinstance(one.schema, bool):
            continue
        done.add(one.key)
        if MAY_DECLARE & one.schema.keys() or {"anyOf", "oneOf"} & one.schema.keys():
            return None
        names |= set(one.get("properties") or ())
        patterns += one.get("patternProperties") or ()
        inner = one is not node and "unevaluatedProperties" in one.schema
        everything = everything or "additionalProperties" in one.schema or inner
        todo += nodes_of(one.schema.get("allOf", ()), one, "allOf")
        if "$ref" in one.schema:
            target = one.book.target(one.schema["$ref"])
            if target is None:
                return None
            todo.append(target)
    return names, patterns, everything


@handles("propertyNames")
def _names(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "object" not in given.atoms or given.same_keyword(node, keyword):
        return
    target = node.child(keyword)
    accepts = node.book.validator(target.pointer)
    for name in given.declared:
        if (accepts is None or not accepts.is_valid(name)) and not _absent(proof, given, name):
            yield Fault("name", (name,), {"name": name}, certain=accepts is not None)
    open_ends = given.patterns or not any(one.schema is False for one in given.undeclared)
    if open_ends and not (_assumed(proof, given) and not given.patterns):
        own = [one.child("propertyNames") for one, _value in given.each("propertyNames")]
        if proof.compare_below((*own, NAME), target, ANY_NAME):
            yield unsure(node, keyword, "not_decided")


@handles("minProperties", "maxProperties")
def _count(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    limit = exact(node.schema[keyword])
    if "object" not in given.atoms or limit is None:
        return
    if keyword == "minProperties":
        if max(given.least(keyword), Fraction(len(given.required))) < limit:
            yield Fault("few", values={"limit": str(limit)})
        return
    most = given.most(keyword)
    closed = any(one.schema is False for one in given.undeclared) and not given.patterns
    if closed or (_assumed(proof, given) and not given.patterns):
        most = min(Fraction(len(given.declared)), most) if most is not None else Fraction(len(given.declared))
    if most is None or most > limit:
        yield Fault("many", values={"limit": str(limit)}, certain=not given.has("propertyNames"))


@handles("dependentRequired")
def _dependent_required(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "object" not in given.atoms or given.same_keyword(node, keyword):
        return
    for name, needed in node.schema[keyword].items():
        missing = [one for one in needed if one not in given.required and one != name]
        if missing and not _absent(proof, given, name):
            yield Fault(
                "together", (name,), {"name": name, "needed": ", ".join(missing)}, not given.has("dependentRequired")
            )


@handles("dependentSchemas")
def _dependent_schemas(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "object" not in given.atoms or given.same_keyword(node, keyword):
        return
    for name in node.schema[keyword]:
        if not _absent(proof, given, name) and proof.compare(given.nodes, node.child(keyword, name)):
            yield unsure(node, keyword, "not_decided")


# -- lists ---------------------------------------------------------------------------------------------------------


@handles("prefixItems")
def _prefix(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "array" not in given.atoms:
        return
    for number in range(len(node.schema[keyword])):
        if given.longest is not None and number >= given.longest:
            return
        yield from proof.compare_below(given.item(number), node.child(keyword, number), str(number))


@handles("items")
def _items(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "array" not in given.atoms:
        return
    first, target = len(node.get("prefixItems") or ()), node.child(keyword)
    last = max(first, given.prefix)
    if last > MOST_PREFIX:
        yield unsure(node, keyword, "too_large")
        return
    for number in range(first, last):
        if given.longest is None or number < given.longest:
            yield from _longer(proof.compare_below(given.item(number), target, str(number)), number)
    if given.longest is None or last < given.longest:
        yield from _longer(proof.compare_below(given.item(last), target, ANY_NAME), last)


def _longer(faults: list[Fault], number: int) -> Iterator[Fault]:
    for fault in faults:
        yield (
            Fault("items", (), {"limit": str(number)}, fault.certain, fault.pointer)
            if fault.code == "nothing" and len(fault.place) == 1
            else fault
        )


@handles("minItems", "maxItems")
def _size(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    limit = exact(node.schema[keyword])
    if "array" not in given.atoms or limit is None:
        return
    if keyword == "minItems" and given.least(keyword) < limit:
        yield Fault("fewer", values={"limit": str(limit)})
    elif keyword == "maxItems" and (given.longest is None or given.longest > limit):
        yield Fault("items", values={"limit": str(limit)})


@handles("uniqueItems")
def _unique(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "array" not in given.atoms or node.schema[keyword] is not True:
        return
    if not any(value is True for _node, value in given.each(keyword)) and not (
        given.longest is not None and given.longest <= 1
    ):
        yield Fault("unique")


@handles("contains", "minContains", "maxContains")
def _contains(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if "array" not in given.atoms or "contains" not in node.schema or (keyword != "contains"):
        return
    least, most = exact(node.schema.get("minContains", 1)), exact(node.schema.get("maxContains"))
    target = node.child("contains")
    if least is None or _contains_enough(proof, given, target, least):
        least = Fraction(0)
    if most is not None and not _contains_few(proof, given, target, most):
        yield unsure(node, "maxContains", "not_decided")
    if least > 0:
        empty = given.least("minItems") == 0 and not given.has("contains")
        yield Fault("contains") if empty else unsure(node, "contains", "not_decided")


def _contains_enough(proof: Inclusion, given: Alternative, target: Node, least: Fraction) -> bool:
    if least == 0:
        return True
    for one, _value in given.each("contains"):
        own = exact(one.schema.get("minContains", 1)) or Fraction(0)
        if own >= least and not proof.compare_below((one.child("contains"),), target, ANY_NAME):
            return True
    if given.least("minItems") < least or given.prefix > MOST_PREFIX:
        return False
    return all(not proof.compare_below(given.item(number), target, str(number)) for number in range(given.prefix + 1))


def _contains_few(proof: Inclusion, given: Alternative, target: Node, most: Fraction) -> bool:
    if given.longest is not None and given.longest <= most:
        return True
    return any(
        (own := exact(one.schema.get("maxContains"))) is not None
        and own <= most
        and proof.same(one.child("contains"), target)
        for one, _value in given.each("contains")
    )
