"""The words of the pages for what the engine records."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ipaas.core.errors import ErrorClass, NotFound
from ipaas.flows.plan import EmitBlock, Plan
from ipaas.flows.queries import plan_for
from ipaas.runtime.models import DeadLetter, Run, StepRun
from ipaas.web.readmodels import ErrorView, Option, Verdict
from ipaas.web.rendering import duration

REMEDIES: Mapping[str, str] = {
    ErrorClass.TRANSIENT: "Replay it when the other side works again.",
    ErrorClass.THROTTLED: "Replay it later, or raise the limit of the connection.",
    ErrorClass.TIMEOUT: "Replay it when the other side answers in time again.",
    ErrorClass.AUTH: "Renew the credential of the connection, then replay.",
    ErrorClass.CONTRACT_VIOLATION: "Correct the input, or the mapping that made it, then replay.",
    ErrorClass.BUSINESS_REJECTION: "Correct what the other side refuses, then replay.",
    ErrorClass.NOT_FOUND: "Create what is missing on the other side, or correct its id, then replay.",
    ErrorClass.CONFLICT: "Look at both sides, then replay or skip the step.",
    ErrorClass.CONFIGURATION: "Correct the flow or the connection, then replay.",
    ErrorClass.INTERNAL: "Replay it; if it fails again, report it with the run's id.",
    ErrorClass.OUTCOME_UNKNOWN: "Look on the other side whether it happened, then say so here.",
}
_TONES = {
    "admitted": "ok", "recorded": "ok", "found": "ok", "absent": "idle", "probe": "wait", "retry": "wait",
    "fail": "bad", "unknown": "bad", "expired": "bad", "busy": "wait", "repeat": "wait", "undecided": "wait",
}  # fmt: skip
_WAITS = {
    "retry": "Waits before the next attempt",
    "timer": "Waits for its time",
    "approval": "Waits for a decision",
    "sub-flow": "Waits for a sub-flow",
    "rate_limited": "Waits for the rate limit",
    "breaker_open": "Waits for the breaker to close",
    "concurrency": "Waits for a free place at the connection",
}


def words(code: str) -> str:
    """``no_stock`` as "No stock"; vendors' codes stay recognisable."""
    text = code.replace("_", " ").replace(".", ": ").strip()
    text = text.lower() if text.isupper() else text
    return text[:1].upper() + text[1:]


def plural(word: str) -> str:
    """The plural of a business id's name: order, delivery, batch."""
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def counted(number: int, word: str) -> str:
    """ "1 order", "1,240 orders"."""
    return f"{number:,} {word if number == 1 else plural(word)}"


def short_id(value: UUID) -> str:
    """The end of an id, enough to tell runs apart by eye."""
    return f"…{str(value)[-6:]}"


def plan_or_none(version_id: UUID) -> Plan | None:
    try:
        return plan_for(version_id)
    except NotFound:
        return None


def step_title(plan: Plan | None, path: str) -> str:
    """The title of a block, of an undoing too; the path where the version no longer has it."""
    block = plan.blocks.get(path) if plan is not None else None
    if block is None:
        return path or "the input"
    if path.endswith("~undo") and plan is not None:
        return f"Undo: {step_title(plan, path.removesuffix('~undo'))}"
    return block.title or (f"Publish {block.type}" if isinstance(block, EmitBlock) else words(block.id))


def failure_in_lists(row: Run | DeadLetter, plan: Plan | None, step: str | None) -> ErrorView | None:
    """A failure by its class, code and step only: lists read no payloads, so a vendor's words could show any value."""
    if not row.error_class:
        return None
    message = f"{words(row.error_code or '')} at {step_title(plan, step or '')}"
    return ErrorView(row.error_class, row.error_code or "", message, remedy=REMEDIES.get(row.error_class, ""))


def wait_words(step: StepRun) -> str:
    return _WAITS.get(step.reason or "", f"Waits: {words(step.reason)}" if step.reason else "Waits")


def verdict_view(verdict: Mapping[str, Any]) -> Verdict:
    """What a policy decided, in words: its verdict, the reason, and how long it makes the call wait."""
    name = str(verdict.get("verdict", ""))
    parts = [words(name).lower()]
    if verdict.get("reason"):
        parts.append(words(str(verdict["reason"])).lower())
    waits = verdict.get("delay_s") or verdict.get("wait_s") or 0
    if waits:
        parts.append(f"after {duration(float(waits) * 1000)}")
    if verdict.get("limit_s"):
        parts.append(f"limit {duration(float(verdict['limit_s']) * 1000)}")
    return Verdict(str(verdict.get("policy", "policy")), ", ".join(parts), _TONES.get(name, "idle"))


def error_class_options(chosen: str) -> list[Option]:
    classes = [Option(one.value, words(one.value), one.value == chosen) for one in ErrorClass]
    return [Option("", "Any class", not chosen), *classes]
