"""Flows started by polling: every item once, the cursor moved with its runs, failures put off visibly."""

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from ipaas.catalog.gateway import ErrorInfo, GatewayCall, GatewayOutcome
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass
from ipaas.flows.models import Deployment, Flow
from ipaas.flows.services import pause_flow, resume_flow
from ipaas.governance import services as governance
from ipaas.runtime import polls
from ipaas.runtime.models import InboundKey, Run, TriggerState, Work
from ipaas.runtime.polls import MAX_BACKOFF_S, queue_polls
from ipaas.runtime.pump import MAX_CRASHES
from ipaas.runtime.values import read_values
from tests.integration.runtime.conftest import World, call, conninfo, sql


def page(*keys: str, cursor: Any = None, more: bool = False, settle: Any = None) -> GatewayOutcome:
    items = [{"key": key, "type": "order.updated", "data": {"id": key}} for key in keys]
    return GatewayOutcome(kind="ok", data={"items": items, "cursor": cursor, "more": more, "settle": settle})


def trouble(kind: Any, error_class: ErrorClass, after_s: float | None = None) -> GatewayOutcome:
    error = ErrorInfo(error_class, "http_503", "try later", 503)
    due_at = None if after_s is None else now() + timedelta(seconds=after_s)
    return GatewayOutcome(kind=kind, error=error, due_at=due_at)


@dataclass
class Source:
    """A scripted source: pages in turn, the last one for ever; a callable is asked."""

    pages: list[Any] = field(default_factory=list)
    asked: list[tuple[Any, int]] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    async def __call__(self, call: GatewayCall, cursor: Any) -> GatewayOutcome:
        assert (call.connection, call.action) == ("vendor", "changed")
        self.asked.append((cursor, call.attempt))
        self.params.append(call.params)
        found = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        outcome: GatewayOutcome = found if isinstance(found, GatewayOutcome) else found()
        return outcome


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    double = Source()
    monkeypatch.setattr(polls.gateway, "poll", double)
    return double


def polling(world: World, slug: str = "orders", **spec: Any) -> Flow:
    trigger = {"poll": {"connection": "vendor", "trigger": "changed", "every": "PT1M", **spec}}
    return world.flow(call("charge"), slug=slug, trigger=trigger)


def turn(world: World) -> TriggerState:
    """Let the next poll be due, and work."""
    TriggerState.objects.update(next_at=now() - timedelta(seconds=1))
    queue_polls()
    world.work()
    return TriggerState.objects.get()


def keys() -> list[str]:
    return [run.business_key for run in Run.objects.order_by("id")]


def test_what_a_flow_says_reaches_the_poll_and_other_words_begin_anew(world: World, source: Source) -> None:
    """Rows of another table have other keys, although they look alike."""
    polling(world, params={"table": "orders"})
    source.pages = [page("1", "2", cursor="9"), page("1", "3", cursor="5")]
    assert (turn(world).cursor, source.params) == ("9", [{"table": "orders"}])
    polling(world, params={"table": "returns"})
    state = turn(world)
    assert (source.params[-1], source.asked[-1][0], state.cursor) == ({"table": "returns"}, None, "5")
    assert Run.objects.count() == 4


def test_each_item_starts_a_run_and_the_cursor_moves_with_them(world: World, source: Source) -> None:
    flow = polling(world)
    source.pages = [page("a", "b", cursor="2"), page(cursor="2")]
    assert queue_polls() == 1
    world.work()
    state = TriggerState.objects.get()
    assert (keys(), state.cursor) == (["a", "b"], "2")
    assert state.moved_at is not None
    assert set(Run.objects.values_list("status", "trigger")) == {("succeeded", "poll")}
    trigger = read_values(Run.objects.get(business_key="a"))["trigger"]
    assert (trigger["event"], trigger["id"], trigger["body"]) == ("order.updated", "a", {"id": "a"})
    assert now() < state.next_at <= now() + timedelta(minutes=1)
    assert (queue_polls(), state.flow_id) == (0, flow.id)
    turn(world)
    assert source.asked == [(None, 1), ("2", 1)]
    assert not Work.objects.exists()


def test_an_item_that_comes_again_starts_nothing(world: World, source: Source) -> None:
    polling(world)
    source.pages = [page("a", "a", "b", cursor="1"), page("b", "c", cursor="2"), page("a", "b", "c", cursor="2")]
    for _ in range(3):
        turn(world)
    assert keys() == ["a", "b", "c"]


def test_a_queue_is_told_after_its_messages_are_stored(world: World, source: Source) -> None:
    polling(world)
    told: list[tuple[bool, int]] = []

    async def settle(stored: bool) -> None:
        with psycopg.connect(conninfo()) as other:  # sees what is committed
            row = other.execute("SELECT count(*) FROM runtime_inboundkey").fetchone()
        told.append((stored, row[0] if row else -1))
        if len(told) == 1:
            raise OSError

    source.pages = [page("a", "b", cursor="1", settle=settle), page("a", "b", cursor="2", settle=settle)]
    turn(world)
    turn(world)
    assert told == [(True, 2), (True, 2)]
    assert keys() == ["a", "b"]


def test_a_queue_is_told_when_its_messages_are_not_stored(
    world: World, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    polling(world)
    told: list[bool] = []

    async def settle(stored: bool) -> None:
        told.append(stored)

    def moved() -> GatewayOutcome:
        with psycopg.connect(conninfo()) as other:
            other.execute("""UPDATE runtime_triggerstate SET cursor = '"deployed anew"'""")
        return page("a", cursor="1", settle=settle)

    source.pages = [moved]
    turn(world)
    assert (told, keys()) == ([False], [])


def test_the_last_page_is_remembered_longer_than_the_keys(world: World, source: Source) -> None:
    polling(world)
    source.pages = [page("a", cursor="1")]
    turn(world)
    InboundKey.objects.all().delete()
    turn(world)
    assert keys() == ["a"]


def test_pages_are_read_until_there_are_no_more(world: World, source: Source) -> None:
    polling(world)
    source.pages = [page("a", cursor="1", more=True), page("b", cursor="2", more=True), page("c", cursor="3")]
    turn(world)
    assert (keys(), [cursor for cursor, _ in source.asked]) == (["a", "b", "c"], [None, "1", "2"])


def test_a_source_whose_cursor_stands_still_is_not_asked_for_ever(world: World, source: Source) -> None:
    polling(world)
    source.pages = [page("a", cursor="1", more=True), page("a", cursor="1", more=True)]
    state = turn(world)
    assert (len(source.asked), "stands still" in state.last_error) == (2, True)
    assert state.next_at > now()


def test_a_crash_before_the_commit_loses_nothing_and_doubles_nothing(
    world: World, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    polling(world)
    source.pages = [page("a", "b", cursor="2")]
    real, crashed = polls.writing.write_rows, []

    def crash(rows: dict[str, Any]) -> None:
        if "done" in rows and not crashed:
            crashed.append(True)
            message = "killed"
            raise RuntimeError(message)
        real(rows)

    monkeypatch.setattr(polls.writing, "write_rows", crash)
    state = turn(world)
    assert (Run.objects.count(), InboundKey.objects.count(), state.cursor) == (0, 0, None)
    world.make_due()
    world.work()
    assert (keys(), TriggerState.objects.get().cursor) == (["a", "b"], "2")


def test_a_worker_that_lost_the_poll_writes_nothing(world: World, source: Source) -> None:
    polling(world)

    def stolen() -> GatewayOutcome:
        with psycopg.connect(conninfo(), autocommit=True) as conn:
            conn.execute("UPDATE runtime_work SET fence = fence + 1, due_at = now() + interval '1 hour'")
        return page("a", cursor="1")

    source.pages = [stolen]
    state = turn(world)
    assert (Run.objects.count(), state.cursor) == (0, None)


def test_a_failure_is_retried_when_the_policies_say_and_shows(world: World, source: Source) -> None:
    polling(world)
    source.pages = [
        trouble("retry", ErrorClass.TRANSIENT, 30),
        trouble("retry", ErrorClass.TRANSIENT, 45),
        page("a", cursor="1"),
    ]
    state = turn(world)
    first_tried = state.tried_at
    assert (state.attempts, state.last_error) == (1, "transient http_503: try later")
    assert timedelta(seconds=28) < state.next_at - now() <= timedelta(seconds=30)
    state = turn(world)
    assert (state.attempts, state.tried_at) == (2, first_tried)
    state = turn(world)
    assert (state.attempts, state.last_error, state.failing_since, keys()) == (0, "", None, ["a"])
    assert [attempt for _, attempt in source.asked] == [1, 2, 3]


def test_failures_for_good_come_ever_more_rarely_and_heal_by_themselves(world: World, source: Source) -> None:
    polling(world)
    source.pages = [trouble("failed", ErrorClass.AUTH)]
    waits = [round((turn(world).next_at - now()).total_seconds()) for _ in range(8)]
    assert waits == [60, 120, 240, 480, 960, 1920, MAX_BACKOFF_S, MAX_BACKOFF_S]
    state = TriggerState.objects.get()
    assert (state.failures, state.last_error.startswith("auth ")) == (8, True)
    assert state.failing_since is not None
    source.pages = [page("a", cursor="1")]
    state = turn(world)
    assert (state.failures, state.failing_since, keys()) == (0, None, ["a"])


def test_a_deferral_uses_no_attempt(world: World, source: Source) -> None:
    polling(world)
    source.pages = [trouble("deferred", ErrorClass.THROTTLED, 20)]
    state = turn(world)
    assert (state.attempts, state.failing_since) == (0, None)
    assert timedelta(seconds=18) < state.next_at - now() <= timedelta(seconds=20)


def test_a_paused_flow_is_not_polled_and_goes_on_where_it_was(world: World, source: Source) -> None:
    flow = polling(world)
    source.pages = [page("a", cursor="1"), page("b", cursor="2")]
    turn(world)
    pause_flow(flow=flow, actor=SYSTEM, reason="repair")
    turn(world)
    assert source.asked == [(None, 1)]
    resume_flow(flow=flow, actor=SYSTEM)
    turn(world)
    assert (keys(), source.asked[-1]) == (["a", "b"], ("1", 1))


def test_the_cursor_survives_new_versions_but_not_another_source(world: World, source: Source) -> None:
    flow = polling(world)
    source.pages = [page("a", cursor="1")]
    turn(world)
    polling(world, every="PT5M")
    governance.undeploy(deployment=Deployment.objects.get(flow=flow), actor=SYSTEM, reason="pause")
    polling(world)
    assert TriggerState.objects.get().cursor == "1"
    polling(world, connection="elsewhere")
    state = TriggerState.objects.get()
    assert (state.cursor, state.seen) == (None, [])


def test_what_was_read_for_an_earlier_deployment_is_not_taken(world: World, source: Source) -> None:
    polling(world)

    def overtaken() -> GatewayOutcome:
        def deploy() -> None:
            polling(world, connection="elsewhere")
            connection.close()

        thread = threading.Thread(target=deploy)
        thread.start()
        thread.join()
        return page("a", cursor="1")

    source.pages = [overtaken]
    state = turn(world)
    assert (Run.objects.count(), state.cursor) == (0, None)


def test_a_poll_that_kills_its_worker_is_put_off_visibly(world: World, source: Source) -> None:
    polling(world)
    queue_polls()
    sql("UPDATE runtime_work SET leased = true, crashes = %s", [MAX_CRASHES])
    world.work()
    state = TriggerState.objects.get()
    assert "died or failed" in state.last_error
    assert state.next_at > now() + timedelta(minutes=59)
    assert (source.asked, Work.objects.count()) == ([], 0)
