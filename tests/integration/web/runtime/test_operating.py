"""Many runs and what is between them: filters kept, deeds over all that match, comparisons, stories, corrections."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ipaas.accounts import services as accounts
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.ids import uuid7
from ipaas.governance import services as governance
from ipaas.runtime import bulk_targets, reading, run_exports, today
from ipaas.runtime.models import BulkJob, DeadLetter, Run, SavedFilter, StepRun
from tests.factories.flow_documents import schema
from tests.integration.runtime.conftest import World, call, sql
from tests.integration.runtime.gateway import failed, ok, retry, unknown
from tests.integration.web.runtime.conftest import Browser, text_of

EMAIL = "alice@example.com"


@pytest.fixture(autouse=True)
def _whole_day_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late it is, Home counts all of the day at once."""
    monkeypatch.setattr(today, "MOST_COUNTED_AT_ONCE", 1000)


@pytest.fixture
def dead(world: World) -> list[Run]:
    """Three runs that charged and then failed for good."""
    flow = world.flow(call("charge", undo=True), call("ship"))
    world.gateway.on("ship", failed())
    return [world.play(flow, {"id": f"o-{number}"}) for number in range(3)]


def ids(answer: Any) -> set[str]:
    return {row.business_ids[0][1] for row in answer.context["page"].items}


# -- the filter ------------------------------------------------------------------------------------------------------


def test_the_list_asks_for_version_step_and_duration(world: World, operator: Browser, dead: list[Run]) -> None:
    Run.objects.filter(id=dead[0].id).update(started_at=dead[0].finished_at.replace(year=2020))
    assert ids(operator.get("run_list", longer="2h")) == {"o-0"}
    assert ids(operator.get("run_list", shorter="2h")) == {"o-1", "o-2"}
    assert ids(operator.get("run_list", step="ship")) == {"o-0", "o-1", "o-2"}
    assert ids(operator.get("run_list", step="charge")) == set()
    assert ids(operator.get("run_list", flow="orders", version="1")) == {"o-0", "o-1", "o-2"}
    assert ids(operator.get("run_list", until="2020-01-01T00:00:00Z")) == set()


@pytest.mark.parametrize(
    "query", [{"version": "1"}, {"longer": "soon"}, {"until": "tomorrow"}, {"environment": "nowhere"}, {"flow": "none"}]
)
def test_what_can_not_be_asked_is_said_and_stops_deeds(
    operator: Browser, dead: list[Run], query: dict[str, str]
) -> None:
    answer = operator.get("run_list", **query)
    assert "A part of the filter is not used" in text_of(answer)
    assert answer.context["bulk"] == {}
    url = f"{operator.url('bulk_replay_runs')}?{'&'.join(f'{name}={value}' for name, value in query.items())}"
    operator.client.post(url, {"reason": "try", "rate_per_minute": "60"})
    assert not BulkJob.objects.exists()


def test_the_environment_of_the_address_wins_over_that_of_the_session(
    world: World, operator: Browser, dead: list[Run]
) -> None:
    accounts.create_environment(workspace=world.workspace, slug="z-test", name="Test", actor=SYSTEM)
    assert len(ids(operator.get("run_list"))) == 3
    session = operator.client.session
    session[f"environment:{world.workspace.slug}"] = "z-test"
    session.save()
    assert ids(operator.get("run_list")) == set()
    assert len(ids(operator.get("run_list", environment="production"))) == 3
    assert len(ids(operator.get("run_list", environment="any"))) == 3
    assert len(operator.get("dead_letter_list", environment="any").context["groups"]) == 1
    assert operator.get("dead_letter_list").context["groups"] == []
    home = operator.get("web:home")
    assert home.context["tiles"][-1]["value"] == "0"
    entries = [item for group in home.context["shell"].nav for item in group.items]
    assert [item.count for item in entries if item.key == "deadletters"] == [None]


def test_a_filter_is_kept_shared_and_used(
    world: World, operator: Browser, browser: Callable[[str], Browser], dead: list[Run]
) -> None:
    colleague, url = browser("builder"), f"{operator.url('filter_save')}?status=dead&step=ship"
    operator.client.post(url, {"name": "Stuck at shipping"})
    saved = SavedFilter.objects.get()
    assert saved.parameters == {"status": "dead", "step": "ship"}
    row = operator.get("run_list", status="dead", step="ship").context["saved"][0]
    assert (row.name, row.active, row.shared) == ("Stuck at shipping", True, False)
    assert ids(operator.client.get(row.url)) == {"o-0", "o-1", "o-2"}
    assert colleague.get("run_list").context["saved"] == []
    assert colleague.client.post(colleague.url("filter_delete", saved.id)).status_code == 404
    operator.client.post(url, {"name": "Stuck at shipping", "shared": "yes"})
    seen = colleague.get("run_list").context["saved"][0]
    assert (seen.name, seen.owner, seen.delete_url) == (
        "Stuck at shipping",
        f"operator@{world.workspace.slug}.example",
        "",
    )
    operator.post("filter_delete", saved.id)
    assert not SavedFilter.objects.exists()
    assert list(AuditEntry.objects.filter(action__startswith="filter.").values_list("action", flat=True)) == [
        "filter.saved", "filter.saved", "filter.deleted",
    ]  # fmt: skip


@pytest.mark.parametrize(("query", "name"), [("", "All"), ("?status=dead", " "), ("?longer=soon", "Odd")])
def test_a_filter_that_says_nothing_is_not_kept(operator: Browser, query: str, name: str) -> None:
    operator.client.post(operator.url("filter_save") + query, {"name": name})
    assert not SavedFilter.objects.exists()


# -- all that match --------------------------------------------------------------------------------------------------


def test_everything_that_matches_is_replayed_once(world: World, operator: Browser, dead: list[Run]) -> None:
    world.gateway.clear()
    bulk = operator.get("run_list", status="dead").context["bulk"]["replay_runs"]
    assert "matches 3 runs" in text_of(operator.client.get(bulk["count_url"]))
    form = {"reason": "carrier is back", "rate_per_minute": "6000"}
    assert "It has begun" in text_of(operator.client.post(bulk["url"], form, follow=True))
    world.work()
    job = BulkJob.objects.get()
    assert (job.state, job.done, job.failed, job.total) == ("done", 3, 0, 3)
    assert sorted(world.gateway.paths) == ["ship"] * 3
    assert "matches 0 runs" in text_of(operator.client.get(bulk["count_url"]))
    assert Run.objects.filter(replay_of__isnull=False).count() == 3


def test_a_replay_of_old_runs_looks_through_the_history_in_windows(
    world: World, operator: Browser, dead: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        world.play(world.flow(call("other"), slug="other"), {"id": f"x-{number}"})
    monkeypatch.setattr(bulk_targets, "WINDOW", 2)
    url = f"{operator.url('bulk_replay_runs')}?error_class=business_rejection"
    operator.client.post(url, {"reason": "again", "rate_per_minute": "6000"})
    for _ in range(6):
        world.make_due()
        world.work()
    assert BulkJob.objects.get().done == 3


def test_counts_stop_at_a_bound(operator: Browser, dead: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_COUNTED", 2)
    url = operator.url("bulk_count", "replay_runs")
    assert "at least 2 runs" in text_of(operator.client.get(f"{url}?flow=orders"))
    monkeypatch.setattr(reading, "MOST_COUNTED", 10)
    monkeypatch.setattr(reading, "COUNT_WINDOW", 1)
    assert "at least 2 runs" in text_of(operator.client.get(f"{url}?error_class={dead[0].error_class}"))


def test_a_list_is_exported_without_payloads(world: World, operator: Browser, dead: list[Run]) -> None:
    Run.objects.filter(id=dead[0].id).update(error_message=f"{EMAIL} is blocked", business_key="=1+1")
    lines = b"".join(operator.client.get(operator.url("run_export", "jsonl") + "?status=dead").streaming_content)
    rows = [json.loads(line) for line in lines.splitlines()]
    assert [row["id"] for row in rows] == [str(run.id) for run in reversed(dead)]
    assert {row["error_code"] for row in rows} == {"rejected"}
    assert EMAIL not in lines.decode()
    text = b"".join(operator.client.get(operator.url("run_export", "csv") + "?q=o-0").streaming_content).decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert (table[0]["flow"], table[0]["business_key"], table[0]["business_ids"]) == ("orders", "'=1+1", "order=o-0")
    assert AuditEntry.objects.filter(action="runs.exported").count() == 2
    assert operator.client.get(operator.url("run_export", "pdf")).status_code == 404


def test_an_export_goes_on_over_pages(operator: Browser, dead: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_exports, "PAGE", 2)
    lines = b"".join(operator.client.get(operator.url("run_export", "jsonl")).streaming_content)
    assert len(lines.splitlines()) == 3


# -- between runs ----------------------------------------------------------------------------------------------------


def test_two_attempts_are_compared(world: World, operator: Browser) -> None:
    world.gateway.on("charge", retry(), ok({"id": "c-1"}))
    run = world.go_on(world.play(world.flow(call("charge"))))
    page = operator.get("run_detail", run.id)
    step = page.context["run"].steps[0]
    answer = operator.client.get(step.compare_url)
    rows = {row.path: (row.before, row.after) for part in answer.context["parts"] for row in part.rows}
    assert rows["outcome"] == ("retry", "ok")
    assert rows["http status"] == ("503", "200")


def test_two_runs_are_compared_with_equal_secrets_shown_as_equal(world: World, operator: Browser) -> None:
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    flow = world.flow(call("charge", {"to": "{{ trigger.body.email }}"}), input={"schema": "order@1"})
    first, second, third = (
        world.play(flow, {"id": f"o-{number}", "email": email})
        for number, email in enumerate([EMAIL, EMAIL, "bob@example.com"])
    )
    same = operator.get("run_compare", second.id, **{"with": str(first.id)})
    paths = {row.path for part in same.context["parts"] for row in part.rows}
    assert "id" in paths
    assert "email" not in paths
    other = operator.get("run_compare", third.id, **{"with": str(first.id)})
    rows = {row.path: row for part in other.context["parts"] for row in part.rows}
    assert rows["email"].before.startswith("‹redacted:")
    assert rows["email"].before != rows["email"].after
    assert EMAIL not in text_of(other)
    assert operator.get("run_compare", third.id, **{"with": str(uuid7())}).status_code == 404


def test_the_page_offers_the_last_success_and_the_same_id(world: World, operator: Browser) -> None:
    flow = world.flow(call("charge"))
    world.play(flow, {"id": "o-8"})
    world.gateway.on("charge", failed())
    again, bad = world.play(flow, {"id": "o-9"}), world.play(flow, {"id": "o-9"})
    offered = {(item.label, item.why) for item in operator.get("run_compare", bad.id).context["candidates"]}
    assert offered == {("o-9", "same order"), ("o-8", "last that succeeded")}
    assert str(again.id) in text_of(operator.get("run_compare", bad.id))


def test_a_story_gathers_every_flow_with_what_it_touched(world: World, operator: Browser, stranger: Browser) -> None:
    world.play(world.flow(call("charge")), {"id": "o-1"})
    world.play(world.flow(call("refund"), slug="returns", title="Returns"), {"id": "o-1"})
    answer = operator.get("story", "order", "o-1")
    told = [(row.flow, row.status, [effect.title for effect in row.did]) for row in answer.context["runs"]]
    assert [flow for flow, _, _ in told] == ["Orders", "Returns"] or len(told) == 2
    assert [did for _, _, did in told] == [["Charge"], ["Refund"]]
    assert operator.get("story", "order", "o/1").status_code == 404
    assert stranger.client.get(operator.url("story", "order", "o-1")).status_code == 404
    run = Run.objects.first()
    assert operator.url("story", "order", "o-1") in text_of(operator.get("run_detail", run.id))


# -- one run ---------------------------------------------------------------------------------------------------------


def test_waits_are_told_with_their_reason(world: World, operator: Browser) -> None:
    world.gateway.on("charge", retry(after_s=60))
    run = world.play(world.flow(call("charge")))
    wait = operator.get("run_detail", run.id).context["run"].steps[0].waits[0]
    assert wait.reason.startswith("Waits before the next attempt")
    sql("UPDATE runtime_run SET started_at = started_at - interval '70 seconds'")
    sql("UPDATE runtime_steprun SET started_at = started_at - interval '70 seconds'")
    sql(
        "UPDATE runtime_attempt SET verdicts = %s::jsonb, started_at = started_at - interval '70 seconds'",
        [json.dumps([{"policy": "retry", "verdict": "retry", "reason": "transient", "delay_s": 60}])],
    )
    world.gateway.on("charge", ok())
    world.go_on(run)
    waits = operator.get("run_detail", run.id).context["run"].steps[0].waits
    assert [one.reason for one in waits] == [
        "Retry after 1 min 00 s: transient",
        "Waited for the connection: its limit, its breaker or a free place",
    ]
    assert round(waits[0].duration_ms) == 60_000
    text = text_of(operator.get("run_detail", run.id))
    assert "<title>Retry after 1 min 00 s: transient</title>" in text


def test_a_timer_is_one_wait(world: World, operator: Browser) -> None:
    run = world.play(world.flow({"id": "pause", "wait": {"for": "P1D"}}))
    waits = operator.get("run_detail", run.id).context["run"].steps[0].waits
    assert [(one.reason, one.until is not None) for one in waits] == [("Waits for its time", True)]
    StepRun.objects.filter(run_id=run.id).update(status="succeeded", finished_at=run.started_at.replace(year=2100))
    waits = operator.get("run_detail", run.id).context["run"].steps[0].waits
    assert [one.reason for one in waits] == ["Waited for its time"]


def told_by(answer: Any, name: str) -> dict[str, str]:
    return {item.title: item.mode for item in answer.context[name]}


def test_deeds_tell_what_they_call_and_what_comes_from_the_record(operator: Browser, dead: list[Run]) -> None:
    answer = operator.get("run_detail", dead[0].id)
    assert told_by(answer, "resume_impacts") == {"Charge": "recorded", "Ship": "called"}
    assert told_by(answer, "skip_impacts") == {"Charge": "recorded", "Ship": "skipped"}


def test_settling_tells_both_outcomes(world: World, operator: Browser) -> None:
    world.gateway.on("charge", unknown())
    run = world.play(world.flow(call("charge"), call("ship")))
    answer = operator.get("run_detail", run.id)
    step = answer.context["run"].steps[0]
    assert {item.title: item.mode for item in step.if_happened} == {"Charge": "recorded", "Ship": "called"}
    assert {item.title: item.mode for item in step.if_not} == {"Charge": "called", "Ship": "called"}
    assert told_by(answer, "resume_impacts") == {"Charge": "unknown", "Ship": "called"}
    assert told_by(answer, "cancel_impacts") == {"Charge": "running"}


def test_the_print_view_has_every_step_open(operator: Browser, dead: list[Run]) -> None:
    text = text_of(operator.get("run_detail", dead[0].id, view="print"))
    assert text.count('<details class="step"') == text.count("open>\n  <summary>")
    assert "data-print" in text


def test_the_audit_of_a_run_is_linked_for_those_who_may_read_it(
    browser: Callable[[str], Browser], operator: Browser, dead: list[Run]
) -> None:
    assert operator.get("run_detail", dead[0].id).context["run"].audit_url == ""
    operator.post("run_cancel", dead[0].id, reason="no")
    operator.post("run_replay", dead[0].id, reason="again")
    auditor = browser("auditor")
    answer = auditor.client.get(auditor.get("run_detail", dead[0].id).context["run"].audit_url)
    assert [row.action for row in answer.context["page"].items] == ["run.replayed", "run.started"]


# -- one correction for many -----------------------------------------------------------------------------------------


def test_a_group_is_corrected_after_a_look_at_the_first(world: World, operator: Browser, dead: list[Run]) -> None:
    group = operator.get("dead_letter_list").context["groups"][0]
    assert operator.client.get(group.correct_all_url).status_code == 200
    form = {"path_0": "/address/city", "op_0": "add", "value_0": '"Ulm"', "path_1": "/id", "op_1": "remove"}
    answer = operator.client.post(group.correct_all_url, {**form, "deed": "preview"})
    assert {sample.problem for sample in answer.context["samples"]} == {
        "this input has no place '/address/city' to change"
    }
    form = {"path_0": "/city", "op_0": "add", "value_0": "Ulm", "patch": '[{"op": "add", "path": "/n", "value": 1}]'}
    answer = operator.client.post(group.correct_all_url, {**form, "deed": "preview"})
    assert [(row.path, row.after) for row in answer.context["samples"][0].rows] == [("city", "Ulm"), ("n", "1")]
    assert not BulkJob.objects.exists()
    world.gateway.on("ship", ok())
    done = {**form, "deed": "replay", "reason": "addresses", "rate_per_minute": "6000"}
    assert "It has begun" in text_of(operator.client.post(group.correct_all_url, done, follow=True))
    job = BulkJob.objects.get()
    assert "Ulm" not in json.dumps(job.options)
    assert job.options["changes"] == ["add /city", "add /n"]
    world.work()
    job.refresh_from_db()
    assert (job.state, job.done, job.failed) == ("done", 3, 0)
    assert set(DeadLetter.objects.values_list("state", flat=True)) == {"replayed"}
    assert set(Run.objects.filter(replay_of__isnull=False).values_list("status", flat=True)) == {"succeeded"}


@pytest.mark.parametrize(
    "patch",
    ['[{"op": "copy", "from": "/a", "path": "/b"}]', '[{"op": "test", "path": "/a", "value": 1}]', "{", "{}", ""],
)
def test_changes_that_could_uncover_a_secret_are_refused(operator: Browser, dead: list[Run], patch: str) -> None:
    url = operator.get("dead_letter_list").context["groups"][0].correct_all_url
    answer = operator.client.post(url, {"patch": patch, "deed": "replay", "reason": "x", "rate_per_minute": "60"})
    assert answer.status_code == 422
    assert not BulkJob.objects.exists()


# -- live pages ------------------------------------------------------------------------------------------------------

GUARD = ("django_session", "accounts_user", "accounts_membership", "accounts_workspace", "accounts_environment")


def own_queries(queries: CaptureQueriesContext) -> list[str]:
    """The queries beyond those that say who asks and where."""
    asked = [query["sql"] for query in queries]
    return [one for one in asked if not any(f'FROM "{table}"' in one for table in GUARD) and one.startswith("SELECT")]


@pytest.mark.parametrize(
    ("name", "most"), [("web:home", 1), ("run_list", 1), ("run_detail", 2), ("bulk_jobs", 1), ("audit:job_list", 1)]
)
def test_a_poll_of_an_unchanged_page_costs_one_cheap_query(
    world: World, browser: Callable[[str], Browser], dead: list[Run], name: str, most: int
) -> None:
    admin, args = browser("admin"), [dead[0].id] if name == "run_detail" else []
    answer = admin.get(name, *args)
    shown = answer.context
    version = shown["run"].version if name == "run_detail" else shown["jobs_version" if "job" in name else "version"]
    with CaptureQueriesContext(connection) as queries:
        assert admin.get(name, *args, htmx=True, v=version).status_code == 204
    assert len(own_queries(queries)) <= most, own_queries(queries)
    assert len(queries) <= most + 6


def test_a_filtered_list_polls_with_one_query_too(operator: Browser, dead: list[Run]) -> None:
    version = operator.get("run_list", status="dead", step="ship").context["version"]
    with CaptureQueriesContext(connection) as queries:
        assert operator.get("run_list", status="dead", step="ship", htmx=True, v=version).status_code == 204
    assert len(own_queries(queries)) == 1


def test_a_run_under_way_changes_the_version_of_the_list_with_each_step(world: World, operator: Browser) -> None:
    world.gateway.on("ship", retry())
    run = world.play(world.flow(call("charge"), call("ship")))
    version = operator.get("run_list").context["version"]
    StepRun.objects.filter(run_id=run.id, path="ship").update(status="running")
    assert operator.get("run_list", htmx=True, v=version).status_code == 200
