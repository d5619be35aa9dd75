"""Looking for inputs of mappings that differ from the schemas of their sources: beside the runs, never on their way.

The scheduler asks every few minutes; each time a handful of the newest inputs of each mapping is looked at, and of
runs whose input was refused, so that neither the number of runs nor their speed is felt.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.contracts.drift import Drift, drift_of
from ipaas.contracts.models import SchemaVersion
from ipaas.core import jsonio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import normalise
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import Phrase, said
from ipaas.core.references import split_reference
from ipaas.mapping.case_making import adding_sample
from ipaas.mapping.case_services import change_tests
from ipaas.mapping.models import Mapping, MappingVersion
from ipaas.mapping.resolving import resolver_of
from ipaas.outbox.emitting import emit
from ipaas.runtime.drift_models import DriftMark, MappingDrift
from ipaas.runtime.samples import Sample, captured_inputs

EVERY_S = 300.0
SAMPLES = 10
"""So many of the newest inputs of a mapping are looked at each time."""
MOST_OPEN = 100
"""A mapping that has more kinds of drift than these tells of no further ones."""
MOST_BYTES = 64_000
EVENT = "ipaas.mapping.drifted"


def find_drift() -> int:
    """Look at the newest inputs of every mapping whose source has a schema; returns how much that is new was found."""
    return sum(look_at(mapping) for mapping in Mapping.objects.filter(archived=False, latest_version__gt=0).iterator())


def look_at(mapping: Mapping) -> int:
    """The same for one mapping: whatever has run since it was looked at last."""
    newest = MappingVersion.objects.filter(document_id=mapping.id).order_by("-number").first()
    reference = str(newest.content.get("source_schema") or "") if newest is not None else ""
    schema = _schema(mapping.workspace_id, reference)
    if schema is None:
        return 0
    mark = DriftMark.objects.filter(mapping_id=mapping.id).first()
    samples = captured_inputs(
        actor=Actor(kind="system", id="system", label="system", workspace_id=mapping.workspace_id),
        workspace=mapping.workspace,
        mapping=mapping.slug,
        limit=SAMPLES,
        after=mark.run_id if mark else None,
        refused=True,
    )
    found = 0
    for sample in reversed(samples):
        found += sum(_keep(mapping, reference, sample, drift) for drift in _drifts(schema, sample))
    if samples:
        last = max(sample.run_id for sample in samples)
        DriftMark.objects.update_or_create(mapping_id=mapping.id, defaults={"run_id": last})
    return found


def _schema(workspace_id: UUID, reference: str) -> Any:
    if not reference:
        return None
    version = SchemaVersion.objects.of(workspace_id, *split_reference(reference))
    return version.whole if version is not None else None


def _drifts(schema: Any, sample: Sample) -> Iterator[Drift]:
    """A choice that was made up for something sensitive is none."""
    for drift in drift_of(schema, sample.source):
        if drift.kind != "new_value" or str(drift.value) not in sample.made_up:
            yield drift


@transaction.atomic
def _keep(mapping: Mapping, reference: str, sample: Sample, drift: Drift) -> bool:
    """Whether it was new; any number may race."""
    place = {"mapping_id": mapping.id, "kind": drift.kind, "path": drift.path[:500], "what": drift.what[:120]}
    known = MappingDrift.objects.filter(**place)
    if known.update(count=F("count") + 1, last_seen_at=sample.at):
        return False
    open_ones = MappingDrift.objects.filter(mapping_id=mapping.id, state=MappingDrift.State.OPEN)
    if open_ones.count() >= MOST_OPEN:
        return False
    row, fresh = MappingDrift.objects.get_or_create(
        **place,
        defaults={
            "workspace_id": mapping.workspace_id,
            "mapping": mapping.slug,
            "schema": reference,
            "first_seen_at": sample.at,
            "last_seen_at": sample.at,
            "run_id": sample.run_id,
            "flow": sample.flow,
            "step": sample.step[:500],
            "sample": _kept(sample.scope),
        },
    )
    if fresh:
        emit(
            EVENT,
            workspace_id=mapping.workspace_id,
            data={"mapping": mapping.slug, "schema": reference, "path": row.path, "kind": row.kind, "what": row.what},
            subject=mapping.slug,
            source=f"mapping/{mapping.slug}",
        )
    return fresh


def _kept(scope: dict[str, Any]) -> Any:
    try:
        kept = normalise(scope)
    except InvalidInput:
        return None
    return kept if len(jsonio.dumps(kept)) <= MOST_BYTES else None


# -- what people do about it -----------------------------------------------------------------------------------------


def open_drift(actor: Actor, mapping: Mapping) -> list[MappingDrift]:
    """What is neither tested nor ignored, what was seen last first; needs to see runs, whose data it tells of."""
    if not actor.may("runs.view"):
        return []
    rows = MappingDrift.objects.filter(workspace_id=mapping.workspace_id, mapping_id=mapping.id)
    return list(rows.filter(state=MappingDrift.State.OPEN)[:MOST_OPEN])


def drift_named(actor: Actor, mapping: Mapping, drift_id: UUID) -> MappingDrift:
    found = next((one for one in open_drift(actor, mapping) if one.id == drift_id), None)
    if found is None:
        raise NotFound(what="drift")
    return found


def words_of(drift: MappingDrift) -> Phrase:
    """What happened, for people."""
    where = drift.path or "/"
    if drift.kind == MappingDrift.Kind.UNKNOWN_FIELD:
        return said(
            "{where} comes with the data, and the schema does not name it ({what})", where=where, what=drift.what
        )
    if drift.kind == MappingDrift.Kind.NEW_VALUE:
        return said("{where} has the value {what!r}, which is no choice of the schema", where=where, what=drift.what)
    return said("{where} is of the type {what}, which the schema does not allow", where=where, what=drift.what)


@transaction.atomic
def ignore_drift(*, actor: Actor, mapping: Mapping, drift: MappingDrift) -> MappingDrift:
    """Tell of it no more; it is still counted."""
    require_permission(actor, "mappings.edit", mapping.workspace_id)
    drift.state = MappingDrift.State.IGNORED
    drift.save(update_fields=["state"])
    _record("mapping.drift_ignored", actor, mapping, drift)
    return drift


@transaction.atomic
def test_drift(*, actor: Actor, workspace: Workspace, mapping: Mapping, drift: MappingDrift) -> Mapping:
    """Add the input in which it was found first to the tests of the mapping's draft, with what comes out of it now."""
    if drift.sample is None:
        raise Conflict(what=said("The input was too large to be kept; make a test from a run, or by hand."))
    name = said("drift: {where} {what}", where=drift.path, what=drift.what)
    change = adding_sample(drift.sample, resolver_of(workspace.id), name=name, from_run=str(drift.run_id))
    changed = change_tests(actor=actor, workspace=workspace, slug=mapping.slug, change=change)
    drift.state = MappingDrift.State.TESTED
    drift.save(update_fields=["state"])
    _record("mapping.drift_tested", actor, mapping, drift)
    return changed


test_drift.__test__ = False  # type: ignore[attr-defined]  # not a test case of pytest


def _record(action: str, actor: Actor, mapping: Mapping, drift: MappingDrift) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=mapping.workspace_id,
        subject=("mapping", str(mapping.id), mapping.slug),
        details={"path": drift.path, "kind": drift.kind, "what": drift.what},
    )
