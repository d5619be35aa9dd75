"""The scheduler does all its duties, and one that fails leaves the others alone."""

import pytest

from ipaas.runtime import scheduler
from ipaas.runtime.models import Run, TriggerState
from ipaas.runtime.scheduler import Scheduler
from tests.integration.runtime.conftest import World, call, sql

IDS = {"business_ids": {"slot": "trigger.body.scheduled_at"}, "primary_business_id": "slot"}


def test_a_tick_fires_what_is_due_although_a_duty_before_it_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect() -> None:
        message = "a defect"
        raise RuntimeError(message)

    world.flow(call("charge"), trigger={"schedule": {"cron": "* * * * *"}}, **IDS)
    sql("UPDATE runtime_triggerstate SET next_at = next_at - interval '1 hour'")
    monkeypatch.setattr(scheduler, "ring_due_lanes", defect)
    Scheduler().tick(0.0)
    assert Run.objects.get().trigger == "schedule"
    assert TriggerState.objects.get().last_error == ""


def test_every_duty_works(world: World) -> None:
    for _, duty in Scheduler()._duties:
        duty()
