"""Pages of flows: figures of today, structure, deployments and the deeds on them, starts by hand."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.ids import uuid7, uuid7_at
from ipaas.core.partitions import ensure_partitions
from ipaas.events.services import create_endpoint
from ipaas.flows.models import Deployment, Flow, FlowVersion
from ipaas.governance.services import deploy
from ipaas.runtime.models import Run, TriggerState, Work
from ipaas.runtime.rows import HELD_UNTIL
from tests.factories.people import make_member
from tests.integration.web.conftest import Browsers
from tests.integration.web.documents import published

NOON = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)
LIST = "/w/acme/flows/"
ONE = "/w/acme/flows/orders/"
DEEDS = {"deploy/": "flows.publish", "roll-back/": "flows.publish", "undeploy/": "flows.publish",
         "pause/": "flows.pause", "resume/": "flows.pause", "run/": "flows.trigger",
         "test/": "flows.trigger", "promote/": "flows.publish"}  # fmt: skip
GIVEN = {"environment": "production", "version": "1", "reason": "because", "body": "{}", "key": "",
         "step": "check", "from": "production", "to": "production"}  # fmt: skip


@pytest.fixture
def flow(workspace: Workspace, environment: Environment) -> Flow:
    """Version 1 runs in production; the input needs an id."""
    schema = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
    found: Flow = published(workspace, "flows", input={"schema": schema})
    deploy(flow=found, environment=environment, version=FlowVersion.objects.get(), actor=SYSTEM)
    return found


@pytest.fixture
def builder(as_role: Browsers, flow: Flow) -> Client:
    return as_role("builder")


def deployment() -> Deployment:
    return Deployment.objects.select_related("version").get()


@pytest.fixture
def march(db: None) -> None:
    with connection.cursor() as cursor:
        ensure_partitions(cursor, NOON.date() - timedelta(days=2), NOON.date())


def add_run(flow: Flow, moment: datetime, status: str = "succeeded", number: int = 0) -> None:
    run_id = UUID(int=uuid7_at(moment).int + number)
    where = {"environment_id": deployment().environment_id, "version_id": deployment().version_id, "flow_id": flow.id}
    Run.objects.create(
        id=run_id, workspace_id=flow.workspace_id, root_run_id=run_id, status=status, lane=1, trigger="manual",
        trace_id=run_id.hex, business_key=f"SO-{number}", started_at=moment, **where,
    )  # fmt: skip


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_deed_is_for_those_with_its_permission(as_role: Browsers, flow: Flow, role: str) -> None:
    browser = as_role(role)
    for deed, permission in DEEDS.items():
        allowed = permission in ROLES[role]
        assert (browser.post(ONE + deed, GIVEN).status_code != 403) == allowed, deed
    if not any(permission in ROLES[role] for permission in DEEDS.values()):
        assert deployment().active


def test_a_stranger_does_nothing(flow: Flow, stranger: Client) -> None:
    for deed in DEEDS:
        assert stranger.post(ONE + deed, GIVEN).status_code == 404
        assert stranger.post(ONE.replace("acme", "globex") + deed, GIVEN).status_code == 404
    assert not Run.objects.exists()


def test_the_list_speaks_of_today_in_the_environment_shown(
    builder: Client, flow: Flow, march: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipaas.web.flow_figures.now", lambda: NOON)
    for number, hours in enumerate((0.2, 0.3, 5, 12.4, 13, 30)):
        add_run(flow, NOON - timedelta(hours=hours), "dead" if number == 1 else "succeeded", number)
    row = builder.get(LIST).context["page"].items[0]

    assert (row.runs_today, row.success_percent, row.health) == (4, 75.0, "failing")
    assert row.trend == [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2]
    assert row.versions == [("production", 1)]


def test_the_list_is_narrowed_to_a_tag(builder: Client, flow: Flow, workspace: Workspace) -> None:
    published(workspace, "flows", slug="tagged", title="Tagged", tags=["sales"])
    assert [row.slug for row in builder.get(LIST).context["page"].items] == ["orders", "tagged"]
    answer = builder.get(LIST, {"tag": "sales"})
    assert [(row.slug, row.tags) for row in answer.context["page"].items] == [("tagged", ["sales"])]
    assert [(one.value, one.selected) for one in answer.context["filters"]["tag"]] == [("", False), ("sales", True)]
    assert 'href="?tag=sales"' in answer.content.decode()


def test_a_busy_flow_is_counted_no_further_than_the_newest(
    builder: Client, flow: Flow, march: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipaas.web.flow_figures.now", lambda: NOON)
    monkeypatch.setattr("ipaas.web.flow_figures.MOST_RUNS", 3)
    for number in range(5):
        add_run(flow, NOON - timedelta(minutes=number), number=number)
    row = builder.get(LIST).context["page"].items[0]

    assert (row.runs_today, row.counted_all) == (3, False)
    assert "3+" in builder.get(LIST).content.decode()


def test_the_list_asks_no_more_for_many_flows(
    as_role: Browsers, workspace: Workspace, environment: Environment, django_assert_max_num_queries: Any
) -> None:
    builder = as_role("builder")
    for number in range(12):
        published(workspace, "flows", slug=f"flow-{number}", title=f"Flow {number}")
    with django_assert_max_num_queries(25):
        assert len(builder.get(LIST).context["page"].items) == 12


def test_flows_are_filtered_by_name_owner_and_state(builder: Client, workspace: Workspace, flow: Flow) -> None:
    published(workspace, "flows", slug="refunds", title="Refunds", owner="finance")

    def shown(query: str) -> list[str]:
        return [row.slug for row in builder.get(f"{LIST}?{query}").context["page"].items]

    assert shown("q=REF") == ["refunds"]
    assert shown("owner=finance") == ["refunds"]
    assert shown("state=undeployed") == ["refunds"]
    assert shown("state=paused") == []


def test_the_page_reads_like_the_flow(builder: Client, workspace: Workspace, flow: Flow) -> None:
    inner = {"id": "note", "emit": {"type": "order.large"}}
    steps = [
        {"id": "sort_out", "title": "Large?", "branch": [{"when": "trigger.body.n > 5", "steps": [inner]}],
         "else": {"steps": [{"id": "leave", "stop": {"status": "succeeded"}}]}},
        {"id": "each", "for_each": {"items": "trigger.body.lines", "as": "line", "steps": [{**inner, "id": "other"}]}},
        {"id": "pause", "wait": {"for": "PT5M"}, "when": "trigger.body.slow"},
    ]  # fmt: skip
    published(workspace, "flows", steps=steps)
    blocks = builder.get(f"{ONE}?version=2").context["blocks"]

    assert [(one.title, one.kind, one.detail) for one in blocks] == [
        ("Large?", "branch", "the first case that is true"),
        ("Each", "for_each", "line of trigger.body.lines, 1 at once"),
        ("Pause", "wait", "for 5 min · only when trigger.body.slow"),
    ]
    assert [(one.lane, one.kind) for one in blocks[0].blocks] == [
        ("when trigger.body.n > 5", "emit"),
        ("otherwise", "end"),
    ]


def test_a_webhook_flow_shows_where_its_sender_posts_to(
    as_role: Browsers, workspace: Workspace, environment: Environment
) -> None:
    endpoint = create_endpoint(
        actor=SYSTEM, environment=environment, slug="shop", title="The shop", signature_required=False
    )
    found: Flow = published(workspace, "flows", trigger={"webhook": {"endpoint": "shop"}})
    deploy(flow=found, environment=environment, version=FlowVersion.objects.get(), actor=SYSTEM)

    assert f"/hooks/{endpoint.public_id}" in as_role("builder").get(ONE).content.decode()
    assert endpoint.public_id not in as_role("approver").get(ONE).content.decode()


def test_versions_are_deployed_rolled_back_and_taken_out(builder: Client, workspace: Workspace, flow: Flow) -> None:
    published(workspace, "flows", title="Second")
    builder.post(f"{ONE}deploy/", {"environment": "production", "version": "2", "note": "faster"})
    assert (deployment().version.number, deployment().previous_version.number) == (2, 1)

    builder.post(f"{ONE}roll-back/", {"environment": "production", "reason": ""})
    assert deployment().version.number == 2
    builder.post(f"{ONE}roll-back/", {"environment": "production", "reason": "too fast"})
    assert deployment().version.number == 1

    builder.post(f"{ONE}undeploy/", {"environment": "production", "reason": "over"})
    assert not deployment().active
    assert builder.get(ONE).context["run_url"] == ""


@pytest.mark.parametrize("given", [{"version": "9"}, {"version": "x"}, {"environment": "moon"}, {"environment": ""}])
def test_what_does_not_exist_is_not_deployed(builder: Client, given: dict[str, str]) -> None:
    assert builder.post(f"{ONE}deploy/", {**GIVEN, **given}).status_code == 404
    assert deployment().version.number == 1


def test_a_deprecated_version_is_not_deployed(builder: Client, workspace: Workspace, flow: Flow) -> None:
    published(workspace, "flows", title="Second")
    builder.post(f"{ONE}deprecate/", {"version": "2", "reason": "wrong"})
    answer = builder.post(f"{ONE}deploy/", {**GIVEN, "version": "2"}, follow=True)

    assert "is deprecated" in answer.content.decode()
    assert deployment().version.number == 1


def test_publishing_and_going_live_is_one_deed(builder: Client, workspace: Workspace, flow: Flow) -> None:
    Environment.objects.create(workspace=workspace, slug="staging", name="Staging", position=9)
    published(workspace, "flows", title="Second")
    given = {"revision": "2", "note": "x", "environment": ["production", "staging"]}
    builder.post(f"{ONE}publish/", given)
    assert set(Deployment.objects.values_list("environment__slug", "version__number")) == {
        ("production", 2), ("staging", 2)
    }  # fmt: skip
    assert builder.post(f"{ONE}publish/", {**given, "environment": ["moon"]}).status_code == 404


def test_a_flow_is_paused_with_a_reason_and_taken_up_again(builder: Client, flow: Flow) -> None:
    builder.post(f"{ONE}pause/", {"reason": ""})
    assert not Flow.objects.get().paused
    builder.post(f"{ONE}pause/", {"reason": "stock taking"})
    assert "stock taking" in builder.get(ONE).content.decode()
    assert builder.post(f"{ONE}pause/", {"reason": "again"}, follow=True).status_code == 200

    builder.post(f"{ONE}resume/")
    assert not Flow.objects.get().paused


def test_the_page_tells_how_a_clock_stands_and_nothing_of_what_the_source_said(
    builder: Client, workspace: Workspace, environment: Environment, flow: Flow
) -> None:
    since = now() - timedelta(minutes=7)
    TriggerState.objects.create(
        workspace_id=workspace.id, environment_id=environment.id, flow_id=flow.id, version_id=uuid7_at(NOON),
        kind="poll", spec={}, next_at=now() + timedelta(minutes=3), attempts=2, failures=4, failing_since=since,
        succeeded_at=since, moved_at=since - timedelta(hours=2), last_error="auth http_401: alice@example.com is out",
    )  # fmt: skip
    text = builder.get(ONE).content.decode()
    assert "Failing" in text
    assert "<code>auth http_401</code>" in text
    assert "alice@example.com" not in text
    assert (text.count("7 min ago"), "2 h ago" in text, "in 2 min" in text) == (2, True, True)
    assert ("2 of the present poll" in text, "4 in a row" in text) == (True, True)
    builder.post(f"{ONE}pause/", {"reason": "repair"})
    assert "when the flow is taken up again" in builder.get(ONE).content.decode()


def test_a_paused_flow_tells_what_it_keeps_and_what_becomes_of_it(
    builder: Client, workspace: Workspace, flow: Flow
) -> None:
    builder.post(f"{ONE}pause/", {"reason": "repair"})
    assert "No event was kept" in builder.get(ONE).content.decode()
    for _ in range(3):
        Work.objects.create(
            id=uuid7(), kind=Work.Kind.RUN, lane=1, workspace_id=workspace.id, group_id=flow.id, due_at=HELD_UNTIL
        )
    text = builder.get(ONE).content.decode()
    assert "3</span> runs of kept events wait" in text
    assert "3 kept runs start now, oldest first, 20 a second" in text


def test_a_run_is_started_once_by_hand(builder: Client, flow: Flow) -> None:
    form = builder.get(f"{ONE}run/")
    given = {"environment": "production", "body": '{"id": "SO-1"}', "key": form.context["key"]}
    first, second = builder.post(f"{ONE}run/", given), builder.post(f"{ONE}run/", given)

    run = Run.objects.get()
    assert first["Location"] == second["Location"] == f"/w/acme/runs/{run.id}/"
    assert run.business_key == "SO-1"
    other = builder.post(f"{ONE}run/", {**given, "body": '{"id": "SO-2"}'})
    assert (other.status_code, Run.objects.count()) == (422, 1)
    assert "another input" in other.content.decode()


def test_a_key_is_of_one_person(builder: Client, workspace: Workspace, flow: Flow) -> None:
    other = Client()
    other.force_login(make_member(workspace, "bob@example.org", "builder").user)
    for browser, order in ((builder, "SO-1"), (other, "SO-2")):
        body = json.dumps({"id": order})
        browser.post(f"{ONE}run/", {"environment": "production", "body": body, "key": "same"})

    assert sorted(Run.objects.values_list("business_key", flat=True)) == ["SO-1", "SO-2"]


def test_a_bad_body_starts_nothing_and_names_the_place(builder: Client, flow: Flow) -> None:
    bodies = ["", "{", '{"id": "a", "id": "b"}', '{"id": NaN}', "[" * 300, '{"id": "\\ud800"}', '{"id": 7}', "{}", "\0"]
    for body in bodies:
        answer = builder.post(f"{ONE}run/", {"environment": "production", "body": body, "key": ""})
        assert answer.status_code == 422, body[:20]
        assert answer.context["findings"], body[:20]
        assert answer.context["body"] == body
    too_long = builder.post(f"{ONE}run/", {"environment": "production", "body": '{"id": "a"}', "key": "k" * 400})
    assert too_long.status_code == 422
    assert not Run.objects.exists()


def test_a_paused_flow_starts_nothing(builder: Client, flow: Flow) -> None:
    builder.post(f"{ONE}pause/", {"reason": "x"})
    answer = builder.post(f"{ONE}run/", {"environment": "production", "body": '{"id": "a"}', "key": ""})

    assert answer.status_code == 422
    assert "is paused in production" in answer.content.decode()


def test_the_draft_is_not_said_to_differ_from_what_was_published_of_it(builder: Client, flow: Flow) -> None:
    assert builder.get(ONE).context["draft_diff_url"] == ""


def test_another_order_of_steps_is_a_change(builder: Client, workspace: Workspace, flow: Flow) -> None:
    steps = [{"id": name, "stop": {"status": "succeeded"}, "when": "trigger.body.id"} for name in ("one", "two")]
    published(workspace, "flows", steps=steps)
    published(workspace, "flows", steps=steps[::-1])
    rows = builder.get(f"{ONE}diff/?from=2&to=3").context["rows"]

    assert [(row.path, row.before, row.after) for row in rows] == [("order of the blocks", "one, two", "two, one")]


def test_a_step_is_tried_out_after_seeing_what_it_calls(builder: Client, workspace: Workspace, flow: Flow) -> None:
    Environment.objects.create(workspace=workspace, slug="staging", name="Staging", position=9)
    form = builder.get(f"{ONE}test/")
    assert form.context["given"]["environment"] == "staging"
    assert [option.value for option in form.context["steps"]] == ["check"]
    given = {"step": "check", "how": "alone", "environment": "staging", "body": '{"id": "SO-1"}', "outputs": "{}"}
    given |= {"version": "1", "run": "", "item": "0"}
    seen = builder.post(f"{ONE}test/", {**given, "preview": "yes"})
    assert (seen.status_code, seen.context["previewed"], Run.objects.exists()) == (200, True, False)
    assert "Nothing outside is touched." in seen.content.decode()
    started = builder.post(f"{ONE}test/", given)
    run = Run.objects.get()
    assert started["Location"] == f"/w/acme/runs/{run.id}/"
    assert (run.trigger, run.environment_id) == ("test", Environment.objects.get(slug="staging").id)
    from_run = builder.get(f"{ONE}test/?run={run.id}&step=check").context["given"]
    assert (from_run["how"], from_run["body"]) == ("alone", "")
    again = builder.post(f"{ONE}test/", {**given, "run": str(run.id), "body": ""})
    assert (again.status_code, Run.objects.count()) == (302, 2)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"body": "{"}, "body"),
        ({"outputs": "[]"}, "outputs"),
        ({"outputs": '{"nowhere": 1}'}, "step"),
        ({"step": "nowhere"}, "step"),
        ({"run": "no-id"}, "run"),
        ({"run": "01a20d2d-88bc-735d-bdc8-a5f18795169f"}, "run"),
        ({"body": '{"id": 7}'}, "body"),
    ],
)
def test_what_can_not_be_tried_out_is_told_at_its_place(builder: Client, wrong: dict[str, str], place: str) -> None:
    given = {**GIVEN, "how": "up_to", "outputs": "{}", "body": '{"id": "SO-1"}', "run": "", "item": "0", **wrong}
    answer = builder.post(f"{ONE}test/", given)
    assert (answer.status_code, [one.path for one in answer.context["findings"]]) == (422, [place])
    assert not Run.objects.exists()


def test_a_flow_is_promoted_from_one_environment_to_the_next(builder: Client, workspace: Workspace, flow: Flow) -> None:
    staging = Environment.objects.create(workspace=workspace, slug="staging", name="Staging", position=9)
    newer: Flow = published(workspace, "flows", title="Newer")
    deploy(flow=newer, environment=staging, version=FlowVersion.objects.get(number=2), actor=SYSTEM)
    page = builder.get(f"{ONE}promote/")
    assert (page.context["plan"].version.number, page.context["plan"].current.number) == (2, 1)
    assert {"/title", "/input"} <= {row.path for row in page.context["rows"]}
    stale = builder.post(f"{ONE}promote/", {"from": "staging", "to": "production", "version": "1"}, follow=True)
    assert "runs version 2 now" in stale.content.decode()
    builder.post(f"{ONE}promote/", {"from": "staging", "to": "production", "version": "2", "note": "good"})
    assert Deployment.objects.get(environment__slug="production").version.number == 2
    assert "already" in builder.get(f"{ONE}promote/?from=staging&to=production").content.decode()
    nowhere = builder.get(f"{ONE}promote/?from=moon&to=production")
    assert (nowhere.status_code, nowhere.context["plan"]) == (200, None)


def test_a_draft_is_tried_out_from_its_editor(builder: Client, workspace: Workspace, flow: Flow) -> None:
    staging = Environment.objects.create(workspace=workspace, slug="staging", name="Staging", position=9)
    text = builder.get(f"{ONE}edit/").context["text"].replace("check", "probe")
    revision = str(Flow.objects.get().draft_revision)
    saved = builder.post(f"{ONE}edit/", {"document": text, "revision": revision, "try": "yes"})
    assert saved["Location"] == f"{ONE}test/?version=draft"
    form = builder.get(saved["Location"])
    assert [option.value for option in form.context["steps"]] == ["probe"]
    assert form.context["given"]["environment"] == "staging"
    given = {"step": "probe", "how": "alone", "environment": "production", "body": '{"id": "SO-1"}', "outputs": "{}"}
    given |= {"version": "draft", "run": "", "item": "0"}
    refused = builder.post(f"{ONE}test/", given)
    assert (refused.status_code, refused.context["asks_for_production"], Run.objects.exists()) == (422, True, False)
    assert 'name="in_production"' in refused.content.decode()
    builder.post(f"{ONE}test/", {**given, "environment": "staging"})
    run = Run.objects.get()
    assert (run.trigger, run.environment_id, FlowVersion.objects.count()) == ("test", staging.id, 1)
    page = builder.get(f"/w/acme/runs/{run.id}/").content.decode()
    assert ("a draft" in page, "Probe" in page) == (True, True)
    assert builder.post(f"{ONE}test/", {**given, "in_production": "yes"}).status_code == 302


def test_a_draft_with_errors_leads_to_its_findings(builder: Client, flow: Flow) -> None:
    text = builder.get(f"{ONE}edit/").context["text"].replace("primary_business_id: order", "primary_business_id: no")
    builder.post(f"{ONE}edit/", {"document": text, "revision": str(Flow.objects.get().draft_revision)})
    answer = builder.get(f"{ONE}test/?version=draft")
    assert answer["Location"] == f"{ONE}edit/"
