"""Dead letters: grouped by cause, corrected, replayed, discarded."""

from collections.abc import Callable
from typing import Any

import pytest

from ipaas.accounts.roles import ROLES
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.ids import uuid7
from ipaas.governance import services as governance
from ipaas.runtime.models import BulkJob, DeadLetter, Run
from tests.factories.flow_documents import schema
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed, ok
from tests.integration.web.runtime.conftest import Browser, text_of

EMAIL = "alice@example.com"
DEEDS = {
    "dead_letter_correct": "deadletters.correct",
    "dead_letter_replay": "runs.replay",
    "dead_letter_discard": "deadletters.discard",
}


@pytest.fixture
def letters(world: World) -> list[DeadLetter]:
    """Three orders that the carrier refuses, and one that a later flow can not charge."""
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    flow = world.flow(call("ship", {"to": "{{ trigger.body.email }}"}, title="Ship it"), input={"schema": "order@1"})
    other = world.flow(call("charge"), slug="other", title="Other")
    world.gateway.on("ship", failed(code="no_address"))
    world.gateway.on("charge", failed(code="no_money"))
    runs = [world.play(flow, {"id": f"o-{number}", "email": EMAIL}) for number in range(3)]
    runs.append(world.play(other, {"id": "x-1"}))
    return [world.letter(run) for run in runs]


@pytest.fixture
def letter(letters: list[DeadLetter]) -> DeadLetter:
    return letters[0]


def test_failures_are_grouped_by_cause_the_largest_first(operator: Browser, letters: list[DeadLetter]) -> None:
    answer = operator.get("dead_letter_list")
    groups = answer.context["groups"]
    assert [(one.cause, one.step, one.count, one.at_stake) for one in groups] == [
        ("No address", "Ship it", 3, "3 orders"),
        ("No money", "Charge", 1, "1 order"),
    ]
    assert answer.context["totals"]["count"] == 4


def test_what_is_at_stake_is_added_up_over_the_groups_in_any_language(
    operator: Browser, letters: list[DeadLetter]
) -> None:
    def at_stake(language: str) -> str:
        answer = operator.client.get(operator.url("dead_letter_list"), headers={"accept-language": language})
        return str(answer.context["totals"]["at_stake"])

    assert at_stake("en") == "4 orders"
    assert at_stake("de") == "4 order"  # the flow's own word, of which only English makes a plural


@pytest.mark.parametrize(
    ("query", "causes"),
    [
        ({"flow": "other"}, ["No money"]),
        ({"q": "o-1"}, ["No address"]),
        ({"error_class": "timeout"}, []),
        ({"flow": "nowhere"}, []),
        ({"q": "\x00"}, ["No address", "No money"]),
    ],
    ids=["flow", "business id", "class", "unknown flow", "NUL"],
)
def test_the_groups_are_filtered(
    operator: Browser, letters: list[DeadLetter], query: dict[str, str], causes: list[str]
) -> None:
    assert [group.cause for group in operator.get("dead_letter_list", **query).context["groups"]] == causes


def test_a_group_lists_its_letters(operator: Browser, letters: list[DeadLetter]) -> None:
    group = operator.get("dead_letter_list").context["groups"][0]
    answer = operator.client.get(group.url)
    assert [row.business_ids[0][1] for row in answer.context["page"].items] == ["o-2", "o-1", "o-0"]
    assert EMAIL not in text_of(answer)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_page_and_deed_asks_for_its_permission(
    browser: Callable[[str], Browser], letter: DeadLetter, role: str
) -> None:
    person, given = browser(role), ROLES[role]
    for url in (person.url("dead_letter_list"), person.url("dead_letter_detail", letter.id)):
        assert person.client.get(url).status_code == (200 if "deadletters.view" in given else 403)
    for name, permission in DEEDS.items():
        answer = person.client.post(person.url(name, letter.id), {})
        assert (answer.status_code == 403) == (permission not in given), name
    letter.refresh_from_db()
    assert letter.state == DeadLetter.State.OPEN


@pytest.mark.parametrize("name", ["dead_letter_detail", *DEEDS])
def test_a_letter_of_another_workspace_does_not_exist(
    operator: Browser, stranger: Browser, letter: DeadLetter, name: str
) -> None:
    method = "post" if name in DEEDS else "get"
    assert getattr(stranger.client, method)(operator.url(name, letter.id)).status_code == 404
    assert getattr(operator.client, method)(operator.url(name, uuid7())).status_code == 404


def test_the_editor_shows_the_input_masked(operator: Browser, letter: DeadLetter) -> None:
    answer = operator.get("dead_letter_detail", letter.id)
    assert EMAIL not in text_of(answer)
    assert '"email": "‹redacted:' in answer.context["input_text"]
    assert '"id": "o-0"' in answer.context["input_text"]


def test_a_correction_keeps_what_was_masked(world: World, operator: Browser, letter: DeadLetter) -> None:
    text = operator.get("dead_letter_detail", letter.id).context["input_text"].replace('"o-0"', '"o-7"')
    world.gateway.on("ship", ok())
    answer = operator.post("dead_letter_correct", letter.id, input=text, deed="replay", reason="wrong number")
    world.work()
    again = Run.objects.get(replay_of=letter.run_id)
    assert answer.redirect_chain[-1][0] == operator.url("run_detail", again.id)
    assert (again.status, again.business_key) == ("succeeded", "o-7")
    assert world.gateway.calls[-1].params == {"to": EMAIL}
    assert AuditEntry.objects.get(action="run.replayed").details["corrected"] is True


def test_the_difference_is_shown_before(operator: Browser, letter: DeadLetter) -> None:
    text = operator.get("dead_letter_detail", letter.id).context["input_text"].replace('"o-0"', '"o-7"')
    answer = operator.post("dead_letter_correct", letter.id, input=text, deed="preview")
    assert [(row.path, row.before, row.after) for row in answer.context["diff"]] == [("id", "o-0", "o-7")]
    assert not Run.objects.filter(replay_of=letter.run_id).exists()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"id": "o-0",\n "email" "x"}', 2),
        ("", 1),
        ("[" * 5000, None),
        ('{"id": "‹redacted:00000000›"}', None),
        ('{"id": 1, "id": 2}', None),
    ],
    ids=["syntax", "empty", "nested", "foreign mask", "key twice"],
)
def test_what_is_wrong_with_a_correction_is_shown_at_its_place(
    operator: Browser, letter: DeadLetter, text: str, line: int | None
) -> None:
    answer = operator.post("dead_letter_correct", letter.id, input=text, deed="replay", reason="x")
    assert answer.status_code == 422
    finding = answer.context["findings"][0]
    assert finding.message
    assert line is None or finding.line == line
    assert answer.context["input_text"] == text
    assert not Run.objects.filter(replay_of=letter.run_id).exists()


def test_a_correction_that_breaks_the_contract_is_refused_with_the_place(operator: Browser, letter: DeadLetter) -> None:
    answer = operator.post("dead_letter_correct", letter.id, input='{"email": "x"}', deed="replay", reason="x")
    assert answer.status_code == 200
    assert 'data-tone="bad"' in text_of(answer)
    assert answer.context["input_text"] == '{"email": "x"}'
    assert not Run.objects.filter(replay_of=letter.run_id).exists()


def test_one_is_replayed_as_it_is(world: World, operator: Browser, letter: DeadLetter) -> None:
    world.gateway.on("ship", ok())
    operator.post("dead_letter_replay", letter.id, reason="carrier works again")
    world.work()
    letter.refresh_from_db()
    assert letter.state == DeadLetter.State.REPLAYED
    assert "Closed as replayed by operator@" in text_of(operator.get("dead_letter_detail", letter.id))


def test_one_is_discarded_with_a_reason(operator: Browser, letter: DeadLetter) -> None:
    assert "say why" in text_of(operator.post("dead_letter_discard", letter.id))
    operator.post("dead_letter_discard", letter.id, reason="test order")
    letter.refresh_from_db()
    assert (letter.state, letter.close_reason) == ("discarded", "test order")
    assert "is discarded already" in text_of(operator.post("dead_letter_discard", letter.id, reason="again")) + text_of(
        operator.post("dead_letter_correct", letter.id, input="{}", deed="replay", reason="x")
    )


# -- many ------------------------------------------------------------------------------------------------------------


def replay_all(operator: Browser, **given: Any) -> Any:
    group = operator.get("dead_letter_list").context["groups"][0]
    return operator.client.post(
        group.replay_all_url, {"rate_per_minute": "600", "reason": "back", **given}, follow=True
    )


def test_all_of_a_cause_are_replayed_at_a_rate(world: World, operator: Browser, letters: list[DeadLetter]) -> None:
    answer = replay_all(operator)
    assert [(job.title, job.status, job.rate_per_minute) for job in answer.context["jobs"]] == [
        ("Replay of 3 dead letters", "running", 600)
    ]
    world.gateway.on("ship", ok())
    for _ in range(3):
        world.make_due()
        world.work()
    assert DeadLetter.objects.filter(state="replayed").count() == 3
    done = operator.get("bulk_jobs", v="old").context["jobs"][0]
    assert (done.status, done.handled, done.failed) == ("done", 3, 0)


def test_a_job_is_paused_resumed_and_stopped(operator: Browser, letters: list[DeadLetter]) -> None:
    replay_all(operator)
    job = BulkJob.objects.get()
    for name, state in (("bulk_pause", "paused"), ("bulk_resume", "running"), ("bulk_stop", "stopped")):
        answer = operator.post(name, job.id)
        job.refresh_from_db()
        assert job.state == state
        assert answer.context["jobs"][0].status == state
    assert "This job is stopped" in text_of(operator.post("bulk_pause", job.id))


def test_progress_is_polled_until_the_job_ends(operator: Browser, letters: list[DeadLetter]) -> None:
    version = replay_all(operator).context["jobs_version"]
    assert operator.get("bulk_jobs", htmx=True, v=version).status_code == 204
    BulkJob.objects.update(done=2)
    answer = operator.get("bulk_jobs", htmx=True, v=version)
    assert "2 of 3" in text_of(answer)


def test_a_job_of_another_workspace_does_not_exist(
    operator: Browser, stranger: Browser, letters: list[DeadLetter]
) -> None:
    replay_all(operator)
    job = BulkJob.objects.get()
    for name in ("bulk_pause", "bulk_resume", "bulk_stop"):
        assert stranger.client.post(operator.url(name, job.id)).status_code == 404


@pytest.mark.parametrize(
    "given",
    [{"reason": ""}, {"rate_per_minute": "0"}, {"rate_per_minute": "fast"}, {"rate_per_minute": "99999"}],
    ids=["no reason", "no rate", "no number", "too fast"],
)
def test_a_job_that_makes_no_sense_is_not_begun(
    operator: Browser, letters: list[DeadLetter], given: dict[str, str]
) -> None:
    answer = replay_all(operator, **given)
    assert 'data-tone="bad"' in text_of(answer)
    assert not BulkJob.objects.exists()


def test_only_who_may_discard_discards_all(
    browser: Callable[[str], Browser], world: World, operator: Browser, letters: list[DeadLetter]
) -> None:
    url = operator.get("dead_letter_list").context["groups"][0].discard_all_url
    assert browser("builder").client.post(url, {"reason": "x"}).status_code == 403
    operator.client.post(url, {"reason": "test orders"})
    for _ in range(2):
        world.make_due()
        world.work()
    assert DeadLetter.objects.filter(state="discarded").count() == 3
