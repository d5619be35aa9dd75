"""How far a connector has been proved: bronze, silver or gold, computed from what passes and never declared.

``ipaas connector test`` runs the generated suite, asks the manifest, and writes both into ``quality.json`` beside it,
with a digest of the folder. When a connector is loaded, that file is believed while the digest still fits; a folder
that was changed since has no level until it is tested again.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipaas.core.jsonio import JsonInvalid, dumps, loads
from ipaas.sdk.manifest import ActionSpec, Effect, Manifest
from ipaas.sdk.samples import Sample

FILE = "quality.json"
LEVELS = ("bronze", "silver", "gold")
_READ = ("manifest.yaml", "connector.py", "README.md", "schemas/*.json", "samples/*.yaml")
"""What the level is about, below the folder."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What requirements look at beside the outcome of tests."""

    manifest: Manifest
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One rung: tests of the suite that have to pass, and a condition that says what is missing, "" when nothing."""

    level: str
    name: str
    text: str
    tests: tuple[str, ...] = ()
    lacks: Callable[[Facts], str] = lambda _facts: ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a requirement; ``reason`` says what is missing."""

    level: str
    name: str
    passed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """``level`` is "" below bronze, or where nobody knows."""

    level: str = ""
    outcomes: tuple[Outcome, ...] = ()

    @property
    def missing(self) -> tuple[Outcome, ...]:
        """What stands between the connector and gold."""
        return tuple(one for one in self.outcomes if not one.passed)


def _writing(manifest: Manifest) -> list[ActionSpec]:
    return [one for one in manifest.actions.values() if one.effect != Effect.SAFE]


def _named(names: Iterable[str], words: str) -> str:
    found = sorted(set(names))
    return f"{words}: {', '.join(found[:8])}{' …' if len(found) > 8 else ''}" if found else ""


def has_stand_in(manifest: Manifest) -> bool:
    """Whether the suite can call it: without a stand-in nothing is proved, whatever other tests there are."""
    return bool(manifest.stub.get("operations")) or manifest.protocol == "smtp"


def _not_stubbed(facts: Facts) -> str:
    known = facts.manifest.stub.get("operations", {})
    served = facts.manifest.actions if facts.manifest.protocol == "smtp" else known
    return _named(facts.manifest.actions.keys() - served, "the stand-in does not answer")


def _no_error_table(facts: Facts) -> str:
    manifest = facts.manifest
    told = (
        manifest.errors
        or manifest.protocol != "http"
        or all(one.errors or one.free_path for one in manifest.actions.values())
    )
    return "" if told else "the manifest has no error rules"


def _unkeyed(facts: Facts) -> str:
    bare = [one.name for one in _writing(facts.manifest) if one.effect == Effect.UNKEYED]
    return _named(bare, "a repetition of these can not be recognised")


def _unsigned(facts: Facts) -> str:
    hooks = [one for one in facts.manifest.triggers.values() if one.kind == "webhook"]
    return _named((one.name for one in hooks if one.signature is None or one.signature.kind == "none"), "not signed")


def _no_samples(facts: Facts) -> str:
    hooks = {one.name for one in facts.manifest.triggers.values() if one.kind == "webhook"}
    proved = {one.trigger for one in facts.samples if one.secret}
    if hooks - proved:
        return _named(hooks - proved, "no signed sample of the vendor's for the trigger")
    return "" if facts.samples else "no sample of the vendor's documentation"


def _no_scopes(facts: Facts) -> str:
    if not any(one.scopes or one.type.startswith("oauth2") for one in facts.manifest.auth.values()):
        return ""
    return _named((one.name for one in facts.manifest.actions.values() if not one.scopes), "no scopes are named for")


def _no_changes(facts: Facts) -> str:
    manifest = facts.manifest
    return "" if manifest.api_version and manifest.changelog_url else "api_version and changelog_url are not both told"


def _not_undone(facts: Facts) -> str:
    actions = facts.manifest.actions
    undone = {other for one in actions.values() for other in one.compensates if not actions[other].compensated_by}
    undoing = {one.compensated_by.action for one in actions.values() if one.compensated_by}
    undoing |= {one.name for one in actions.values() if one.compensates}
    undoing |= {one.subscription.delete.action for one in facts.manifest.triggers.values() if one.subscription}
    idle = {one.name for one in actions.values() if one.method == "DELETE"} - undoing
    return _named(undone, "compensated_by is missing") or _named(idle, "undoes nothing that is named")


LADDER: tuple[Requirement, ...] = (
    Requirement(
        "bronze",
        "valid",
        "The manifest is valid, the folder complete, and every example fits its schema.",
        (
            "test_the_folder_is_complete",
            "test_settings_and_examples_fit_their_schemas",
            "test_every_effect_expression_gives_an_effect",
            "test_unknown_parameters_are_refused_before_anything_leaves",
        ),
    ),
    Requirement(
        "bronze",
        "stand-in",
        "The stand-in answers every operation as the manifest describes it.",
        ("test_every_action_works_against_the_stub", "test_a_subscription_is_made_found_and_ended"),
        _not_stubbed,
    ),
    Requirement(
        "bronze",
        "secrets",
        "Every scheme authenticates, and no credential is shown.",
        ("test_every_scheme_authenticates_and_no_credential_is_shown",),
    ),
    Requirement(
        "silver",
        "errors",
        "There is an error table, each of its rules is reached, and broken answers are never taken for good ones.",
        (
            "test_every_error_rule_is_reached",
            "test_statuses_are_classified_and_retry_after_is_read",
            "test_a_business_rejection_is_one",
            "test_a_changed_shape_is_a_contract_violation",
            "test_a_broken_answer_leaves_the_outcome_open",
        ),
        _no_error_table,
    ),
    Requirement(
        "silver",
        "pages",
        "Every list ends, and holds each item once.",
        ("test_pages_end_and_hold_every_item_once", "test_polls_give_items_once"),
    ),
    Requirement(
        "silver",
        "effects",
        "Every writing operation is recognised when it is repeated, by a key or a look-up.",
        ("test_a_repeated_key_has_one_effect", "test_a_look_up_tells_whether_the_effect_happened"),
        _unkeyed,
    ),
    Requirement(
        "silver",
        "signatures",
        "Every webhook trigger is signed, and a bad signature is refused.",
        ("test_webhooks_are_signed_and_fit_their_schema", "test_a_bad_signature_is_refused"),
        _unsigned,
    ),
    Requirement(
        "gold",
        "samples",
        "Samples of the vendor's own documentation are understood: a signed delivery of every webhook trigger, else an "
        "answer.",
        ("test_samples_of_the_vendor_are_understood",),
        _no_samples,
    ),
    Requirement(
        "gold", "scopes", "Where the vendor knows scopes, every operation names those it needs.", (), _no_scopes
    ),
    Requirement(
        "gold", "changes", "The version of the API is told, and where its changes are announced.", (), _no_changes
    ),
    Requirement(
        "gold",
        "compensation",
        "What an operation undoes names it as its compensation, and no deletion stands alone.",
        (),
        _not_undone,
    ),
)


def judge(facts: Facts, failed: Mapping[str, str]) -> Quality:
    """The level by the failed tests of the suite (name → message) and by the manifest."""
    outcomes = []
    for one in LADDER:
        broken = next((f"{name}: {failed[name]}" for name in one.tests if name in failed), "")
        reason = broken or one.lacks(facts)
        outcomes.append(Outcome(one.level, one.name, not reason, reason[:300]))
    reached = ""
    for level in LEVELS:
        if not all(one.passed for one in outcomes if one.level == level):
            break
        reached = level
    return Quality(reached, tuple(outcomes))


def digest(folder: Path) -> str:
    """SHA-256 over what the level is about."""
    whole = hashlib.sha256()
    for path in sorted(path for pattern in _READ for path in folder.glob(pattern)):
        whole.update(f"{path.relative_to(folder).as_posix()}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def write_quality(folder: Path, quality: Quality) -> None:
    """Keep the outcome beside the manifest."""
    rows = [
        {"level": one.level, "name": one.name, "passed": one.passed, "reason": one.reason} for one in quality.outcomes
    ]
    document = {"digest": digest(folder), "level": quality.level, "requirements": rows}
    (folder / FILE).write_bytes(dumps(document) + b"\n")


def read_quality(folder: Path) -> Quality:
    """The outcome of the last test; without a level where the folder was changed since, or never tested."""
    try:
        found: Any = loads((folder / FILE).read_bytes())
        outcomes = tuple(
            Outcome(str(one["level"]), str(one["name"]), one["passed"] is True, str(one["reason"]))
            for one in found["requirements"]
        )
        level = found["level"] if found["level"] in LEVELS and found["digest"] == digest(folder) else ""
    except (OSError, JsonInvalid, KeyError, TypeError):
        return Quality()
    return Quality(level, outcomes if level or found["digest"] == digest(folder) else ())
