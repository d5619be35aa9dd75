"""Token sets under way: renewed once over all workers, written before they are used, never lost to an error."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections

from ipaas.catalog import gateway, oauth, tokens
from ipaas.catalog.models import Connection, OAuthToken
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass
from ipaas.sdk.tokens import Token
from tests.integration.catalog.conftest import Pay
from tests.integration.catalog.vendor import Seen, Vendor

Connected = Callable[..., Awaitable[Connection]]
GRANTED = Token("access-0-never-shown", 3600, "refresh-0-never-shown", ("charges.read",))


class Careful:
    """A token endpoint whose refresh tokens work once; ``say`` is an answer in place of the next ones."""

    def __init__(self, vendor: Vendor) -> None:
        self.good = GRANTED.refresh_token
        self.requests = 0
        self.say: tuple[int, Any] | None = None
        self.hold: asyncio.Event | None = None
        self._plain = vendor.answer
        vendor.answer = self.answer  # type: ignore[method-assign]

    def answer(self, seen: Seen) -> tuple[Any, dict[str, Any]]:
        if seen.path != "/oauth/token":
            return self._plain(seen)
        self.requests += 1
        if self.say is not None:
            return self.say
        if f"refresh_token={self.good}" not in seen.body:
            return 400, {"error": "invalid_grant"}
        self.good = f"refresh-{self.requests}-never-shown"
        access = f"access-{self.requests}-never-shown"
        return 200, {"access_token": access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": self.good}


@pytest.fixture
def careful(vendor: Vendor) -> Careful:
    return Careful(vendor)


@pytest_asyncio.fixture
async def granted(connected: Connected, careful: Careful) -> AsyncIterator[Connection]:
    """A connection that somebody connected an hour ago: its access token has just ended."""
    row = await connected(auth_scheme="sign-in", secret="pay-oauth")
    await sync_to_async(tokens.store_granted)(row, GRANTED, by="Alice")
    await ends(row, now() - timedelta(seconds=1))
    yield row


async def ends(row: Connection, moment: Any) -> None:
    await OAuthToken.objects.filter(connection=row).aupdate(obtained_at=now() - timedelta(hours=1), expires_at=moment)
    oauth.forget_token(row.id)


async def stored(row: Connection) -> tuple[OAuthToken, tokens.TokenSet | None]:
    found = await OAuthToken.objects.aget(connection=row)
    return found, await sync_to_async(tokens._opened)(found, row.workspace_id)


async def test_rotated_tokens_are_written_and_used(
    pay: Pay, granted: Connection, careful: Careful, vendor: Vendor
) -> None:
    for number in range(3):
        assert (await pay(effect_key=b"key-%d" % number)).kind == "ok"
        await ends(granted, now() - timedelta(seconds=1))
    row, found = await stored(granted)
    assert found is not None
    assert (careful.requests, row.number, found.refresh_token) == (3, 4, careful.good)
    assert vendor.seen[-1].headers["authorization"] == "Bearer access-3-never-shown"


async def test_without_a_grant_nothing_leaves(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    await connected(auth_scheme="sign-in", secret="pay-oauth")
    outcome = await pay()
    assert outcome.error is not None
    assert (outcome.kind, outcome.error.code, vendor.seen) == ("failed", "not_connected", [])
    assert outcome.error.error_class is ErrorClass.AUTH


@pytest.mark.parametrize("say", [(500, {}), (200, {"error": "server_error"}), (429, {}), (200, []), ("drop", {})])
async def test_an_error_answer_keeps_the_token(pay: Pay, granted: Connection, careful: Careful, say: Any) -> None:
    before, _ = await stored(granted)
    careful.say = say
    assert (await pay()).kind != "ok"
    await ends(granted, now() + timedelta(seconds=30))  # due, and still good
    assert (await pay()).kind == "ok"
    row, found = await stored(granted)
    assert found is not None
    assert (row.sealed, row.number, row.refused_code) == (before.sealed, before.number, "")
    careful.say = None
    await ends(granted, now() - timedelta(seconds=1))
    assert (await pay(effect_key=b"later")).kind == "ok"


async def test_an_ended_grant_asks_for_a_person(pay: Pay, granted: Connection, careful: Careful) -> None:
    careful.say = (400, {"error": "invalid_grant"})
    for _ in range(3):
        outcome = await pay()
        assert outcome.error is not None
        assert (outcome.kind, outcome.error.code) == ("failed", "reconnect_needed")
    assert careful.requests == 1
    row, found = await stored(granted)
    assert (row.refused_code, found and found.refresh_token) == ("invalid_grant", GRANTED.refresh_token)
    careful.say, careful.good = None, "refresh-new-never-shown"
    await sync_to_async(tokens.store_granted)(granted, Token("a", 1, careful.good), by="Alice")
    await ends(granted, now() - timedelta(seconds=1))
    assert (await pay(effect_key=b"again")).kind == "ok"


async def test_two_workers_at_once_make_one_token_request(
    pay: Pay, granted: Connection, careful: Careful, vendor: Vendor
) -> None:
    """Each on a loop, a client and a memory of its own, as processes have them; the row's lease is all they share."""

    async def one(results: list[str], number: int) -> None:
        try:
            outcome = await pay(effect_key=b"worker-%d" % number)
            results.append(outcome.kind)
        finally:
            await gateway.close()

    def work(number: int) -> None:
        try:
            asyncio.run(one(results, number))
        finally:
            connections.close_all()

    results: list[str] = []
    workers = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await asyncio.to_thread(worker.join)
    assert careful.requests == 1
    assert set(results) <= {"ok", "deferred"}
    assert "ok" in results


async def test_a_call_that_is_cut_off_loses_no_rotated_token(
    pay: Pay, granted: Connection, careful: Careful, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = asyncio.Event()
    before = oauth._written

    async def told(*args: Any) -> tokens.TokenSet:
        answered.set()
        return await before(*args)

    monkeypatch.setattr(oauth, "_written", told)
    call = asyncio.ensure_future(pay())
    await answered.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await oauth.finish()
    _, found = await stored(granted)
    assert found is not None
    assert found.refresh_token == careful.good


async def test_a_database_that_is_away_for_a_moment_loses_no_rotated_token(
    pay: Pay, granted: Connection, careful: Careful, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, failures = tokens.store, [OperationalError("away"), OperationalError("away")]

    def shaky(*args: Any, **more: Any) -> tokens.TokenSet:
        if failures:
            raise failures.pop()
        return store(*args, **more)

    monkeypatch.setattr(tokens, "store", shaky)
    monkeypatch.setattr(asyncio, "sleep", lambda _: sync_to_async(connections.close_all)())
    assert (await pay()).kind == "ok"
    _, found = await stored(granted)
    assert found is not None
    assert found.refresh_token == careful.good


async def test_a_new_grant_wins_over_a_renewal_of_the_old_one(granted: Connection, careful: Careful) -> None:
    _, old = await stored(granted)
    await sync_to_async(tokens.store_granted)(granted, Token("new", 3600, "new-refresh"), by="Alice")
    kept = await sync_to_async(tokens.store)(granted.id, granted.workspace_id, Token("late", 3600, "late"), before=old)
    assert kept.access_token == "new"
    assert not await sync_to_async(tokens.end_grant)(granted.id, old.number if old else 0, "invalid_grant")


async def test_a_lease_that_its_holder_left_behind_ends(pay: Pay, granted: Connection, careful: Careful) -> None:
    lease = await sync_to_async(tokens.claim)(granted.id, granted.workspace_id, "")
    assert lease.mine
    assert (await pay()).kind == "deferred"
    await OAuthToken.objects.filter(connection=granted).aupdate(refreshing_until=now())
    assert (await pay()).kind == "ok"
