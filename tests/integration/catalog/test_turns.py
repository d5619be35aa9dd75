"""Tokens that change with each use: one call at a time, and a login where one was lost."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from ipaas.accounts.models import Workspace
from ipaas.catalog import gateway, registry, tokens
from ipaas.catalog.models import Connection, OAuthToken
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest import AuthScheme, Login, Place, Rotation
from ipaas.vault.services import create_secret
from tests.integration.catalog.conftest import Pay
from tests.integration.catalog.vendor import Seen, Vendor

FIELDS = {"username": "hanna", "password": "never-shown-word"}


class Turning:
    """A vendor whose token ends with each answer, which names the next; ``lose`` answers never arrive."""

    def __init__(self, vendor: Vendor, *, serial: bool = True) -> None:
        self.serial, self.logins, self.refused, self.lose, self.number = serial, 0, 0, 0, 0
        self.good: list[str] = []
        self.under_way = self.most = 0
        self._plain = vendor.answer
        vendor.answer = self.answer  # type: ignore[method-assign]

    def next(self) -> str:
        self.number += 1
        self.good = [*([] if self.serial else self.good), f"turn-{self.number}-never-shown"]
        return self.good[-1]

    def answer(self, seen: Seen) -> tuple[Any, dict[str, Any]]:
        if seen.path == "/login":
            self.logins += 1
            return 200, {"session": {"token": self.next()}}
        if seen.headers.get("x-auth-token") not in self.good:
            self.refused += 1
            return 401, {"error": {"code": "unauthorized", "message": "no"}}
        status, body = self._plain(seen)
        following = self.next()
        if self.lose:
            self.lose -= 1
            return "drop", {}
        return status, {**body, "session": {"token": following}}


@pytest.fixture
def turning(
    vendor: Vendor, connect: Callable[..., Connection], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Awaitable[tuple[Turning, Connection]]]:
    async def make(*, serial: bool = True) -> tuple[Turning, Connection]:
        scheme = AuthScheme(
            name="login",
            type="session",
            fields=(),
            login=Login(path="/login", body={"user": "{{ secret.username }}", "word": "{{ secret.password }}"}),
            token=Place(path="session.token"),
            send_header="x-auth-token",
            send_prefix="",
            rotates=Rotation(path="session.token", serial=serial),
        )
        before = registry.installed().connectors["payments"]
        manifest = replace(before.manifest, auth={"login": scheme})
        monkeypatch.setitem(registry.installed().connectors, "payments", Connector(manifest, before.handlers))
        await sync_to_async(create_secret)(workspace=workspace, slug="login", fields=FIELDS, actor=SYSTEM)
        row = await sync_to_async(connect)(vendor.port, auth_scheme="login", secret="login")
        return Turning(vendor, serial=serial), row

    return make


async def test_calls_at_once_take_turns_and_log_in_once(pay: Pay, turning: Any, vendor: Vendor) -> None:
    careful, row = await turning()
    outcomes = await asyncio.gather(*(pay(effect_key=b"key-%d" % number) for number in range(12)))
    assert [one.kind for one in outcomes] == ["ok"] * 12
    assert (careful.logins, careful.refused, len(vendor.charges)) == (1, 0, 12)
    assert "never-shown" not in repr(outcomes)
    kept = await OAuthToken.objects.aget(connection=row)
    assert (kept.taken, kept.refreshing_until, kept.number) == (False, None, 12)


async def test_workers_on_hosts_of_their_own_take_turns_too(pay: Pay, turning: Any, vendor: Vendor) -> None:
    careful, _ = await turning()
    results: list[str] = []

    async def one(number: int) -> None:
        for count in range(3):
            try:
                results.append((await pay(effect_key=b"worker-%d-%d" % (number, count))).kind)
            finally:
                await gateway.close()

    def work(number: int) -> None:
        try:
            asyncio.run(one(number))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work, args=[number]) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await asyncio.to_thread(worker.join)
    assert (careful.logins, careful.refused) == (1, 0)
    assert results == ["ok"] * 9


async def test_an_answer_that_never_came_leads_to_a_login(pay: Pay, turning: Any) -> None:
    """Which token is in force then, only the vendor knows."""
    careful, row = await turning()
    assert (await pay(effect_key=b"first")).kind == "ok"
    careful.lose = 1
    assert (await pay(effect_key=b"lost")).kind != "ok"
    assert (await OAuthToken.objects.aget(connection=row)).taken
    assert (await pay(effect_key=b"lost", number=2)).kind == "ok"
    assert (careful.logins, careful.refused) == (2, 0)


async def test_a_worker_that_died_in_its_turn_is_waited_for_and_followed_by_a_login(pay: Pay, turning: Any) -> None:
    careful, row = await turning()
    assert (await pay(effect_key=b"first")).kind == "ok"
    await sync_to_async(tokens.take)(row.id, row.workspace_id, timedelta(seconds=60))
    waiting = await pay(effect_key=b"second", policy={"timeout_s": 0.4})
    assert waiting.kind == "deferred"
    await OAuthToken.objects.filter(connection=row).aupdate(refreshing_until=now() - timedelta(seconds=1))
    assert (await pay(effect_key=b"second")).kind == "ok"
    assert (careful.logins, careful.refused) == (2, 0)


async def test_a_refused_token_is_followed_by_one_login(pay: Pay, turning: Any) -> None:
    careful, _ = await turning()
    assert (await pay(effect_key=b"first")).kind == "ok"
    careful.good = []
    assert (await pay(effect_key=b"second")).kind == "ok"
    assert (await pay(effect_key=b"third")).kind == "ok"
    assert (careful.logins, careful.refused) == (2, 1)


async def test_a_vendor_that_takes_both_for_a_while_is_called_at_once(pay: Pay, turning: Any, vendor: Vendor) -> None:
    careful, row = await turning(serial=False)
    assert (await pay(effect_key=b"first")).kind == "ok"
    outcomes = await asyncio.gather(*(pay(effect_key=b"key-%d" % number) for number in range(6)))
    assert [one.kind for one in outcomes] == ["ok"] * 6
    stored = await sync_to_async(tokens._opened)(await OAuthToken.objects.aget(connection=row), row.workspace_id)
    assert stored is not None
    assert (careful.logins, stored.access_token in careful.good, stored.number > 1) == (1, True, True)
