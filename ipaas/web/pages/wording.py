"""The words of the pages for what the engine records."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import get_language, gettext_noop, ngettext
from django.utils.translation import gettext as _

from ipaas.core.errors import ErrorClass, NotFound
from ipaas.flows.models import Flow
from ipaas.flows.plan import EmitBlock, Plan
from ipaas.flows.queries import plan_for
from ipaas.runtime.letters import LetterGroup
from ipaas.runtime.models import DeadLetter, Run, StepRun
from ipaas.web.readmodels import ErrorView, Option, Verdict
from ipaas.web.rendering import duration
from ipaas.web.rendering import number as grouped

REMEDIES: Mapping[str, str] = {
    ErrorClass.TRANSIENT: gettext_noop("Replay it when the other side works again."),
    ErrorClass.THROTTLED: gettext_noop("Replay it later, or raise the limit of the connection."),
    ErrorClass.TIMEOUT: gettext_noop("Replay it when the other side answers in time again."),
    ErrorClass.AUTH: gettext_noop("Renew the credential of the connection, then replay."),
    ErrorClass.CONTRACT_VIOLATION: gettext_noop("Correct the input, or the mapping that made it, then replay."),
    ErrorClass.BUSINESS_REJECTION: gettext_noop("Correct what the other side refuses, then replay."),
    ErrorClass.NOT_FOUND: gettext_noop("Create what is missing on the other side, or correct its id, then replay."),
    ErrorClass.CONFLICT: gettext_noop("Look at both sides, then replay or skip the step."),
    ErrorClass.CONFIGURATION: gettext_noop("Correct the flow or the connection, then replay."),
    ErrorClass.INTERNAL: gettext_noop("Replay it; if it fails again, report it with the run's id."),
    ErrorClass.OUTCOME_UNKNOWN: gettext_noop("Look on the other side whether it happened, then say so here."),
}
_CLASSES: Mapping[str, str] = {
    ErrorClass.TRANSIENT: gettext_noop("Transient"),
    ErrorClass.THROTTLED: gettext_noop("Throttled"),
    ErrorClass.TIMEOUT: gettext_noop("Timeout"),
    ErrorClass.AUTH: gettext_noop("Auth"),
    ErrorClass.CONTRACT_VIOLATION: gettext_noop("Contract violation"),
    ErrorClass.BUSINESS_REJECTION: gettext_noop("Business rejection"),
    ErrorClass.NOT_FOUND: gettext_noop("Not found"),
    ErrorClass.CONFLICT: gettext_noop("Conflict"),
    ErrorClass.CONFIGURATION: gettext_noop("Configuration"),
    ErrorClass.INTERNAL: gettext_noop("Internal"),
    ErrorClass.OUTCOME_UNKNOWN: gettext_noop("Outcome unknown"),
}
_VERDICTS = {
    "admitted": gettext_noop("admitted"),
    "recorded": gettext_noop("recorded"),
    "found": gettext_noop("found"),
    "absent": gettext_noop("absent"),
    "probe": gettext_noop("probe"),
    "retry": gettext_noop("retry"),
    "fail": gettext_noop("fail"),
    "unknown": gettext_noop("unknown"),
    "expired": gettext_noop("expired"),
    "busy": gettext_noop("busy"),
    "repeat": gettext_noop("repeat"),
    "undecided": gettext_noop("undecided"),
}
_TONES = {
    "admitted": "ok", "recorded": "ok", "found": "ok", "absent": "idle", "probe": "wait", "retry": "wait",
    "fail": "bad", "unknown": "bad", "expired": "bad", "busy": "wait", "repeat": "wait", "undecided": "wait",
}  # fmt: skip
_TRIGGERS = {
    "webhook": gettext_noop("Webhook"),
    "event": gettext_noop("Event"),
    "flow": gettext_noop("Flow"),
    "poll": gettext_noop("Poll"),
    "schedule": gettext_noop("Schedule"),
    "manual": gettext_noop("Manual"),
    "test": gettext_noop("Test"),
}
_EFFECTS = {
    "safe": gettext_noop("safe"),
    "keyed": gettext_noop("keyed"),
    "lookup": gettext_noop("by look-up"),
    "unkeyed": gettext_noop("not repeatable"),
}
_WAITS = {
    "retry": gettext_noop("Waits before the next attempt"),
    "timer": gettext_noop("Waits for its time"),
    "approval": gettext_noop("Waits for a decision"),
    "sub-flow": gettext_noop("Waits for a sub-flow"),
    "rate_limited": gettext_noop("Waits for the rate limit"),
    "breaker_open": gettext_noop("Waits for the breaker to close"),
    "vault.unavailable": gettext_noop("Waits for the backend of the vault"),
    "vault.backend_missing": gettext_noop("Waits for the backend of the vault"),
    "concurrency": gettext_noop("Waits for a free place at the connection"),
}


def words(code: str) -> str:
    """``no_stock`` as "No stock"; vendors' codes stay recognisable."""
    text = code.replace("_", " ").replace(".", ": ").strip()
    text = text.lower() if text.isupper() else text
    return text[:1].upper() + text[1:]


def class_word(error_class: str) -> str:
    """How an error was classified, in a word."""
    return _(_CLASSES[error_class]) if error_class in _CLASSES else words(error_class)


def remedy_of(error_class: str) -> str:
    """What to do about an error of this class; nothing of an unknown one."""
    return _(REMEDIES[error_class]) if error_class in REMEDIES else ""


def effect_word(effect: str) -> str:
    """How an operation may be repeated, in a word; its manifest may leave that to a setting."""
    return _(_EFFECTS[effect]) if effect in _EFFECTS else _("by setting")


def trigger_word(trigger: str) -> str:
    """What started a run, in a word."""
    return _(_TRIGGERS[trigger]) if trigger in _TRIGGERS else words(trigger)


def inside(text: str) -> str:
    """A sentence as the later part of another one: its first letter small, names in it as they are."""
    return text[:1].lower() + text[1:]


def plural(word: str) -> str:
    """The plural of a business id's name: order, delivery, batch. Names are the flows' own: only English has a rule."""
    if get_language() != "en":
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def counted(number: int, word: str) -> str:
    """ "1 order", "1,240 orders"; runs where nothing says what they are about."""
    if not word:
        return ngettext("{count} run", "{count} runs", number).format(count=grouped(number))
    return f"{grouped(number)} {word if number == 1 else plural(word)}"


def worth(amounts: Iterable[tuple[str, Decimal]]) -> str:
    """Sums by currency: "12,340.00 EUR · 804.10 USD"; empty for none."""
    return " · ".join(f"{grouped(amount, 2)} {currency}" for currency, amount in amounts)


def at_stake(group: LetterGroup, about: str) -> str:
    """What the dead letters of a cause keep from going on: "12,340.00 EUR · 31 orders"."""
    return " · ".join(part for part in (worth(group.amounts), counted(group.affected, about)) if part)


def short_id(value: UUID) -> str:
    """The end of an id, enough to tell runs apart by eye."""
    return f"…{str(value)[-6:]}"


def flow_names(flow_ids: Iterable[UUID]) -> Mapping[UUID, tuple[str, str]]:
    """Slug and title of flows by id, for the rows of a list; one that is gone has no slug."""
    rows = Flow.objects.filter(id__in=set(flow_ids)).values_list("id", "slug", "title")
    return defaultdict(lambda: ("", _("removed flow")), {flow_id: (slug, title) for flow_id, slug, title in rows})


def plan_or_none(version_id: UUID) -> Plan | None:
    try:
        return plan_for(version_id)
    except NotFound:
        return None


def step_title(plan: Plan | None, path: str) -> str:
    """The title of a block, of an undoing too; the path where the version no longer has it."""
    block = plan.blocks.get(path) if plan is not None else None
    if block is None:
        return path or _("the input")
    if path.endswith("~undo") and plan is not None:
        return _("Undo: {step}").format(step=step_title(plan, path.removesuffix("~undo")))
    return block.title or (
        _("Publish {event}").format(event=block.type) if isinstance(block, EmitBlock) else words(block.id)
    )


def with_item(title: str, item: str) -> str:
    """The title of a step, with the number of its item inside a for-each."""
    return _("{step}, item {number}").format(step=title, number=item) if item else title


def failure_in_lists(row: Run | DeadLetter, plan: Plan | None, step: str | None) -> ErrorView | None:
    """A failure by its class, code and step only: lists read no payloads, so a vendor's words could show any value."""
    if not row.error_class:
        return None
    message = _("{error} at {step}").format(error=words(row.error_code or ""), step=step_title(plan, step or ""))
    return ErrorView(row.error_class, row.error_code or "", message, remedy=remedy_of(row.error_class))


def wait_words(step: StepRun) -> str:
    if (step.reason or "") in _WAITS:
        return _(_WAITS[step.reason or ""])
    return _("Waits: {reason}").format(reason=words(step.reason)) if step.reason else _("Waits")


def verdict_view(verdict: Mapping[str, Any]) -> Verdict:
    """What a policy decided, in words: its verdict, the reason, and how long it makes the call wait."""
    name = str(verdict.get("verdict", ""))
    parts = [_(_VERDICTS[name]) if name in _VERDICTS else words(name).lower()]
    if verdict.get("reason"):
        parts.append(words(str(verdict["reason"])).lower())
    waits = verdict.get("delay_s") or verdict.get("wait_s") or 0
    if waits:
        parts.append(_("after {duration}").format(duration=duration(float(waits) * 1000)))
    if verdict.get("limit_s"):
        parts.append(_("limit {duration}").format(duration=duration(float(verdict["limit_s"]) * 1000)))
    return Verdict(str(verdict.get("policy", "policy")), ", ".join(parts), _TONES.get(name, "idle"))


def error_class_options(chosen: str) -> list[Option]:
    classes = [Option(one.value, class_word(one.value), one.value == chosen) for one in ErrorClass]
    return [Option("", _("Any class"), not chosen), *classes]
