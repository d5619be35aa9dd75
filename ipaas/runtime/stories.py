"""The story of a business id: every run that carries it, of whichever flow, in the order of time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from ipaas.core.actor import Actor
from ipaas.runtime.business_ids import found_by
from ipaas.runtime.models import Effect, Run

MOST_RUNS = 100
MOST_EFFECTS = 2000


@dataclass(frozen=True, slots=True)
class Story:
    """Runs in the order of time; ``effects`` are what each of them changed outside, without failed tries.

    ``more``: there are older runs beyond the newest ``MOST_RUNS``.
    """

    runs: Sequence[Run]
    effects: Mapping[UUID, Sequence[Effect]]
    more: bool


def find_story(actor: Actor, name: str, value: str) -> Story:
    """The runs that exist for the actor with this business id, be it kept readable or masked."""
    if actor.workspace_id is None:
        return Story([], {}, more=False)
    named = found_by(actor.workspace_id, value).filter(name=name).order_by("-run_id")
    found = list(named.values_list("run_id", flat=True)[: MOST_RUNS + 1])
    runs = list(Run.objects.visible_to(actor).filter(id__in=found[:MOST_RUNS]).order_by("id"))
    return Story(runs, effects_by_run(runs), len(found) > MOST_RUNS)


def effects_by_run(runs: Sequence[Run]) -> Mapping[UUID, Sequence[Effect]]:
    """What happened outside, by the run that did it: a replay shows only what it did itself."""
    found: dict[UUID, list[Effect]] = defaultdict(list)
    rows = Effect.objects.filter(root_run_id__in={run.root_run_id for run in runs}).exclude(state=Effect.State.FAILED)
    for effect in rows.order_by("run_id", "path", "item").defer("result", "request_hash")[:MOST_EFFECTS]:
        found[effect.run_id].append(effect)
    return found
