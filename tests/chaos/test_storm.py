"""The whole product under SIGKILL, judged by the vendors' own books; the long form is ``manage.py bench chaos``."""

import pytest

from bench.chaos import FROZEN, SUPERVISOR, VICTIMS, plan, run_storm

pytestmark = pytest.mark.chaos


def test_nothing_is_lost_or_done_twice_while_every_process_is_killed() -> None:
    storm = run_storm(1, orders=130, seconds=26, every_s=2)

    assert storm.problems == [], storm.as_line()
    assert len(storm.accepted) == 130
    assert set(storm.killed) == {SUPERVISOR, *VICTIMS}
    assert storm.ends["shipped"] > 0
    assert storm.faults > 0


def test_a_seed_names_its_storm() -> None:
    one = plan(7, seconds=60, every_s=4, supervisor=False)
    assert one == plan(7, seconds=60, every_s=4, supervisor=False) != plan(8, seconds=60, every_s=4, supervisor=False)
    assert {kill.victim for kill in one} == set(VICTIMS)
    assert FROZEN in {kill.victim for kill in plan(7, seconds=300, every_s=4, supervisor=True)}
