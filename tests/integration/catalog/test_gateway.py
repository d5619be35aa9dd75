"""The gateway over real HTTP: what goes out, what comes back, what is kept."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from ipaas.catalog.models import Connection
from ipaas.core.clock import now
from ipaas.core.context import new_trace
from ipaas.core.errors import ErrorClass
from tests.integration.catalog.conftest import CHARGE, KEY, TOKEN, Pay
from tests.integration.catalog.ledger import MemoryLedger
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
    from ipaas.sdk.connector import Action
    from ipaas.sdk.manifest import Effect

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
    from ipaas.policies.effects import Recorded

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
    from asgiref.sync import sync_to_async

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


async def test_a_target_that_is_not_allowed_is_not_called(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    from ipaas.accounts.models import Workspace

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
    from ipaas.catalog.models import OAuthToken

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
