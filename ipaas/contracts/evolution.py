"""Whether a draft of a schema may follow what is published: by the compatibility mode, or by a steward's decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from ipaas.accounts.models import Workspace
from ipaas.contracts.compatibility import MODES, Mode, Problem, Verdict, check, versions_to_check
from ipaas.contracts.compatibility.inclusion import Undeclared
from ipaas.contracts.models import Schema, SchemaVersion
from ipaas.contracts.queries import bundle_of
from ipaas.core.document_forms import Finding, content_sha256
from ipaas.core.document_types import CheckResult
from ipaas.core.phrases import said

SETTING = "schema_compatibility"
USUAL: Mode = "backward"
MOST_VERSIONS = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """What a change is held to; ``source`` is where the mode was said: document, workspace or platform."""

    mode: Mode
    undeclared: Undeclared
    source: str


@dataclass(frozen=True, slots=True)
class Compared:
    """The verdict of a draft against one published version."""

    number: int
    verdict: Verdict


def rule_for(content: Mapping[str, Any] | None, workspace_id: UUID) -> Rule:
    """The rule of a schema by its published content; a mode that only the draft has holds from its publication on."""
    given = content or {}
    undeclared: Undeclared = "possible" if given.get("undeclared_properties") == "possible" else "absent"
    if given.get("compatibility") in MODES:
        return Rule(given["compatibility"], undeclared, "document")
    usual = Workspace.objects.values_list("settings", flat=True).get(id=workspace_id).get(SETTING)
    if usual in MODES:
        return Rule(usual, undeclared, "workspace")
    return Rule(USUAL, undeclared, "platform")


def published_contents(workspace_id: UUID, slug: str) -> dict[int, dict[str, Any]]:
    """The published versions by number, each with its whole schema; deprecated ones do not count."""
    rows = SchemaVersion.objects.filter(document__workspace_id=workspace_id, document__slug=slug, state="published")
    return {row.number: {**row.content, "schema": row.whole} for row in rows.order_by("-number")[:MOST_VERSIONS]}


def compare(schema: Any, rule: Rule, versions: Mapping[int, dict[str, Any]]) -> list[Compared]:
    """The verdict against each version that the mode asks for, newest first."""
    return [
        Compared(number, check(versions[number]["schema"], schema, rule.mode, undeclared=rule.undeclared))
        for number in versions_to_check(rule.mode, list(versions))
    ]


def accepted_break(schema: Schema | None, whole: Any) -> Mapping[str, Any] | None:
    """The decision of a steward to publish exactly this schema upon exactly this version although it may break."""
    given = schema.accepted_break if schema is not None else None
    if not given or schema is None or given["upon"] != schema.latest_version:
        return None
    return cast("Mapping[str, Any]", given) if given["sha256"] == content_sha256(whole) else None


def compatibility_check(content: dict[str, Any], published: dict[str, Any] | None, workspace_id: UUID) -> CheckResult:
    """The point of the checklist: the verdict on a draft, in the mode that holds now."""
    if published is None:
        return CheckResult(state="not_applicable", summary=said("It is the first version."))
    rule = rule_for(published, workspace_id)
    if rule.mode == "none":
        return CheckResult(state="not_applicable", summary=said("Changes of this schema are not checked (mode none)."))
    whole = bundle_of(content, workspace_id).schema
    compared = compare(whole, rule, published_contents(workspace_id, content["slug"]))
    schema = Schema.objects.filter(workspace_id=workspace_id, slug=content["slug"]).first()
    return result_of(compared, rule, accepted_break(schema, whole))


def result_of(compared: list[Compared], rule: Rule, accepted: Mapping[str, Any] | None) -> CheckResult:
    """The verdicts as the result of a check: what is not proven keeps the draft from being published."""
    numbers = ", ".join(str(one.number) for one in compared)
    bad = [one for one in compared if one.verdict.state != "compatible"]
    if not bad:
        notes = tuple(relied_on(one.number, one.verdict) for one in compared if one.verdict.relied_on)
        summary = said("Compatible with version {numbers} ({mode}).", numbers=numbers, mode=rule.mode)
        return CheckResult(state="warning" if notes else "passed", summary=summary, details=notes)
    names = {"numbers": ", ".join(str(one.number) for one in bad), "mode": rule.mode}
    if accepted is not None:
        summary = said(
            "Not compatible with version {numbers} ({mode}); {who} decided to publish it: {reason}",
            who=accepted["by"], reason=accepted["reason"], **names,
        )  # fmt: skip
        return CheckResult(state="warning", summary=summary, details=_findings(bad, "warning"))
    if all(one.verdict.state == "undecided" for one in bad):
        summary = said("Whether it is compatible with version {numbers} ({mode}) can not be decided.", **names)
    else:
        summary = said("Not compatible with version {numbers} ({mode}).", **names)
    return CheckResult(state="failed", summary=summary, details=_findings(bad, "error"))


def _findings(compared: list[Compared], severity: Any) -> tuple[Finding, ...]:
    return tuple(
        Finding(f"/schema{problem.path}", f"schema.{problem.state}", told(problem, one.number), severity)
        for one in compared
        for problem in one.verdict.problems
    )


def told(problem: Problem, number: int) -> str:
    """A problem as one sentence, with the place in the data and the way out."""
    place = problem.place or said("the whole")
    return said(
        "{place}: {words} (version {number}). {advice}",
        place=place, words=problem.words, number=number, advice=problem.advice,
    )  # fmt: skip


def relied_on(number: int, verdict: Verdict) -> Finding:
    """That a compatible verdict counts upon what writers do not send."""
    message = said(
        "it counts on writers not sending properties that version {number} does not name ({places})",
        number=number,
        places=", ".join(verdict.relied_on[:10]),
    )
    return Finding("/schema", "schema.undeclared", message, "warning")
