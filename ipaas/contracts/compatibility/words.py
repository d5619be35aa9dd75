"""What a fault is called, told to people: what happens, and what to do instead, by the side that breaks."""

from collections.abc import Mapping
from typing import Literal

from ipaas.contracts.compatibility.inclusion import Fault
from ipaas.core.phrases import Phrase, said

Side = Literal["reader", "writer"]

WHAT = {
    "type": "{accepting} does not accept {types} here, {producing} does",
    "value": "{accepting} does not accept {refused} here, {producing} does",
    "listed": "{accepting} accepts only listed values here, {producing} others too",
    "required": "{accepting} requires “{name}”, data of {producing} may come without it",
    "undeclared": "{producing} lets properties pass that it does not name, so “{name}” may hold anything; "
    "{accepting} does not accept all of it",
    "forbidden": "{accepting} does not allow the property “{name}”, {producing} does",
    "closed": "{accepting} allows no properties but those it names, {producing} allows others",
    "nothing": "{accepting} allows no value here, {producing} does",
    "bound": "{accepting} has {keyword} {limit} here, {producing} lets numbers beyond it pass",
    "multiple": "{accepting} accepts only multiples of {step} here, {producing} other numbers too",
    "short": "{accepting} wants at least {limit} characters here, {producing} lets shorter texts pass",
    "long": "{accepting} allows at most {limit} characters here, {producing} lets longer texts pass",
    "pattern": "{accepting} wants texts that match {pattern} here, {producing} lets others pass",
    "format": "{accepting} wants the format {format} here, {producing} lets other texts pass",
    "few": "{accepting} wants at least {limit} properties, {producing} fewer",
    "many": "{accepting} allows at most {limit} properties, {producing} more",
    "fewer": "{accepting} wants at least {limit} items, {producing} lets shorter lists pass",
    "items": "{accepting} allows at most {limit} items, {producing} lets longer lists pass",
    "unique": "{accepting} wants items that differ from each other, {producing} lets the same one pass twice",
    "contains": "{accepting} wants an item of a certain form in the list, {producing} lets lists without one pass",
    "name": "{accepting} does not allow the name “{name}” for a property, {producing} does",
    "together": "{accepting} wants {needed} wherever there is “{name}”, {producing} lets it come alone",
    "no_branch": "none of the alternatives ({keyword}) of {accepting} accepts what {producing} does",
    "several": "more than one alternative (oneOf) of {accepting} accepts the same data of {producing}",
    "excluded": "{accepting} excludes (not) what {producing} accepts",
    "endless": "a reference leads back to itself without going further into the data",
    "too_large": "the schemas are too large or too deeply nested here to compare them",
    "not_understood": "{keyword} is not compared; only the same {keyword} on both sides would be known to fit",
    "not_decided": "whether {keyword} of {accepting} takes all data of {producing} can not be decided",
    "not_computed": "{keyword} holds a number that can not be computed with",
    "patterns": "which names the pattern {pattern} takes beside those of {producing} can not be decided",
    "branches": "several alternatives ({keyword}) of {accepting} are possible, none takes all data of {producing}",
}  # fmt: skip
BACKWARD = {
    "required": "Leave it optional; make it required once no data without it is left.",
    "forbidden": "Keep the property; mark it deprecated instead.",
    "undeclared": "If writers send only what the schema names, write undeclared_properties: absent into the document.",
    "closed": "Leave additionalProperties as it was.",
    "type": "Keep the old type beside the new one (a list of types), or add a new property.",
    "value": "Keep the old values in the list.",
    "listed": "Keep the old values possible, or add a new property with the list.",
    "no_branch": "Keep an alternative for the old data.",
}
FORWARD = {
    "required": "Keep it required until no reader of the old version is left.",
    "forbidden": "The old version is closed to new properties: change its readers first, then publish.",
    "undeclared": "If writers send only what the schema names, write undeclared_properties: absent into the document.",
    "closed": "Leave additionalProperties as it was.",
    "type": "Write only the old types, or use a new property for the new ones.",
    "value": "Do not write new values until the readers of the old version have changed.",
    "listed": "Keep the list until the readers of the old version have changed.",
    "no_branch": "Write no new alternative until the readers of the old version have changed.",
}
USUAL: Mapping[Side, str] = {
    "reader": "Keep at least as much allowed as before, or use a new property.",
    "writer": "Allow no more than before, or change the readers of the old version first.",
}
UNDECIDED = "Change less at once, write it as before, or let a steward decide with a reason."
OLD, NEW = "the old version", "the new version"
TYPE_NAMES = {
    "null": "null", "boolean": "true or false", "integer": "whole numbers", "number": "numbers", "string": "texts",
    "array": "lists", "object": "objects",
}  # fmt: skip


def what_happens(fault: Fault, side: Side) -> Phrase:
    """The fault as a sentence."""
    producing, accepting = (OLD, NEW) if side == "reader" else (NEW, OLD)
    values = dict(fault.values)
    for name in ("types", "refused"):
        if name in values:
            values[name] = _listed(values[name], named=name == "types")
    unless = values.pop("unless", "")
    sentence = said(WHAT[fault.code], accepting=said(accepting), producing=said(producing), **values)
    if not fault.certain and unless:
        return said("{what}, unless {keyword} rules that out, which is not compared", what=sentence, keyword=unless)
    return sentence


def what_to_do(fault: Fault, side: Side) -> Phrase:
    """The way out."""
    if not fault.certain:
        return said(UNDECIDED)
    return said((BACKWARD if side == "reader" else FORWARD).get(fault.code, USUAL[side]))


def place_of(place: tuple[str, ...]) -> str:
    """Where in the data, as people write it; "" the whole."""
    return ".".join(place)


def _listed(names: object, *, named: bool) -> str:
    given = list(names) if isinstance(names, tuple) else []
    return ", ".join(TYPE_NAMES[one] if named else one for one in given)
