"""Two operators act on the same stopped run in the same moment: one of them is told, and nothing happens twice."""

import threading
from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import pytest
from django.db import connection

from ipaas.core.actor import SYSTEM
from ipaas.core.errors import IpaasError
from ipaas.runtime.models import DeadLetter, Run, Work
from ipaas.runtime.replays import correct_and_replay, discard_dead_letter, replay_dead_letter, replay_run
from ipaas.runtime.services import cancel_run, resume_run, settle_effect, skip_step
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import ok, unknown

Deed = Callable[[Run, DeadLetter], Any]
WHY: dict[str, Any] = {"actor": SYSTEM, "reason": "asked for"}
DEEDS: dict[str, Deed] = {
    "resume": lambda run, _: resume_run(run=run, **WHY),
    "skip": lambda run, _: skip_step(run=run, **WHY),
    "cancel": lambda run, _: cancel_run(run=run, **WHY),
    "replay": lambda run, _: replay_run(run=run, **WHY),
    "replay letter": lambda _, letter: replay_dead_letter(letter=letter, **WHY),
    "correct": lambda _, letter: correct_and_replay(letter=letter, input={"id": "o-1"}, **WHY),
    "discard": lambda _, letter: discard_dead_letter(letter=letter, **WHY),
    "settle: it did": lambda run, _: settle_effect(run=run, path="charge", item="", happened=True, result={}, **WHY),
    "settle: it did not": lambda run, _: settle_effect(run=run, path="charge", item="", happened=False, **WHY),
}


def at_once(deeds: tuple[str, str], run: Run, letter: DeadLetter) -> list[BaseException]:
    """Do both in threads that start together; what they raised."""
    together, raised = threading.Barrier(2), list[BaseException]()

    def act(deed: Deed) -> None:
        together.wait()
        try:
            deed(run, letter)
        except Exception as error:  # judged by the caller
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(DEEDS[name],)) for name in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.parametrize("deeds", list(combinations_with_replacement(DEEDS, 2)), ids=" + ".join)
def test_two_deeds_at_once(world: World, deeds: tuple[str, str]) -> None:
    world.gateway.on("charge", unknown(), ok({"id": "c-1"}))
    run = world.play(world.flow(call("charge"), call("ship")))
    assert run.status == Run.Status.NEEDS_OPERATOR

    raised = at_once(deeds, run, DeadLetter.objects.get())

    assert all(isinstance(error, IpaasError) for error in raised), raised
    assert len(raised) < 2
    assert Work.objects.count() <= 1  # one run at most goes on
    world.go_on(run)
    assert world.gateway.paths.count("charge") <= 2  # the attempt in doubt, and one more
    assert world.gateway.paths.count("ship") <= 1
    assert not Run.objects.filter(status__in=Run.UNENDED).exists()
    assert not DeadLetter.objects.filter(state=DeadLetter.State.OPEN).exists()
