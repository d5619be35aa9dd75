"""The gateway over real HTTP: what goes out, what comes back, what is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import gateway, oauth, transports
from ipaas.catalog.gateway import GatewayCall
from ipaas.catalog.models import Connection, OAuthToken
from ipaas.core.clock import now
from ipaas.core.context import new_trace
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.policies.effects import Recorded
from ipaas.sdk.connector import Action
from ipaas.sdk.manifest import Effect
from tests.factories.ledger import MemoryLedger
from tests.integration.catalog.conftest import CHARGE, KEY, TOKEN, Pay
from tests.integration.catalog.vendor import Vendor

Connected = Callable[..., Awaitable[Connection]]


async def test_a_good_call_is_sent_once_with_credential_key_and_trace(
    pay: Pay, connected: Connected, vendor: Vendor, ledger: MemoryLedger
) -> None:
    connection = await connected()
    trace = new_trace()
    outcome = await pay(fresh=True, trace=trace)
    assert (outcome.kind, outcome.status, outcome.effect_state, outcome.intent) == ("ok", 201, "done", True)
    assert outcome.data["reference"] == "FH-1"
    assert outcome.connection_id == connection.id
    assert len(outcome.request_hash) == 32
    [seen] = vendor.seen
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["idempotency-key"] == KEY.decode()
    assert seen.headers["traceparent"] == trace.traceparent
    assert [intent.request_hash for intent in ledger.intents] == [outcome.request_hash]
    assert ledger.lookups == 0


async def test_what_is_kept_holds_no_credential_even_when_the_vendor_repeats_it(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    await connected()
    vendor.echo = True
    outcome = await pay()
    assert outcome.data["echo"] == "Bearer ‹secret›"
    assert TOKEN not in repr(outcome)
    assert outcome.request["path"] == "/v1/charges"
    assert outcome.response["status"] == 201


async def test_payloads_are_not_kept_where_the_policy_says_so(pay: Pay, connected: Connected) -> None:
    await connected(policy={"capture": {"request": False, "response": False}})
    outcome = await pay()
    assert (outcome.kind, outcome.request, outcome.response) == ("ok", None, None)


async def test_a_recorded_effect_is_not_sent_again(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    await connected()
    first = await pay()
    again = await pay()
    assert (again.kind, again.data) == ("recorded", first.data)
    assert len(vendor.seen) == 1


async def test_a_safe_call_leaves_no_intent(
    pay: Pay, connected: Connected, vendor: Vendor, ledger: MemoryLedger
) -> None:
    await connected()
    outcome = await pay(action="search_charges", params={"reference": "FH-1"})
    assert (outcome.kind, outcome.effect_state, ledger.intents) == ("ok", "none", [])
    assert vendor.seen[0].query == {"reference": "FH-1"}


async def test_keyed_in_doubt_is_retried_with_the_same_key_and_charged_once(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    await connected()
    vendor.faults = ["lost"]
    first = await pay()
    assert (first.kind, first.effect_state) == ("retry", "open")
    assert first.due_at is not None
    second = await pay(2)
    assert (second.kind, second.effect_state) == ("ok", "done")
    assert len(vendor.seen) == 2
    assert len(vendor.charges) == 1


@pytest.mark.parametrize(("fault", "charged", "posts"), [("lost", 1, 1), ("reset", 1, 2), (503, 1, 2)])
async def test_lookup_in_doubt_is_reconciled_before_anything_is_sent_again(
    pay: Pay, connected: Connected, vendor: Vendor, fault: object, charged: int, posts: int
) -> None:
    await connected(config={"mode": "lookup"})
    vendor.honours_keys = False
    vendor.faults = [fault]
    assert (await pay()).kind == "retry"
    second = await pay(2)
    assert (second.kind, second.effect_state) == ("ok", "done")
    assert second.data["reference"] == "FH-1"
    assert len(vendor.charges) == charged
    assert [seen.method for seen in vendor.seen].count("POST") == posts


async def test_lookup_after_the_last_attempt_says_that_it_did_not_happen(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    await connected(config={"mode": "lookup"}, policy={"retry": {"max_attempts": 1}})
    vendor.faults = ["reset"]
    assert (await pay()).kind == "retry"
    last = await pay(2)
    assert (last.kind, last.effect_state) == ("failed", "failed")
    assert last.error is not None
    assert last.error.code == "attempts_exhausted"
    assert [seen.method for seen in vendor.seen] == ["POST", "GET"]


async def test_an_effect_that_nobody_can_look_up_is_shown_to_an_operator(
    pay: Pay, connected: Connected, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Action, "effect_for", lambda *_: Effect.UNKEYED)
    await connected()
    vendor.faults = ["lost"]
    first = await pay()
    assert (first.kind, first.effect_state) == ("unknown", "unknown")
    again = await pay(2)
    assert again.kind == "unknown"
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("mode", ["keyed", "lookup"])
async def test_an_intent_left_open_by_a_crash_is_settled(
    pay: Pay, connected: Connected, vendor: Vendor, ledger: MemoryLedger, mode: str
) -> None:
    """The engine died after the vendor had charged and before it could write the outcome."""
    await connected(config={"mode": mode})
    await pay()
    ledger.books.clear()
    ledger.books[KEY] = Recorded("open")
    outcome = await pay(1)
    assert (outcome.kind, outcome.effect_state) == ("ok", "done")
    assert len(vendor.charges) == 1


async def test_a_fresh_call_that_meets_a_recorded_effect_takes_its_result(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    await connected()
    first = await pay()
    assert (await pay(fresh=True)).data == first.data
    assert len(vendor.seen) == 1


async def test_no_answer_in_time_leaves_the_effect_in_doubt(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    await connected(policy={"timeout_s": 0.2})
    vendor.faults = ["hang"]
    outcome = await pay()
    assert (outcome.kind, outcome.effect_state) == ("retry", "open")
    assert outcome.error is not None
    assert outcome.error.error_class is ErrorClass.TIMEOUT


async def test_a_refusal_of_the_business_is_final_and_certain(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    await connected()
    vendor.faults = [402]
    outcome = await pay()
    assert (outcome.kind, outcome.effect_state) == ("failed", "failed")
    assert outcome.error is not None
    assert outcome.error.error_class is ErrorClass.BUSINESS_REJECTION
    assert outcome.request["body"]["reference"] == CHARGE["reference"]


async def test_retry_after_pauses_the_whole_connection(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    await connected()
    vendor.faults, vendor.headers = [429], {"Retry-After": "20"}
    outcome = await pay()
    assert outcome.kind == "retry"
    assert outcome.due_at is not None
    assert outcome.due_at >= now() + timedelta(seconds=19)
    other = await pay(effect_key=b"another")
    assert (other.kind, other.error and other.error.code) == ("deferred", "paused")
    assert len(vendor.seen) == 1


async def test_nothing_is_intended_when_the_connection_is_refused(
    pay: Pay, connect: Callable[..., Connection], vendor: Vendor
) -> None:
    await sync_to_async(connect)(1)
    outcome = await pay()
    assert (outcome.kind, outcome.effect_state) == ("retry", "failed")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"connection": "nowhere"}, "connection_missing"),
        ({"action": "fly"}, "unknown_action"),
        ({"params": {"amount_minor": "x"}}, "params_invalid"),
        ({"policy": {"retry": {"base_s": 10, "cap_s": 1}}}, "invalid_input"),
    ],
)
async def test_what_can_not_be_called_fails_without_an_intent(
    pay: Pay, connected: Connected, vendor: Vendor, ledger: MemoryLedger, changes: dict[str, object], code: str
) -> None:
    await connected()
    outcome = await pay(**changes)
    assert (outcome.kind, outcome.error and outcome.error.code) == ("failed", code)
    assert (vendor.seen, ledger.intents) == ([], [])


async def test_a_disabled_connection_is_not_called(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    connection = await connected()
    await Connection.objects.filter(id=connection.id).aupdate(state="disabled")
    outcome = await pay()
    assert outcome.error is not None
    assert outcome.error.code == "connection_disabled"


async def test_a_secret_stays_with_the_address_it_was_entered_for(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    connection = await connected()
    await Connection.objects.filter(id=connection.id).aupdate(secret_origin="https://api.kestrelpay.example")
    outcome = await pay()
    assert outcome.error is not None
    assert outcome.error.code == "credential_detached"
    assert vendor.seen == []


async def test_a_secret_without_the_field_needed_is_a_matter_of_configuration(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    await connected(secret="pay-oauth")
    outcome = await pay()
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.error_class) == ("credential_unusable", ErrorClass.CONFIGURATION)
    assert (outcome.kind, vendor.seen) == ("failed", [])


async def test_a_target_that_is_not_allowed_is_not_called(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    await connected()
    await Workspace.objects.aupdate(settings={})
    outcome = await pay()
    assert outcome.error is not None
    assert outcome.error.error_class is ErrorClass.CONFIGURATION
    assert (outcome.kind, vendor.seen) == ("failed", [])


async def test_a_forced_breaker_defers_and_spends_nothing(
    pay: Pay, connected: Connected, vendor: Vendor, ledger: MemoryLedger
) -> None:
    connection = await connected()
    await Connection.objects.filter(id=connection.id).aupdate(forced_breaker="open")
    outcome = await pay()
    assert (outcome.kind, outcome.error and outcome.error.code) == ("deferred", "breaker_open")
    assert (vendor.seen, ledger.intents) == ([], [])
    late = await pay(deadline_at=now() + timedelta(seconds=5))
    assert (late.kind, late.error and late.error.error_class) == ("failed", ErrorClass.TIMEOUT)


async def test_oauth_token_is_fetched_once_and_renewed_when_refused(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    connection = await connected(auth_scheme="oauth", secret="pay-oauth")
    assert (await pay(effect_key=b"one")).kind == "ok"
    assert (await pay(effect_key=b"two")).kind == "ok"
    assert vendor.paths.count("/oauth/token") == 1
    vendor.refuse_tokens = 1
    assert (await pay(effect_key=b"three")).kind == "ok"
    assert vendor.tokens == ["token-number-1", "token-number-2"]
    row = await OAuthToken.objects.aget(connection_id=connection.id)
    assert row.number == 2
    assert b"token-number" not in bytes(row.sealed or b"")


async def test_a_token_refused_twice_is_a_matter_of_sign_in(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    await connected(auth_scheme="oauth", secret="pay-oauth")
    vendor.refuse_tokens = 5
    outcome = await pay()
    assert (outcome.kind, outcome.effect_state) == ("failed", "failed")
    assert vendor.paths.count("/oauth/token") == 2


async def test_many_calls_at_once_fetch_one_token(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    await connected(auth_scheme="oauth", secret="pay-oauth")
    outcomes = await asyncio.gather(*(pay(effect_key=b"key-%d" % number) for number in range(10)))
    assert {outcome.kind for outcome in outcomes} == {"ok"}
    assert vendor.paths.count("/oauth/token") == 1


async def test_while_another_worker_fetches_the_token_calls_wait_their_turn(
    pay: Pay, connected: Connected, vendor: Vendor, ledger: MemoryLedger
) -> None:
    connection = await connected(auth_scheme="oauth", secret="pay-oauth")
    lease = now() + timedelta(seconds=30)
    await OAuthToken.objects.acreate(connection=connection, refreshing_until=lease)
    outcome = await pay()
    assert (outcome.kind, vendor.seen, ledger.intents) == ("deferred", [], [])
    await OAuthToken.objects.filter(connection=connection).aupdate(refreshing_until=now())
    assert (await pay()).kind == "ok"


async def test_a_token_that_nears_its_end_is_renewed_early(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    connection = await connected(auth_scheme="oauth", secret="pay-oauth")
    assert (await pay(effect_key=b"one")).kind == "ok"
    oauth.forget_token(connection.id)
    assert (await pay(effect_key=b"two")).kind == "ok"
    assert len(vendor.tokens) == 1
    soon = now() + timedelta(seconds=30)
    await OAuthToken.objects.filter(connection=connection).aupdate(
        expires_at=soon, obtained_at=now() - timedelta(hours=1)
    )
    oauth.forget_token(connection.id)
    assert (await pay(effect_key=b"three")).kind == "ok"
    assert len(vendor.tokens) == 2


async def test_a_failing_vendor_opens_the_breaker_and_is_left_alone(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    await connected(policy={"breaker": {"min_calls": 3, "open_s": 60}})
    vendor.faults = [503] * 10
    kinds = []
    for number in range(5):
        kinds.append((await pay(effect_key=b"key-%d" % number)).kind)
        await gateway.gatekeeper().drain()
    assert kinds == ["retry", "retry", "retry", "deferred", "deferred"]
    assert len(vendor.seen) == 3


async def test_a_rate_is_kept_and_the_rest_gets_places_in_the_future(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    await connected(policy={"rate": {"per_second": 0.5, "burst": 3}})
    outcomes = await asyncio.gather(*(pay(effect_key=b"key-%d" % number) for number in range(8)))
    assert [outcome.kind for outcome in outcomes].count("ok") == 3
    due = sorted(outcome.due_at for outcome in outcomes if outcome.due_at is not None)
    assert len(due) == 5
    assert due[-1] - due[0] > timedelta(seconds=4)
    assert len(vendor.seen) == 3


@pytest.mark.parametrize(("policy", "kind", "pages"), [({}, "ok", 3), ({"per_second": 0.5, "burst": 2}, "retry", 2)])
async def test_every_further_page_takes_from_the_rate_limit(
    connected: Connected,
    vendor: Vendor,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    policy: dict[str, float],
    kind: str,
    pages: int,
) -> None:
    monkeypatch.setattr(transports, "_MOST_WAIT_S", 0)
    await connected(slug="shop", connector="storefront", secret="pay", policy={"rate": policy} if policy else {})
    orders = [{"id": f"ord_{number}", "updated_at": f"2026-11-24T08:0{number}:00Z"} for number in range(2)]
    vendor.pages = [{"orders": orders[:1]}, {"orders": orders[1:]}, {"orders": []}]
    call = GatewayCall(
        workspace_id=environment.workspace_id,
        environment_id=environment.id,
        connection="shop",
        action="list_orders",
        params={"all_pages": True},
    )
    outcome = await gateway.invoke(call)
    assert (outcome.kind, len(vendor.seen)) == (kind, pages), outcome.error
    if kind == "ok":
        assert outcome.data == {"orders": orders}
        assert [seen.query.get("updated_since") for seen in vendor.seen] == [None, *(o["updated_at"] for o in orders)]
    else:
        assert outcome.error is not None
        assert outcome.error.code == "pages_throttled"


async def test_polls_go_through_the_same_door(connected: Connected, vendor: Vendor, environment: Environment) -> None:
    await connected(slug="shop", connector="storefront", secret="pay")
    vendor.listed = {"orders": [{"id": "ord_1", "updated_at": "2026-11-24T08:00:00Z"}]}
    call = GatewayCall(
        workspace_id=environment.workspace_id,
        environment_id=environment.id,
        connection="shop",
        action="orders_updated",
        params={},
    )
    outcome = await gateway.poll(call, None)
    assert outcome.kind == "ok", outcome.error
    assert [item["key"] for item in outcome.data["items"]] == ["ord_1:2026-11-24T08:00:00Z"]
    assert (outcome.data["cursor"], outcome.data["more"]) == ("2026-11-24T08:00:00Z", False)
    refused = await gateway.poll(replace(call, action="nothing"), None)
    assert refused.error is not None
    assert refused.error.code == "unknown_action"


class Objection(IpaasError):
    """The step {step} was done with other values."""

    code = "objection"


@pytest.mark.parametrize("asked", ["lookup", "intend"])
async def test_an_objection_of_the_ledger_reaches_the_engine_as_it_is(
    pay: Pay, connected: Connected, vendor: Vendor, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    async def object_to(*_: object) -> None:
        raise Objection(step="pay")

    await connected()
    monkeypatch.setattr(ledger, asked, object_to)
    with pytest.raises(Objection):
        await pay(fresh=asked == "intend")
    assert vendor.seen == []
