"""Home: what was achieved today, what is stuck, what waits for the reader."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ipaas.cli import demo_orders
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.ids import uuid7_at
from ipaas.flows.models import Flow, FlowVersion
from ipaas.runtime import today
from ipaas.runtime.models import Run
from ipaas.runtime.testing import TestWish, start_test
from ipaas.runtime.today import read_day
from ipaas.web.flow_figures import figures_of
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed, retry
from tests.integration.web.runtime.conftest import Browser, text_of

HOME = "web:home"


@pytest.fixture(autouse=True)
def _whole_day_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late it is, one page counts all of the day."""
    monkeypatch.setattr(today, "MOST_COUNTED_AT_ONCE", 1000)


def ask() -> dict[str, object]:
    spec = {"title": "Ship {{ trigger.body.id }}?", "evidence": {}, "approvers": "approver", "expires": "P1D"}
    return {"id": "ask", "approval": spec}


def test_it_tells_what_was_achieved_in_business_words(world: World, operator: Browser) -> None:
    flow = world.flow(call("charge"), title="Order to shipment")
    for number in range(3):
        world.play(flow, {"id": f"o-{number}"})
    world.gateway.on("charge", retry())
    world.play(flow, {"id": "o-3"})
    world.gateway.on("charge", failed())
    world.play(flow, {"id": "o-4"})
    row = operator.get(HOME).context["outcomes"][0]
    assert (row.flow, row.achieved, row.under_way, row.stuck) == ("Order to shipment", "3 orders done", 1, 1)
    assert sum(row.trend) == 5


def test_it_names_who_is_stuck_and_leads_there(world: World, operator: Browser) -> None:
    world.gateway.on("charge", failed(code="no_money"))
    world.play(world.flow(call("charge")), {"id": "o-7"})
    answer = operator.get(HOME)
    stuck = answer.context["tiles"][-1]
    assert (stuck["label"], stuck["value"], stuck["hint"]) == ("Stuck", "1", "o-7")
    todo = answer.context["todos"][0]
    assert todo.text == "1 order stopped at “Charge”: no money"
    assert operator.client.get(todo.url).status_code == 200


@pytest.mark.parametrize(("role", "seen"), [("approver", True), ("auditor", False), ("builder", False)])
def test_decisions_wait_for_those_who_may_decide(
    browser: Callable[[str], Browser], world: World, role: str, seen: bool
) -> None:
    world.play(world.flow(ask()))
    todos = browser(role).get(HOME).context["todos"]
    assert ([todo.text for todo in todos] == ["Ship o-1?"]) is seen


def test_an_unchanged_day_answers_a_poll_with_nothing(world: World, operator: Browser) -> None:
    flow = world.flow(call("charge"))
    version = operator.get(HOME).context["version"]
    assert operator.get(HOME, htmx=True, v=version).status_code == 204
    world.play(flow)
    answer = operator.get(HOME, htmx=True, v=version)
    assert "1 order done" in text_of(answer)
    assert "<html" not in text_of(answer)


def test_a_stranger_sees_no_home(operator: Browser, stranger: Browser) -> None:
    assert stranger.client.get(operator.url(HOME)).status_code == 404


def test_a_finished_slice_is_counted_once(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    flow = world.flow(call("charge"))
    run = world.play(flow)
    noon = now().replace(hour=12, minute=0, second=0, microsecond=0)
    early = noon - timedelta(hours=2)
    Run.objects.filter(id=run.id).update(id=uuid7_at(early))
    monkeypatch.setattr(today, "now", lambda: noon)
    assert read_day(world.workspace.id, [flow.id]).flows[flow.id].slices == {60: 1}
    with CaptureQueriesContext(connection) as queries:
        again = read_day(world.workspace.id, [flow.id])
    assert again.flows[flow.id].slices == {60: 1}
    assert again.complete
    Run.objects.all().delete()
    assert read_day(world.workspace.id, [flow.id]).flows[flow.id].slices == {60: 1}
    cache.clear()
    assert read_day(world.workspace.id, [flow.id]).flows[flow.id].begun == 0
    assert len(queries) == 3


def test_a_page_counts_only_so_much_at_once(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    flow = world.flow(call("charge"))
    noon = now().replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(today, "now", lambda: noon)
    monkeypatch.setattr(today, "MOST_COUNTED_AT_ONCE", 50)
    assert [read_day(world.workspace.id, [flow.id]).complete for _ in range(2)] == [False, True]


# -- runs that only tried a step out ---------------------------------------------------------------------------------


@pytest.fixture
def tried(world: World) -> Flow:
    """A flow with one run that was meant, one test that went well, one that failed and one still under way."""
    flow = world.flow(call("charge"))
    world.play(flow, {"id": "o-1"})
    for outcome in (None, failed(), retry()):
        if outcome is not None:
            world.gateway.on("charge", outcome)
        try_out(world, flow)
        world.work()
    statuses = Run.objects.filter(trigger="test").order_by("id").values_list("status", flat=True)
    assert list(statuses) == ["succeeded", "discarded", "waiting"]
    return flow


def try_out(world: World, flow: Flow) -> Run:
    wish = TestWish(step="charge", body={"id": "o-1"}, has_body=True)
    version = FlowVersion.objects.get(document=flow)
    return start_test(actor=SYSTEM, version=version, environment=world.environment, wish=wish)


def test_a_test_is_nothing_that_was_achieved(world: World, operator: Browser, tried: Flow) -> None:
    answer = operator.get(HOME)
    row = answer.context["outcomes"][0]
    assert (row.achieved, row.succeeded, row.under_way, row.compensated) == ("1 order done", 1, 0, 0)
    assert sum(row.trend) == 1
    for place in (None, world.environment.id):
        day = read_day(world.workspace.id, [tried.id], place).flows[tried.id]
        assert (day.begun, day.succeeded, day.under_way, day.abnormal.total()) == (1, 1, 0, 0)


def test_a_test_counts_neither_in_figures_nor_in_success(world: World, tried: Flow) -> None:
    figures = figures_of([tried.id], world.environment.id)[tried.id]
    assert (figures.by_status, figures.success_percent) == ({"succeeded": 1}, 100.0)


def test_a_test_is_no_order_of_the_demo(world: World, tried: Flow) -> None:
    begun = now().replace(hour=0, minute=0, second=0, microsecond=0)
    run = Run.objects.exclude(trigger="test").get()
    found = demo_orders._runs(world.environment.id, ["o-1"], begun)
    assert {key: one.id for key, one in found.items()} == {"o-1": run.id}
