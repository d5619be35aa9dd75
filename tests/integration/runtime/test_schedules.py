"""Flows started by a clock: each slot once, missed slots as the document says, the clock follows the deployment."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.errors import NotFound
from ipaas.flows.models import Deployment, Flow
from ipaas.flows.services import pause_flow, resume_flow
from ipaas.governance import services as governance
from ipaas.runtime import schedules
from ipaas.runtime.models import Run, TriggerSlot, TriggerState
from ipaas.runtime.schedules import fire_schedules
from ipaas.runtime.values import read_values
from tests.integration.runtime.conftest import World, call

IDS = {"business_ids": {"slot": "trigger.body.scheduled_at"}, "primary_business_id": "slot"}


def hourly(world: World, slug: str = "hourly", **spec: Any) -> Flow:
    return world.flow(call("charge"), slug=slug, trigger={"schedule": {"cron": "0 * * * *", **spec}}, **IDS)


def bodies() -> list[dict[str, Any]]:
    return [read_values(run)["trigger"]["body"] for run in Run.objects.order_by("id")]


def at(hour: int) -> str:
    return now().replace(hour=hour, minute=0, second=0).isoformat()


def test_a_slot_starts_one_run_at_its_time(world: World, clock: Any) -> None:
    flow = hourly(world)
    assert fire_schedules() == 0
    clock.shift(timedelta(hours=1))
    assert (fire_schedules(), fire_schedules()) == (1, 0)
    run = Run.objects.get(flow_id=flow.id)
    assert (run.trigger, run.business_key) == ("schedule", at(13))
    assert bodies() == [{"scheduled_at": at(13)}]
    assert TriggerSlot.objects.get().run_id == run.id
    assert TriggerState.objects.get().next_at.isoformat() == at(14)
    world.go_on(run)
    assert Run.objects.get().status == "succeeded"


def test_many_schedulers_start_a_slot_once(world: World, clock: Any) -> None:
    for number in range(3):
        hourly(world, f"hourly-{number}")
    clock.shift(timedelta(hours=1))
    fired: list[int] = []

    def schedule() -> None:
        try:
            fired.append(fire_schedules())
        finally:
            connection.close()

    threads = [threading.Thread(target=schedule) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fired.append(fire_schedules())
    assert (sum(fired), Run.objects.count(), TriggerSlot.objects.count()) == (3, 3, 3)


def test_a_slot_that_was_run_is_not_run_again_whatever_the_clock_says(world: World, clock: Any) -> None:
    hourly(world)
    clock.shift(timedelta(hours=1))
    fire_schedules()
    TriggerState.objects.update(next_at=now().replace(minute=0, second=0))
    assert fire_schedules() == 0
    assert Run.objects.count() == 1


def test_slots_missed_while_nothing_ran_are_made_up_for_once(world: World, clock: Any) -> None:
    hourly(world)
    clock.shift(timedelta(hours=3, minutes=20))
    assert fire_schedules() == 1
    assert bodies() == [{"scheduled_at": at(15), "missed_since": at(13)}]
    assert TriggerState.objects.get().next_at.isoformat() == at(16)


def test_missed_slots_are_left_out_where_the_document_says_so(world: World, clock: Any) -> None:
    hourly(world, missed="skip")
    clock.shift(timedelta(hours=3, minutes=20))
    assert fire_schedules() == 0
    clock.shift(timedelta(minutes=40))
    assert fire_schedules() == 1
    assert bodies() == [{"scheduled_at": at(16)}]


def test_the_schedule_of_a_paused_flow_waits_for_it(world: World, clock: Any) -> None:
    flow = hourly(world)
    pause_flow(flow=flow, actor=SYSTEM, reason="repair")
    clock.shift(timedelta(hours=2))
    assert fire_schedules() == 0
    resume_flow(flow=flow, actor=SYSTEM)
    assert fire_schedules() == 1
    assert bodies() == [{"scheduled_at": at(14), "missed_since": at(13)}]


def test_the_clock_follows_what_is_deployed(world: World, clock: Any) -> None:
    flow = hourly(world)
    first = TriggerState.objects.get()
    daily = {"schedule": {"cron": "0 6 * * *", "timezone": "Asia/Tokyo"}}
    world.flow(call("charge"), slug="hourly", trigger=daily, **IDS)
    state = TriggerState.objects.get()
    assert (state.id, state.next_at.isoformat()) == (first.id, at(21))
    assert state.version_id != first.version_id
    deployment = Deployment.objects.get(flow=flow)
    governance.roll_back(deployment=deployment, actor=SYSTEM, reason="wrong hour")
    assert TriggerState.objects.get().next_at.isoformat() == at(13)
    governance.undeploy(deployment=deployment, actor=SYSTEM, reason="no more")
    clock.shift(timedelta(hours=2))
    assert fire_schedules() == 0
    world.flow(call("charge"), slug="hourly", trigger={"manual": {}}, business_ids={"slot": "trigger.body.id"},
               primary_business_id="slot")  # fmt: skip
    assert not TriggerState.objects.get().active


def test_a_schedule_that_can_not_start_leaves_the_others_alone(
    world: World, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = hourly(world, "broken"), hourly(world, "sound")
    real = schedules.plan_for
    lost = Deployment.objects.get(flow=broken).version_id

    def plan_for(version_id: Any) -> Any:
        if version_id == lost:
            raise NotFound(what="mapping gone@1")
        return real(version_id)

    monkeypatch.setattr(schedules, "plan_for", plan_for)
    clock.shift(timedelta(hours=1))
    assert fire_schedules() == 1
    assert Run.objects.get().flow_id == sound.id
    assert "mapping gone@1" in TriggerState.objects.get(flow_id=broken.id).last_error
    monkeypatch.undo()
    assert fire_schedules() == 1
    assert TriggerState.objects.get(flow_id=broken.id).last_error == ""
