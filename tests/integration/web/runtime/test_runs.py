"""The list of runs and the page of one."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ipaas.accounts.roles import ROLES
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.ids import uuid7
from ipaas.governance import services as governance
from ipaas.runtime import reading
from ipaas.runtime.models import Run, Work
from tests.factories.flow_documents import schema
from tests.integration.runtime.conftest import World, call, sql
from tests.integration.runtime.gateway import failed, ok, retry, unknown
from tests.integration.web.runtime.conftest import Browser, text_of

EMAIL = "alice@example.com"


@pytest.fixture
def dead(world: World) -> Run:
    """A run that charged and then failed for good."""
    world.gateway.on("ship", failed(), ok({"id": "s-1"}))
    return world.play(world.flow(call("charge", undo=True), call("ship")), {"id": "o-1"})


# -- who may ---------------------------------------------------------------------------------------------------------

READS = ("run_detail", "run_data")
DEEDS = {
    "run_replay": "runs.replay",
    "run_resume": "runs.resume",
    "run_skip": "runs.skip",
    "run_settle": "runs.resume",
    "run_cancel": "runs.cancel",
    "run_correct": "deadletters.correct",
}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_page_and_deed_asks_for_its_permission(browser: Callable[[str], Browser], dead: Run, role: str) -> None:
    person, given = browser(role), ROLES[role]
    for name in READS:
        assert person.get(name, dead.id).status_code == (200 if "runs.view" in given else 403), name
    for name, permission in DEEDS.items():
        answer = person.client.post(person.url(name, dead.id), {})
        assert (answer.status_code == 403) == (permission not in given), name
    assert Run.objects.count() == 1


@pytest.mark.parametrize("name", [*READS, *DEEDS, "run_replay_preview"])
def test_a_run_of_another_workspace_does_not_exist(operator: Browser, stranger: Browser, dead: Run, name: str) -> None:
    method = "post" if name in DEEDS else "get"
    assert getattr(stranger.client, method)(operator.url(name, dead.id)).status_code == 404
    assert getattr(operator.client, method)(operator.url(name, uuid7())).status_code == 404


@pytest.mark.parametrize("role", ["auditor", "operator"])
def test_buttons_are_those_of_the_permissions(browser: Callable[[str], Browser], dead: Run, role: str) -> None:
    text = text_of(browser(role).get("run_detail", dead.id))
    for word in ("Start replay", "Skip the step", "Correct the input", "Make them again"):
        assert (word in text) == (role == "operator"), word


# -- the list --------------------------------------------------------------------------------------------------------


def test_the_list_filters_by_what_the_address_says(world: World, operator: Browser, dead: Run) -> None:
    world.play(world.flow(call("other"), slug="other", title="Other"), {"id": "o-2"})
    assert {"o-1", "o-2"} <= words_of(operator.get("run_list"))
    for query in ({"status": "dead"}, {"error_class": "business_rejection"}, {"flow": "orders"}, {"q": "o-1"}):
        found = words_of(operator.get("run_list", **query))
        assert "o-1" in found, query
        assert "o-2" not in found, query
    assert "o-1" in words_of(operator.get("run_list", q=str(dead.id)))
    assert "o-1" not in words_of(operator.get("run_list", status="running"))
    assert "o-1" in words_of(operator.get("run_list", since="1h"))


def words_of(answer: Any) -> set[str]:
    return {row.business_ids[0][1] for row in answer.context["page"].items}


@pytest.mark.parametrize(
    "query",
    [
        {"status": "nonsense", "since": "x", "error_class": "y"},
        {"flow": "no-such-flow"},
        {"before": "not-an-id", "v": "x" * 500},
        {"q": "\x00'; DROP TABLE --" + "q" * 5000},
    ],
    ids=["unknown values", "unknown flow", "bad cursor", "hostile text"],
)
def test_nonsense_in_the_address_is_no_error(operator: Browser, dead: Run, query: dict[str, str]) -> None:
    assert operator.get("run_list", **query).status_code == 200


def test_pages_go_on_by_id(monkeypatch: pytest.MonkeyPatch, world: World, operator: Browser) -> None:
    flow = world.flow(call("charge"))
    runs = [world.start(flow, {"id": f"o-{number}"}) for number in range(5)]
    monkeypatch.setattr(reading.find_runs, "__kwdefaults__", {"before": None, "size": 2})
    seen, answer = [], operator.get("run_list")
    while True:
        seen += [row.id for row in answer.context["page"].items]
        if not answer.context["page"].next_url:
            break
        answer = operator.client.get(operator.url("run_list") + answer.context["page"].next_url)
    assert seen == [str(run.id) for run in reversed(runs)]


def test_a_rare_state_is_looked_for_in_bounded_windows(
    monkeypatch: pytest.MonkeyPatch, world: World, operator: Browser, dead: Run
) -> None:
    flow = world.flow(call("fine"), slug="fine")
    for number in range(4):
        world.play(flow, {"id": f"f-{number}"})
    monkeypatch.setattr(reading, "WINDOW", 2)
    answer = operator.get("run_list", error_class="business_rejection")
    assert answer.context["page"].items == []
    assert "looked back to" in answer.context["page"].label
    while not answer.context["page"].items:
        answer = operator.client.get(operator.url("run_list") + answer.context["page"].next_url)
    assert words_of(answer) == {"o-1"}


def test_an_unchanged_list_answers_a_poll_with_nothing(world: World, operator: Browser, dead: Run) -> None:
    version = operator.get("run_list").context["version"]
    assert operator.get("run_list", htmx=True, v=version).status_code == 204
    world.play(world.flow(call("other"), slug="other"), {"id": "o-2"})
    answer = operator.get("run_list", htmx=True, v=version)
    assert answer.status_code == 200
    assert "o-2" in text_of(answer)
    assert "<html" not in text_of(answer)


def test_the_list_shows_where_a_run_stands(world: World, operator: Browser) -> None:
    world.gateway.on("charge", retry())
    world.play(world.flow(call("charge", title="Charge the card")))
    assert "Charge the card: waits before the next attempt" in text_of(operator.get("run_list"))


def test_the_list_never_shows_a_vendors_own_words(operator: Browser, dead: Run) -> None:
    Run.objects.filter(id=dead.id).update(error_message="bob@example.com is blocked")
    text = text_of(operator.get("run_list"))
    assert "bob@example.com" not in text
    assert "Rejected at Ship" in text


def test_the_number_of_queries_does_not_grow_with_the_rows(world: World, operator: Browser) -> None:
    flow = world.flow(call("charge"))
    world.play(flow)
    operator.get("run_list")
    with CaptureQueriesContext(
        connection,
    ) as one:
        operator.get("run_list")
    for number in range(5):
        world.play(flow, {"id": f"o-{number}"})
    with CaptureQueriesContext(connection) as six:
        operator.get("run_list")
    assert len(six) == len(one)


def test_many_runs_under_way_are_cancelled_at_once(world: World, operator: Browser) -> None:
    flow = world.flow({"id": "pause", "wait": {"for": "P1D"}})
    runs = [world.play(flow, {"id": f"o-{number}"}) for number in range(3)]
    answer = operator.get("run_list", status="waiting")
    bulk = answer.context["bulk"]["cancel"]
    assert set(answer.context["bulk"]) == {"cancel"}
    assert "matches 3 runs" in text_of(operator.client.get(bulk["count_url"]))
    form = {"reason": "wrong price", "rate_per_minute": "6000"}
    answer = operator.client.post(bulk["url"], form, follow=True)
    assert "It has begun" in text_of(answer)
    for _ in range(2):
        sql("UPDATE runtime_work SET due_at = now() WHERE kind = %s", [Work.Kind.BULK])
        world.work()
    ids = [run.id for run in runs]
    assert set(Run.objects.filter(id__in=ids).values_list("status", flat=True)) == {"cancelled"}


def test_a_business_id_that_is_classified_is_found_but_not_shown(world: World, operator: Browser) -> None:
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    ids = {"order": "trigger.body.id", "customer": "trigger.body.email"}
    flow = world.flow(call("charge"), business_ids=ids, input={"schema": "order@1"})
    run = world.play(flow, {"id": "o-1", "email": "bob@example.com"})
    found = operator.get("run_list", q="bob@example.com")
    assert [row.business_ids for row in found.context["page"].items] == [[("order", "o-1")]]
    answer = operator.get("run_detail", run.id)
    assert "bob@example.com" not in text_of(answer)
    assert answer.context["run"].business_ids[1][1].startswith("‹redacted:")


# -- one run ---------------------------------------------------------------------------------------------------------


def test_the_page_tells_what_happened(operator: Browser, dead: Run) -> None:
    answer = operator.get("run_detail", dead.id)
    run = answer.context["run"]
    assert [(step.key, step.status) for step in run.steps] == [("charge", "succeeded"), ("ship", "failed")]
    assert run.steps[1].attempts[0].http_status == 422
    effects = [(effect.title, effect.mode, effect.reference) for effect in run.effects]
    assert effects == [("Charge", "succeeded", "charge")]
    assert dead.trace_id in text_of(answer)
    assert "“Ship” failed for good" in text_of(answer)


def test_the_page_and_the_download_show_no_classified_value(world: World, operator: Browser) -> None:
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    world.gateway.on("charge", ok({"id": "c-1", "to": EMAIL}))
    run = world.play(world.flow(call("charge", {"to": "{{ trigger.body.email }}"}), input={"schema": "order@1"}),
                     {"id": "o-1", "email": EMAIL})  # fmt: skip
    for name in READS:
        text = text_of(operator.get(name, run.id))
        assert EMAIL not in text
        assert "redacted:" in text
    answer = operator.get("run_data", run.id)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(answer.content)["input"]["id"] == "o-1"


def test_the_page_speaks_the_language_of_the_reader_and_the_file_english(operator: Browser, dead: Run) -> None:
    def of(name: str) -> Any:
        return operator.client.get(operator.url(name, dead.id), headers={"accept-language": "de"})

    assert of("run_detail").context["run"].status_reason == "„Ship“ ist endgültig fehlgeschlagen"
    assert json.loads(of("run_data").content)["status_reason"] == "“Ship” failed for good"


def test_an_unchanged_run_answers_a_poll_with_nothing(world: World, operator: Browser) -> None:
    world.gateway.on("charge", retry(), ok())
    run = world.play(world.flow(call("charge")))
    page = operator.get("run_detail", run.id).context["run"]
    assert (page.live, page.steps[0].status) == (True, "retrying")
    assert operator.get("run_detail", run.id, htmx=True, v=page.version).status_code == 204
    world.go_on(run)
    answer = operator.get("run_detail", run.id, htmx=True, v=page.version)
    assert answer.context["run"].live is False
    assert "<html" not in text_of(answer)


def test_steps_still_to_come_are_shown_while_a_run_is_under_way(world: World, operator: Browser) -> None:
    world.gateway.on("charge", retry())
    run = world.play(world.flow(call("charge"), call("ship")))
    steps = operator.get("run_detail", run.id).context["run"].steps
    assert [(step.key, step.status) for step in steps] == [("charge", "retrying"), ("ship", "pending")]


def test_a_container_tells_why_it_ended_and_what_it_cut_short(world: World, operator: Browser) -> None:
    world.gateway.on("fan/left/slow", retry())
    world.gateway.on("fan/right/ship", failed())
    strands = [{"id": "left", "steps": [call("slow")]}, {"id": "right", "steps": [call("ship")]}]
    run = world.play(world.flow({"id": "fan", "parallel": {"branches": strands}}))
    text = text_of(operator.get("run_detail", run.id))
    assert "It ended because of “Ship”, a step inside of it." in text
    assert "Not finished: the run, or the block around this step, ended first." in text
    assert not re.search(r'data-state="(running|retrying|waiting)"|>(Running|Retrying|Waiting)<', text)


def test_items_of_a_for_each_stand_together_in_order(world: World, operator: Browser) -> None:
    steps = [call("pick"), call("pack")]
    each = {"id": "each", "for_each": {"items": "trigger.body.lines", "as": "line", "max_items": 9, "steps": steps}}
    run = world.play(world.flow(each, call("after")), {"id": "o-1", "lines": ["a", "b"]})
    page = operator.get("run_detail", run.id).context["run"]
    keys = [step.key for step in page.steps]
    assert keys == ["each", "each/pick#0", "each/pack#0", "each/pick#1", "each/pack#1", "after"]
    assert [point.value for point in page.replay_points] == ["each", "each#0", "each#1", "after"]


# -- deeds -----------------------------------------------------------------------------------------------------------


def test_a_replay_leads_to_the_new_run(world: World, operator: Browser, dead: Run) -> None:
    answer = operator.post("run_replay", dead.id, from_step="", effects="same", reason="carrier works again")
    again = Run.objects.get(replay_of=dead.id)
    assert answer.redirect_chain[-1][0] == operator.url("run_detail", again.id)
    world.work()
    again.refresh_from_db()
    assert (again.status, world.gateway.paths) == ("succeeded", ["charge", "ship", "ship"])
    entry = AuditEntry.objects.get(action="run.replayed")
    assert (entry.details["reason"], entry.actor_kind) == ("carrier works again", "user")


def test_a_replay_may_begin_at_a_step(world: World, operator: Browser, dead: Run) -> None:
    operator.post("run_replay", dead.id, from_step="ship", effects="same", reason="again")
    world.work()
    assert Run.objects.get(replay_of=dead.id).replay["from_step"] == "ship"


def test_new_effects_are_confirmed_first(world: World, operator: Browser, dead: Run) -> None:
    given = {"from_step": "", "effects": "new", "reason": "the first was undone by hand"}
    assert "confirm" in text_of(operator.post("run_replay", dead.id, **given))
    assert Run.objects.count() == 1
    operator.post("run_replay", dead.id, **given, confirm="yes")
    world.work()
    assert world.gateway.paths == ["charge", "ship", "charge", "ship"]


def test_new_effects_need_their_own_permission(browser: Callable[[str], Browser], dead: Run) -> None:
    builder = browser("builder")
    answer = builder.post("run_replay", dead.id, from_step="", effects="new", confirm="yes", reason="x")
    assert answer.status_code == 403
    assert Run.objects.count() == 1


def test_the_preview_says_what_will_be_called(operator: Browser, dead: Run) -> None:
    same = operator.get("run_replay_preview", dead.id, from_step="", effects="same")
    assert states(same) == ["From record", "Called"]
    new = operator.get("run_replay_preview", dead.id, from_step="", effects="new")
    assert states(new) == ["Called again", "Called"]


def states(answer: Any) -> list[str]:
    return re.findall(r"</svg>([A-Z][a-z ]+)</span>", text_of(answer))


@pytest.mark.parametrize("key", ["nowhere", "charge#x", "charge#99999999999", "charge#0", "\x00"])
def test_a_place_to_begin_from_that_is_none_is_refused_with_the_reason(operator: Browser, dead: Run, key: str) -> None:
    answer = operator.post("run_replay", dead.id, from_step=key, effects="same", reason="x")
    assert answer.status_code == 200
    assert Run.objects.count() == 1 + (key == "\x00")
    assert operator.get("run_replay_preview", dead.id, from_step=key).status_code == 200


@pytest.mark.parametrize("name", sorted(set(DEEDS) - {"run_correct"}))
def test_a_deed_without_a_reason_is_refused(operator: Browser, dead: Run, name: str) -> None:
    answer = operator.post(name, dead.id, happened="no", step="ship")
    assert "say why" in text_of(answer)
    dead.refresh_from_db()
    assert dead.status == Run.Status.DEAD


def test_a_stopped_run_is_resumed(world: World, operator: Browser, dead: Run) -> None:
    operator.post("run_resume", dead.id, reason="stock is back")
    world.work()
    dead.refresh_from_db()
    assert dead.status == Run.Status.SUCCEEDED


def test_the_step_that_stopped_a_run_is_skipped(world: World, operator: Browser, dead: Run) -> None:
    operator.post("run_skip", dead.id, reason="collected in the shop")
    world.work()
    dead.refresh_from_db()
    assert (dead.status, world.step(dead, "ship").status) == ("succeeded", "skipped")
    assert "collected in the shop" in text_of(operator.get("run_detail", dead.id))


def test_a_run_that_succeeded_can_not_be_resumed(world: World, operator: Browser) -> None:
    run = world.play(world.flow(call("charge")))
    for name in ("run_resume", "run_skip", "run_cancel"):
        assert "The run is succeeded" in text_of(operator.post(name, run.id, reason="x")), name


def test_a_run_under_way_is_cancelled(world: World, operator: Browser) -> None:
    run = world.play(world.flow({"id": "pause", "wait": {"for": "P1D"}}, call("charge")))
    assert "stops before its next step" in text_of(operator.post("run_cancel", run.id, reason="wrong order"))
    run = world.go_on(run)
    assert (run.status, world.gateway.paths) == ("cancelled", [])


@pytest.fixture
def unsettled(world: World) -> Run:
    world.gateway.on("charge", unknown(), ok({"id": "c-2"}))
    return world.play(world.flow(call("charge"), call("ship", {"of": "{{ steps.charge.output.id }}"})))


def test_an_unknown_outcome_that_happened_is_settled_with_its_result(
    world: World, operator: Browser, unsettled: Run
) -> None:
    assert "Say what happened" in text_of(operator.get("run_detail", unsettled.id))
    given = {"step": "charge", "happened": "yes", "result": '{"id": "c-9"}', "reason": "seen at the bank"}
    operator.post("run_settle", unsettled.id, **given)
    world.work()
    unsettled.refresh_from_db()
    assert unsettled.status == Run.Status.SUCCEEDED
    assert [item.params for item in world.gateway.calls[1:]] == [{"of": "c-9"}]


def test_an_unknown_outcome_that_did_not_happen_is_called_again(
    world: World, operator: Browser, unsettled: Run
) -> None:
    operator.post("run_settle", unsettled.id, step="charge", happened="no", reason="not at the bank")
    world.work()
    assert world.gateway.paths == ["charge", "charge", "ship"]


@pytest.mark.parametrize(
    "given",
    [
        {"step": "charge", "happened": "maybe"},
        {"step": "charge", "happened": "yes", "result": "{not json"},
        {"step": "charge", "happened": "yes", "result": "[" * 10_000},
    ],
    ids=["neither yes nor no", "no JSON", "nested without end"],
)
def test_a_settlement_that_is_not_understood_is_refused(
    operator: Browser, unsettled: Run, given: dict[str, str]
) -> None:
    answer = operator.post("run_settle", unsettled.id, **given, reason="x")
    assert answer.status_code == 200
    assert 'data-tone="bad"' in text_of(answer)
    unsettled.refresh_from_db()
    assert unsettled.status == Run.Status.NEEDS_OPERATOR


def test_a_run_that_ended_well_is_replayed_with_a_corrected_input(world: World, operator: Browser) -> None:
    run = world.play(world.flow({"id": "note", "map": {"fields": {"n": "source.n"}}}), {"id": "o-1", "n": 1})
    assert "Correct the input" in text_of(operator.get("run_detail", run.id))
    text = operator.get("run_correct", run.id).context["input_text"].replace('"n": 1', '"n": 2')
    preview = operator.post("run_correct", run.id, input=text, deed="preview")
    assert [(row.path, row.before, row.after) for row in preview.context["diff"]] == [("n", "1", "2")]
    operator.post("run_correct", run.id, input=text, deed="replay", reason="typing error")
    world.work()
    assert world.output(Run.objects.get(replay_of=run.id), "note") == {"n": 2}
