"""What a fault is called, told to people: what happens, and what to do instead, by the side that breaks."""

from collections.abc import Mapping
from typing import Literal

from django.utils.translation import gettext_noop

from ipaas.contracts.compatibility.inclusion import Fault
from ipaas.core.phrases import Phrase, said

Side = Literal["reader", "writer"]

WHAT = {
    "type": gettext_noop("{accepting} does not accept {types} here, {producing} does"),
    "value": gettext_noop("{accepting} does not accept {refused} here, {producing} does"),
    "listed": gettext_noop("{accepting} accepts only listed values here, {producing} others too"),
    "required": gettext_noop("{accepting} requires “{name}”, data of {producing} may come without it"),
    "undeclared": gettext_noop(
        "{producing} lets properties pass that it does not name, so “{name}” may hold anything; "
        "{accepting} does not accept all of it"
    ),
    "forbidden": gettext_noop("{accepting} does not allow the property “{name}”, {producing} does"),
    "closed": gettext_noop("{accepting} allows no properties but those it names, {producing} allows others"),
    "nothing": gettext_noop("{accepting} allows no value here, {producing} does"),
    "bound": gettext_noop("{accepting} has {keyword} {limit} here, {producing} lets numbers beyond it pass"),
    "multiple": gettext_noop("{accepting} accepts only multiples of {step} here, {producing} other numbers too"),
    "short": gettext_noop("{accepting} wants at least {limit} characters here, {producing} lets shorter texts pass"),
    "long": gettext_noop("{accepting} allows at most {limit} characters here, {producing} lets longer texts pass"),
    "pattern": gettext_noop("{accepting} wants texts that match {pattern} here, {producing} lets others pass"),
    "format": gettext_noop("{accepting} wants the format {format} here, {producing} lets other texts pass"),
    "few": gettext_noop("{accepting} wants at least {limit} properties, {producing} fewer"),
    "many": gettext_noop("{accepting} allows at most {limit} properties, {producing} more"),
    "fewer": gettext_noop("{accepting} wants at least {limit} items, {producing} lets shorter lists pass"),
    "items": gettext_noop("{accepting} allows at most {limit} items, {producing} lets longer lists pass"),
    "unique": gettext_noop(
        "{accepting} wants items that differ from each other, {producing} lets the same one pass twice"
    ),
    "contains": gettext_noop(
        "{accepting} wants an item of a certain form in the list, {producing} lets lists without one pass"
    ),
    "name": gettext_noop("{accepting} does not allow the name “{name}” for a property, {producing} does"),
    "together": gettext_noop("{accepting} wants {needed} wherever there is “{name}”, {producing} lets it come alone"),
    "no_branch": gettext_noop("none of the alternatives ({keyword}) of {accepting} accepts what {producing} does"),
    "several": gettext_noop("more than one alternative (oneOf) of {accepting} accepts the same data of {producing}"),
    "excluded": gettext_noop("{accepting} excludes (not) what {producing} accepts"),
    "endless": gettext_noop("a reference leads back to itself without going further into the data"),
    "too_large": gettext_noop("the schemas are too large or too deeply nested here to compare them"),
    "not_understood": gettext_noop(
        "{keyword} is not compared; only the same {keyword} on both sides would be known to fit"
    ),
    "not_decided": gettext_noop("whether {keyword} of {accepting} takes all data of {producing} can not be decided"),
    "not_computed": gettext_noop("{keyword} holds a number that can not be computed with"),
    "patterns": gettext_noop("which names the pattern {pattern} takes beside those of {producing} can not be decided"),
    "branches": gettext_noop(
        "several alternatives ({keyword}) of {accepting} are possible, none takes all data of {producing}"
    ),
}
BACKWARD = {
    "required": gettext_noop("Leave it optional; make it required once no data without it is left."),
    "forbidden": gettext_noop("Keep the property; mark it deprecated instead."),
    "undeclared": gettext_noop(
        "If writers send only what the schema names, write undeclared_properties: absent into the document."
    ),
    "closed": gettext_noop("Leave additionalProperties as it was."),
    "type": gettext_noop("Keep the old type beside the new one (a list of types), or add a new property."),
    "value": gettext_noop("Keep the old values in the list."),
    "listed": gettext_noop("Keep the old values possible, or add a new property with the list."),
    "no_branch": gettext_noop("Keep an alternative for the old data."),
}
FORWARD = {
    "required": gettext_noop("Keep it required until no reader of the old version is left."),
    "forbidden": gettext_noop("The old version is closed to new properties: change its readers first, then publish."),
    "undeclared": gettext_noop(
        "If writers send only what the schema names, write undeclared_properties: absent into the document."
    ),
    "closed": gettext_noop("Leave additionalProperties as it was."),
    "type": gettext_noop("Write only the old types, or use a new property for the new ones."),
    "value": gettext_noop("Do not write new values until the readers of the old version have changed."),
    "listed": gettext_noop("Keep the list until the readers of the old version have changed."),
    "no_branch": gettext_noop("Write no new alternative until the readers of the old version have changed."),
}
USUAL: Mapping[Side, str] = {
    "reader": gettext_noop("Keep at least as much allowed as before, or use a new property."),
    "writer": gettext_noop("Allow no more than before, or change the readers of the old version first."),
}
UNDECIDED = gettext_noop("Change less at once, write it as before, or let a steward decide with a reason.")
OLD, NEW = gettext_noop("the old version"), gettext_noop("the new version")
TYPE_NAMES = {
    "null": gettext_noop("null"),
    "boolean": gettext_noop("true or false"),
    "integer": gettext_noop("whole numbers"),
    "number": gettext_noop("numbers"),
    "string": gettext_noop("texts"),
    "array": gettext_noop("lists"),
    "object": gettext_noop("objects"),
}


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
    given = [str(one) for one in names] if isinstance(names, tuple) else []
    if not named:
        return ", ".join(given)
    parts = {f"part{number}": said(TYPE_NAMES[one]) for number, one in enumerate(given)}
    template = ", ".join(f"{{{name}}}" for name in parts)
    return said(template, **parts)
