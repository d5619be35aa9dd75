"""A flow document as people read it: its blocks as an indented structure, its trigger and its contract in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ipaas.core.durations import duration_in_words, parse_duration
from ipaas.flows.bounds import DEFAULT_DEADLINE_S
from ipaas.flows.form import KINDS, form_findings
from ipaas.web.readmodels import BlockView

Step = Mapping[str, Any]
ENDS = {"dead_letter": gettext_noop("dead letter"), "compensate": gettext_noop("compensate")}


def structure_of(content: Any) -> list[BlockView]:
    """The blocks of a document; none when its form is not valid, since its structure is then anybody's guess."""
    if not isinstance(content, dict) or form_findings(content):
        return []
    failure = _lane(_("when the flow failed"), content.get("on_failure", ()))
    return [*_blocks(content["steps"]), *failure]


def trigger_in_words(content: Mapping[str, Any]) -> str:
    """``storefront-orders receives order.created``; for a document of valid form."""
    kind, spec = next(iter(content["trigger"].items()))
    if kind == "webhook":
        events = _(" or ").join(spec.get("events", ())) or _("anything")
        return _("the endpoint {endpoint} receives {events}").format(endpoint=spec["endpoint"], events=events)
    if kind == "schedule":
        return _("the clock says {cron} ({zone})").format(cron=spec["cron"], zone=spec.get("timezone", "UTC"))
    if kind == "poll":
        told = ", ".join(f"{name} {value}" for name, value in spec.get("params", {}).items())
        what = f"{spec['trigger']} ({told})" if told else spec["trigger"]
        return _("{connection} has something new for {what}, asked every {time}").format(
            connection=spec["connection"], what=what, time=_words(spec["every"])
        )
    if kind == "event":
        text = _("the event {type} happens and {filter}") if "filter" in spec else _("the event {type} happens")
        return text.format(type=spec["type"], filter=spec.get("filter"))
    return _("somebody starts it by hand or through the API")


def contract_facts(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the flow promises and expects, for a document of valid form."""
    schema, contract = content.get("input", {}).get("schema"), content.get("contract")
    primary = content["primary_business_id"]
    names = [_("{name} (primary)").format(name=name) if name == primary else name for name in content["business_ids"]]
    failure = content.get("failure", {})
    ends = [f"{name.replace('_', ' ')}: {_(ENDS[end])}" for name, end in failure.items() if name != "default"]
    usual = _(ENDS[failure.get("default", "dead_letter")])
    promised = [(_("Contract"), contract)] if isinstance(contract, str) else []
    if promised:
        schema = _("as its contract says")
    return [
        *promised,
        (_("Input"), _("any") if schema is None else schema if isinstance(schema, str) else _("a schema of its own")),
        (_("Business ids"), ", ".join(names)),
        (
            _("Deadline"),
            _words(content["deadline"]) if "deadline" in content else duration_in_words(DEFAULT_DEADLINE_S),
        ),
        (_("After a failure"), "; ".join([*ends, _("otherwise {end}").format(end=usual) if ends else usual])),
    ]


def _words(duration: str) -> str:
    try:
        return duration_in_words(parse_duration(duration))
    except ValueError:
        return duration


def _blocks(steps: Sequence[Step]) -> list[BlockView]:
    return [_block(step) for step in steps]


def _block(step: Step) -> BlockView:
    kind = next((name for name in KINDS if name in step), "unknown")
    undo = step.get("compensate", {}).get("call")
    return BlockView(
        id=step["id"],
        title=step.get("title") or step["id"].replace("_", " ").capitalize(),
        kind={"stop": "end"}.get(kind, kind),
        detail=" · ".join(_details(kind, step)),
        compensation=f"{undo['connection']}.{undo['action']}" if undo else "",
        disabled=bool(step.get("disabled")),
        blocks=list(_inside(kind, step)),
    )


def _details(kind: str, step: Step) -> Iterator[str]:
    yield _detail(kind, step.get(kind))
    if "when" in step:
        yield _("only when {condition}").format(condition=step["when"])
    if "idempotency_key" in step:
        yield _("unique by {key}").format(key=step["idempotency_key"])


def _detail(kind: str, spec: Any) -> str:
    return str(DETAILS[kind](spec))


def _written_here(count: int) -> str:
    return ngettext("{count} field written here", "{count} fields written here", count).format(count=count)


def _strands(count: int) -> str:
    return ngettext("{count} strand at once", "{count} strands at once", count).format(count=count)


def _pause(spec: Any) -> str:
    if "for" in spec:
        return _("for {time}").format(time=_words(spec["for"]))
    return _("until {moment}").format(moment=spec.get("until"))


DETAILS: Mapping[str, Callable[[Any], Any]] = {
    "call": lambda spec: f"{spec['connection']}.{spec['action']}",
    "map": lambda spec: spec.get("mapping") or _written_here(len(spec.get("fields", ()))),
    "validate": lambda spec: spec["schema"] if isinstance(spec["schema"], str) else _("a schema written here"),
    "branch": lambda _spec: _("the first case that is true"),
    "parallel": lambda spec: _strands(len(spec["branches"])),
    "for_each": lambda spec: _("{name} of {items}, {count} at once").format(
        name=spec["as"], items=spec["items"], count=spec.get("concurrency", 1)
    ),
    "wait": _pause,
    "approval": lambda spec: _("{role} decides within {time}").format(
        role=spec["approvers"], time=_words(spec["expires"])
    ),
    "flow": lambda spec: (
        spec["slug"] if spec.get("wait", True) else _("{flow}, not waited for").format(flow=spec["slug"])
    ),
    "emit": lambda spec: spec["type"],
    "stop": lambda spec: spec["status"],
    "unknown": lambda _spec: _("does nothing yet"),
}


def _inside(kind: str, step: Step) -> Iterator[BlockView]:
    if kind == "branch":
        for case in step["branch"]:
            yield from _lane(_("when {condition}").format(condition=case["when"]), case["steps"])
        yield from _lane(_("otherwise"), step.get("else", {}).get("steps", ()))
    elif kind == "parallel":
        for strand in step["parallel"]["branches"]:
            yield from _lane(str(strand.get("id", "")), strand["steps"])
    elif kind == "for_each":
        yield from _blocks(step["for_each"]["steps"])
    handler = step.get("on_failure")
    if handler:
        classes = ", ".join(handler.get("classes", ())) or _("any class")
        goes_on = handler["then"] == "continue"
        text = (
            _("on failure ({classes}), then the flow goes on")
            if goes_on
            else _("on failure ({classes}), then the flow fails")
        )
        yield from _lane(text.format(classes=classes), handler.get("steps", ()))


def _lane(name: str, steps: Sequence[Step]) -> list[BlockView]:
    blocks = _blocks(steps)
    return [replace(blocks[0], lane=name), *blocks[1:]] if blocks else []
