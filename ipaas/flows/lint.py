"""Lint rules: a flow that is valid but likely to disappoint. Findings are warnings and never stop a publication."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ipaas.core.document_forms import Finding
from ipaas.core.durations import seconds_or
from ipaas.core.phrases import said
from ipaas.flows.bounds import DEFAULT_DEADLINE_S
from ipaas.flows.catalogue import Catalogue
from ipaas.flows.walk import Step, inner_lists, walk

MEANINGLESS = re.compile(r"(step|s|task|block|tmp|temp|test|foo|bar|x|new)_?[0-9]*")
LIKE_PAYMENT = re.compile(r"(^|_)(charge|pay|capture|transfer|reserve|book|ship|order|create_shipment)(_|$)")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule looks at: a flow of valid form, what is known of its actions, the steps whose output is read."""

    content: dict[str, Any]
    catalogue: Catalogue | None = None
    used: frozenset[str] = field(default_factory=frozenset)

    def steps(self) -> Iterator[tuple[Step, str]]:
        return walk(self.content)

    def calls(self) -> Iterator[tuple[Step, str]]:
        return ((step, path) for step, path in self.steps() if "call" in step)

    def effect(self, step: Step) -> str | None:
        facts = self._facts(step)
        return None if facts is None else facts.effect

    def undone_by(self, step: Step) -> str:
        facts = self._facts(step)
        return "" if facts is None else facts.undone_by

    def _facts(self, step: Step) -> Any:
        call = step["call"]
        return None if self.catalogue is None else self.catalogue.action(call["connection"], call["action"])


Rule = Callable[[Subject], Iterator[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class LintRule:
    """A registered rule; ``doc`` says why it matters and what to do, and is shown beside each finding."""

    code: str
    title: str
    doc: str
    check: Rule


LINT_RULES: dict[str, LintRule] = {}


def lint_rule(code: str, title: str) -> Callable[[Rule], Rule]:
    """Register a rule; its docstring is the documentation, its results are (path, message)."""

    def register(check: Rule) -> Rule:
        doc = " ".join((check.__doc__ or "").split())
        LINT_RULES[code] = LintRule(code, title, doc, check)
        return check

    return register


def lint_findings(content: dict[str, Any], catalogue: Catalogue | None, used: set[str]) -> Iterator[Finding]:
    """Findings of every rule for a flow of valid form."""
    subject = Subject(content, catalogue, frozenset(used))
    for rule in LINT_RULES.values():
        for path, message in rule.check(subject):
            yield Finding(path, rule.code, message, "warning")


@lint_rule("lint.naming", "Names say what happens")
def _naming(subject: Subject) -> Iterator[tuple[str, str]]:
    """A run is read by its step names, often at night. Name a step after its deed: `charge`, `reserve_stock`."""
    for step, path in subject.steps():
        if MEANINGLESS.fullmatch(step["id"]):
            yield f"{path}/id", said("{step!r} says nothing about the step", step=step["id"])


@lint_rule("lint.owner", "Somebody answers for the flow")
def _owner(subject: Subject) -> Iterator[tuple[str, str]]:
    """Without an owner nobody is asked when runs fail. Write `owner: <team>`."""
    if not subject.content.get("owner"):
        yield "", said("the flow has no owner")


@lint_rule("lint.deadline", "Runs have a deadline")
def _deadline(subject: Subject) -> Iterator[tuple[str, str]]:
    """Without `deadline` a run may keep trying for seven days. Say how long its result is still worth something."""
    if "deadline" not in subject.content:
        yield "", said("the flow has no deadline; seven days apply")


@lint_rule("lint.waits_longer", "Waits fit into the deadline")
def _waits(subject: Subject) -> Iterator[tuple[str, str]]:
    """A wait or an approval longer than the deadline of the run can only end in failure."""
    deadline = _seconds(subject.content.get("deadline"), DEFAULT_DEADLINE_S)
    for step, path in subject.steps():
        for kind, key in (("wait", "for"), ("approval", "expires")):
            text = step.get(kind, {}).get(key)
            if text is not None and _seconds(text, 0.0) >= deadline:
                yield f"{path}/{kind}/{key}", said("it takes as long as the whole run may")


@lint_rule("lint.approvers", "Approvals reach people who may decide")
def _approvers(subject: Subject) -> Iterator[tuple[str, str]]:
    """Auditors change nothing, so that a question to them is for admins alone; and an escalation to the very role that
    is asked already tells nobody new. Name the role of those who shall decide."""
    for step, path in subject.steps():
        spec = step.get("approval", {})
        if spec.get("approvers") == "auditor":
            yield f"{path}/approval/approvers", said("auditors decide nothing; only admins could")
        if "escalate" in spec and spec["escalate"]["to"] == spec["approvers"]:
            yield f"{path}/approval/escalate/to", said("this role is asked from the beginning")


def _seconds(text: str | None, default: float) -> float:
    return default if text is None else seconds_or(text, default)


@lint_rule("lint.timeout", "Effects have a timeout of their own")
def _timeout(subject: Subject) -> Iterator[tuple[str, str]]:
    """A retried effect with several attempts but without `policy.timeout_s` waits for the connection's default each
    time. Give the step the time that the provider really needs."""
    for step, path in subject.calls():
        policy = step.get("policy", {})
        if "retry" in policy and "timeout_s" not in policy:
            yield f"{path}/policy", said("retries are set but no timeout")


@lint_rule("lint.unkeyed_retry", "Unkeyed effects are not retried")
def _unkeyed(subject: Subject) -> Iterator[tuple[str, str]]:
    """An action whose provider honours no idempotency key and offers no look-up can not be repeated safely: after
    an unclear answer the run stops for an operator. Do not set retries on it, or use an action with a key."""
    for step, path in subject.calls():
        attempts = step.get("policy", {}).get("retry", {}).get("max_attempts", 1)
        if subject.effect(step) == "unkeyed" and attempts > 1:
            yield f"{path}/policy/retry", said("the provider would do it twice: no key, no look-up")


@lint_rule("lint.compensation", "Money and goods can be given back")
def _compensation(subject: Subject) -> Iterator[tuple[str, str]]:
    """When a later step fails, a payment, reservation or shipment stays as it is unless `compensate` undoes it."""
    for step, path in list(_sequence(subject.content["steps"], "/steps"))[:-1]:
        if "call" not in step or "compensate" in step or subject.effect(step) == "safe":
            continue
        undo = subject.undone_by(step)
        if undo or (subject.effect(step) is None and LIKE_PAYMENT.search(step["call"]["action"])):
            yield (
                path,
                (
                    said("nothing undoes it when a later step fails; {undo} does", undo=undo)
                    if undo
                    else said("nothing undoes it when a later step fails")
                ),
            )


def _sequence(steps: list[Step], path: str) -> Iterator[tuple[Step, str]]:
    """Steps in order of running, those of failure handlers left out."""
    for index, step in enumerate(steps):
        place = f"{path}/{index}"
        yield step, place
        for inner, inner_path in inner_lists(step, place):
            if "/on_failure/" not in inner_path:
                yield from _sequence(inner, inner_path)


@lint_rule("lint.unused_compensation", "Compensations can happen")
def _unused_compensation(subject: Subject) -> Iterator[tuple[str, str]]:
    """Compensations run only for error classes that the failure table sends there."""
    if "compensate" in subject.content.get("failure", {}).values():
        return
    for step, path in subject.calls():
        if "compensate" in step:
            yield f"{path}/compensate", said("the failure table never says compensate")


@lint_rule("lint.unused_step", "Results are used")
def _unused(subject: Subject) -> Iterator[tuple[str, str]]:
    """A mapping or a safe call whose output nobody reads costs time and says nothing. Remove it or use it."""
    final = f"/steps/{len(subject.content['steps']) - 1}"
    for step, path in subject.steps():
        pure = "map" in step or ("call" in step and subject.effect(step) == "safe")
        if pure and step["id"] not in subject.used and path != final and "/for_each/" not in path:
            yield path, said("nobody reads steps.{step}.output", step=step["id"])


@lint_rule("lint.no_else", "Branches say what happens otherwise")
def _no_else(subject: Subject) -> Iterator[tuple[str, str]]:
    """When no case is true a branch without `else` does nothing, which reads like an oversight."""
    for step, path in subject.steps():
        if "branch" in step and "else" not in step:
            yield f"{path}/branch", said("no else says what happens when no case is true")


@lint_rule("lint.unreachable", "Every step can be reached")
def _unreachable(subject: Subject) -> Iterator[tuple[str, str]]:
    """Steps after an unconditional `stop` never run."""
    lists = [(subject.content["steps"], "/steps")]
    lists += [found for step, path in subject.steps() for found in inner_lists(step, path)]
    for steps, path in lists:
        for index, step in enumerate(steps[:-1]):
            if "stop" in step and "when" not in step and not step.get("disabled"):
                yield f"{path}/{index + 1}", said("the run ended at {step}", step=step["id"])
                break


@lint_rule("lint.swallowed_failure", "Failures are not passed over")
def _swallowed(subject: Subject) -> Iterator[tuple[str, str]]:
    """`then: continue` for every class without any step hides the failure. Name the classes that are harmless."""
    for step, path in subject.steps():
        handler = step.get("on_failure", {})
        if handler.get("then") == "continue" and not handler.get("classes") and not handler.get("steps"):
            yield f"{path}/on_failure", said("any failure at all is passed over")
