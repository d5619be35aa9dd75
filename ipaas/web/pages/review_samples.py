"""What a change does to real data: recent inputs of runs, what they became, and what they become with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.core.documents import DocumentVersion
from ipaas.core.errors import IpaasError
from ipaas.core.phrases import in_words
from ipaas.flows.models import Flow
from ipaas.governance.models import Review
from ipaas.mapping import engine
from ipaas.mapping.engine import CompiledMapping
from ipaas.mapping.resolving import resolver_of
from ipaas.runtime.models import Run
from ipaas.runtime.samples import Sample, captured_inputs
from ipaas.web.differences import differences
from ipaas.web.readmodels import DiffRow, Link

MOST_SAMPLES = 8
MOST_ROWS = 40
"""Changed values of one sample that are shown; more are counted."""
WITHIN_S = 2.0


@dataclass(frozen=True)
class SampleRow:
    """What one captured sample became before and becomes after; ``problem`` says why it does not become anything.

    ``alike`` are other runs for which the same changes in the same way.
    """

    label: str
    flow: str
    at: datetime
    url: str
    rows: Sequence[DiffRow]
    more: int = 0
    problem: str = ""
    was_problem: str = ""
    alike: Sequence[Link] = ()

    @property
    def differs(self) -> bool:
        return bool(self.rows or self.problem or self.was_problem)


def sample_rows(request: WorkspaceRequest, review: Review, base: DocumentVersion | None) -> list[SampleRow] | None:
    """Recent inputs of runs, those that change alike together; None where there can be none."""
    if review.kind != "mapping" or not request.actor.may("runs.view"):
        return None
    found = captured_inputs(actor=request.actor, workspace=request.workspace, mapping=review.slug, limit=MOST_SAMPLES)
    if not found:
        return []
    before = None if base is None else _compiled(request, base.content)
    after = _compiled(request, review.settled)
    runs = Run.objects.visible_to(request.actor).filter(id__in=[one.run_id for one in found])
    names = dict(runs.values_list("id", "business_key"))
    flows = Flow.objects.in_workspace(request.workspace.id).filter(slug__in={one.flow for one in found})
    titles = dict(flows.values_list("slug", "title"))
    return _together([_sample_row(request, one, before, after, names, titles) for one in found])


def samples_summed(samples: Sequence[SampleRow]) -> str:
    """How many of the inputs that were looked at become something else."""
    count = sum(1 + len(one.alike) for one in samples)
    changed = sum(1 + len(one.alike) for one in samples if one.differs)
    if not changed:
        return ngettext(
            "The newest input becomes the same as before.",
            "All {count} newest inputs become the same as before.",
            count,
        ).format(count=count)
    return ngettext(
        "{changed} of the {count} newest input becomes something else. What is not shown stays as it is.",
        "{changed} of the {count} newest inputs become something else. What is not shown stays as it is.",
        count,
    ).format(changed=changed, count=count)


def _together(rows: Sequence[SampleRow]) -> list[SampleRow]:
    """The first of those that change alike stands for the others; what changes comes before what does not."""
    groups: dict[Any, list[SampleRow]] = {}
    for row in rows:
        groups.setdefault((row.flow, tuple(row.rows), row.more, row.problem, row.was_problem), []).append(row)
    found = [replace(group[0], alike=[Link(one.label, one.url) for one in group[1:]]) for group in groups.values()]
    return sorted(found, key=lambda one: not one.differs)


def _compiled(request: WorkspaceRequest, content: Mapping[str, Any]) -> CompiledMapping | str:
    """The mapping, or why there is none."""
    try:
        return engine.compile(content, resolve=resolver_of(request.workspace.id))
    except IpaasError as error:
        return in_words(error.detail)


def _sample_row(
    request: WorkspaceRequest,
    sample: Sample,
    before: CompiledMapping | str | None,
    after: CompiledMapping | str,
    names: Mapping[Any, str],
    titles: Mapping[str, str],
) -> SampleRow:
    was, was_problem = (None, "") if before is None else _target(before, sample)
    now_is, problem = _target(after, sample)
    rows = list(differences({} if was is None else was, {} if now_is is None else now_is, root=_("(all)")))
    label = names.get(sample.run_id) or _("Run {id}").format(id=str(sample.run_id)[-8:])
    return SampleRow(
        label=label + (f" #{sample.item}" if sample.item else ""),
        flow=titles.get(sample.flow, sample.flow),
        at=sample.at,
        url=reverse("runtime:run_detail", args=[request.workspace.slug, sample.run_id]),
        rows=rows[:MOST_ROWS],
        more=max(0, len(rows) - MOST_ROWS),
        problem=problem,
        was_problem=was_problem,
    )


def _target(mapping: CompiledMapping | str, sample: Sample) -> tuple[Any, str]:
    """What a sample becomes as far as it goes, and the first fault."""
    if isinstance(mapping, str):
        return None, mapping
    found = mapping.explain(sample.source, sample.scope, within_s=WITHIN_S, timed=False)
    fault = found.first_error
    return found.target, in_words(fault.detail) if fault is not None else ""
