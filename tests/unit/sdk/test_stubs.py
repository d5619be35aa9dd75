"""The stand-in vendors as a process over real HTTP: faults, ledger, restart, webhooks, hostile input."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ipaas.core.net import EgressPolicy, HttpClient, NetError
from ipaas.sdk.loader import load_all
from ipaas.sdk.stubs.client import StubCallRefused, StubClient, StubsUnavailable
from ipaas.sdk.stubs.ledger import Ledger
from ipaas.sdk.stubs.orders import deliveries, disturbed, order
from ipaas.sdk.stubs.server import StubServer

CONNECTORS = load_all([Path(__file__).resolve().parents[3] / "connectors"])
CHARGE = {"amount_minor": 500, "currency": "EUR", "reference": "FH-1", "source": {"payment_token": "tok_1"}}
AUTH = {"authorization": "Bearer secret"}


class Rig:
    def __init__(self, server: StubServer, client: HttpClient, port: int) -> None:
        self.server = server
        self.http = client
        self.base = f"http://127.0.0.1:{port}"
        self.egress = EgressPolicy.parse([f"127.0.0.1:{port}"])
        self.control = StubClient(self.base, "token", self.raw)

    async def raw(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        answer = await self.http.call(method, url, lines, body, egress=self.egress, deadline_s=10)
        return answer.status, answer.body

    async def call(self, method: str, path: str, value: Any = None, **headers: str) -> tuple[int, Any]:
        body = b"" if value is None else json.dumps(value).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        status, raw = await self.raw(method, self.base + path, {**AUTH, **named}, body)
        return status, json.loads(raw) if raw else None

    async def charge(self, key: str | None = None, **changes: Any) -> tuple[int, Any]:
        headers = {"idempotency_key": key} if key else {}
        return await self.call("POST", "/payments/v1/charges", {**CHARGE, **changes}, **headers)


@asynccontextmanager
async def rig(ledger: Path, posted: list[tuple[str, Mapping[str, str], bytes]] | None = None) -> AsyncIterator[Rig]:
    async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
        assert posted is not None
        posted.append((url, headers, body))
        return 202

    server = StubServer(CONNECTORS.values(), ledger=ledger, token="token", post=post)
    listeners = await server.listen("127.0.0.1", 0, None)
    async with HttpClient() as client:
        yield Rig(server, client, listeners[0].sockets[0].getsockname()[1])
    listeners[0].close()
    await listeners[0].wait_closed()
    server.ledger.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


async def test_paying_twice_without_a_key_is_visible_as_paid_twice(ledger: Path) -> None:
    async with rig(ledger) as one:
        await one.charge()
        await one.charge()
        _, found = await one.call("GET", "/payments/v1/charges?reference=FH-1")
        assert len(found["charges"]) == 2
        assert len(await one.control.ledger(vendor="payments", outcome="effect", reference="FH-1")) == 2


async def test_a_key_gives_the_same_answer_and_refuses_another_body(ledger: Path) -> None:
    async with rig(ledger) as one:
        first = await one.charge("k1")
        assert await one.charge("k1") == first
        assert (await one.charge("k1", amount_minor=9))[0] == 409
        assert [line["outcome"] for line in await one.control.ledger()] == ["effect", "replay"]


async def test_state_and_keys_survive_a_restart_from_the_ledger(ledger: Path) -> None:
    async with rig(ledger) as one:
        first = await one.charge("k1")
        await one.call("POST", f"/payments/v1/charges/{first[1]['id']}/void", {})
    with ledger.open("ab") as file:
        file.write(b'{"cut off in the mid')
    async with rig(ledger) as two:
        assert await two.charge("k1") == first
        _, charge = await two.call("GET", f"/payments/v1/charges/{first[1]['id']}")
        assert charge["status"] == "voided"
        assert (await two.charge())[1]["id"] != first[1]["id"]
        assert [line["number"] for line in await two.control.ledger()] == [1, 2, 3, 4]


async def test_a_request_without_credential_is_refused_and_not_in_the_ledger(ledger: Path) -> None:
    async with rig(ledger) as one:
        status, _ = await one.raw("POST", one.base + "/payments/v1/charges", {}, b"{}")
        assert status == 401
        assert await one.control.ledger() == []


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
async def test_a_reset_comes_before_or_after_the_effect(ledger: Path, when: str, effects: int) -> None:
    async with rig(ledger) as one:
        await one.control.add_fault({"vendor": "payments", "action": "create_charge", "kind": "reset", "when": when})
        with pytest.raises(NetError) as caught:
            await one.charge()
        assert caught.value.sent
        await one.control.clear_faults()
        assert len(await one.control.ledger(outcome="effect")) == effects


async def test_faults_fire_by_seed_and_as_often_as_told(ledger: Path) -> None:
    async def statuses(seed: int) -> list[int]:
        script = {"vendor": "payments", "kind": "status", "status": 503, "percent": 40, "seed": seed, "times": 5}
        await one.control.add_fault(script)
        found = [(await one.charge())[0] for _ in range(30)]
        await one.control.clear_faults(vendor="payments")
        return found

    async with rig(ledger) as one:
        first, again, other = await statuses(1), await statuses(1), await statuses(2)
        assert first == again != other
        assert first.count(503) == 5


async def test_a_delay_holds_one_answer_back_and_nobody_else(ledger: Path) -> None:
    async with rig(ledger) as one:
        script = {"vendor": "payments", "action": "create_charge", "kind": "delay", "delay_ms": 300}
        await one.control.add_fault(script)
        slow = asyncio.ensure_future(one.charge())
        fast = await one.call("GET", "/inventory/v3/stock/MUG-350-BLU")
        assert fast[0] == 200
        assert not slow.done()
        assert (await slow)[0] == 201


@pytest.mark.parametrize(
    "script",
    [
        None,
        {},
        {"vendor": "payments"},
        {"vendor": "nobody", "kind": "reset"},
        {"vendor": "payments", "action": "gone", "kind": "reset"},
        {"vendor": "payments", "kind": "explode"},
        {"vendor": "payments", "kind": "status", "status": 200},
        {"vendor": "payments", "kind": "status", "percent": 101},
        {"vendor": "payments", "kind": "status", "retry_after": "7\r\nx: y"},
        {"vendor": "payments", "kind": "reset", "surprise": 1},
    ],
)
async def test_a_bad_script_is_refused_by_name(ledger: Path, script: Any) -> None:
    async with rig(ledger) as one:
        status, problem = await one.call("POST", "/_stub/faults", script, authorization="Bearer token")
        assert 400 <= status < 500
        assert problem["detail"]
        assert await one.control.faults() == []


@pytest.mark.parametrize("token", ["Bearer wrong", "token", "", "Bearer "])
async def test_the_control_api_needs_its_token(ledger: Path, token: str) -> None:
    async with rig(ledger) as one:
        for path in ("faults", "ledger", "reset", "webhooks", "entities", "counts", "vendors", "nothing"):
            status, _ = await one.raw("POST", f"{one.base}/_stub/{path}", {"authorization": token}, b"{}")
            assert status == 401


async def test_the_client_tells_refusal_and_absence_apart(ledger: Path) -> None:
    async with rig(ledger) as one:
        with pytest.raises(StubCallRefused):
            await one.control.add_fault({"vendor": "nobody", "kind": "reset"})
        with pytest.raises(StubCallRefused):
            await one.control.entities("nobody")
        with pytest.raises(StubsUnavailable):
            await StubClient(one.base, "wrong", one.raw).faults()


async def test_reset_forgets_all(ledger: Path) -> None:
    async with rig(ledger) as one:
        await one.charge()
        await one.control.add_fault({"vendor": "payments", "kind": "reject"})
        await one.control.reset()
        assert await one.control.ledger() == []
        assert await one.control.counts() == []
        assert await one.control.faults() == []
        assert (await one.control.entities("payments")) == {}


async def test_webhooks_are_sent_signed_doubled_and_shuffled(ledger: Path) -> None:
    posted: list[tuple[str, Mapping[str, str], bytes]] = []
    async with rig(ledger, posted) as one:
        sending = {"vendor": "storefront", "url": "http://127.0.0.1:9/hooks/x", "secret": "s", "count": 50}
        result = await one.control.send_webhooks({**sending, "duplicate_percent": 30, "out_of_order": True})
    assert result["statuses"] == {"202": result["sent"]}
    ids = [headers["X-Fernhill-Delivery"] for _, headers, _ in posted]
    assert len(set(ids)) == 50 < len(ids)
    assert sorted(ids) != ids


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /payments/v1/charges HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
        b"POST /x HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nxxxxx",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
async def test_broken_requests_do_not_break_the_server(ledger: Path, data: bytes) -> None:
    async with rig(ledger) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(one.base.rpartition(":")[2]))
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(5):
            head = await reader.read(20)
        assert head == b"" or head.startswith(b"HTTP/1.1 4")
        writer.close()
        assert (await one.call("GET", "/_stub/health"))[0] == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b'{"source":5}', b'{"lines":{}}'])
@pytest.mark.parametrize(
    "path", ["/payments/v1/charges", "/shipping/v2/shipments", "/storefront/2026-01/orders/%FF/notes", "/http/%00"]
)
async def test_any_body_is_answered(ledger: Path, path: str, body: bytes) -> None:
    async with rig(ledger) as one:
        status, _ = await one.raw("POST", one.base + path, AUTH, body)
        assert status < 500


async def test_pipelined_requests_are_answered_in_order(ledger: Path) -> None:
    async with rig(ledger) as one:
        await one.control.add_fault({"vendor": "inventory", "action": "get_stock", "kind": "delay", "delay_ms": 50})
        reader, writer = await asyncio.open_connection("127.0.0.1", int(one.base.rpartition(":")[2]))
        for sku in ("MUG-350-BLU", "TEA-OOL-100"):
            writer.write(f"GET /inventory/v3/stock/{sku} HTTP/1.1\r\nhost: x\r\nauthorization: x\r\n\r\n".encode())
        writer.write(b"GET /_stub/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(5):
            data = await reader.read(-1)
        writer.close()
        assert data.index(b"MUG-350-BLU") < data.index(b"TEA-OOL-100") < data.index(b'"vendors"')


def test_orders_are_realistic_and_constant() -> None:
    one = order(7, 3)
    assert one == order(7, 3) != order(8, 3)
    assert one["subtotal_minor"] == sum(line["total_minor"] for line in one["lines"])
    assert one["total_minor"] == one["subtotal_minor"] + one["shipping_minor"]
    sizes = [len(json.dumps(order(1, number))) for number in range(100)]
    assert 800 < sum(sizes) / len(sizes) < 1400
    assert len({order(1, number)["id"] for number in range(1000)}) == 1000


def test_disturbed_deliveries_lose_nothing() -> None:
    items = list(deliveries(seed=1, count=40))
    mixed = disturbed(items, seed=2, duplicate_percent=50, out_of_order=True)
    assert {one for one, _ in mixed} == {one for one, _ in items}
    assert len(mixed) > 40


def test_a_ledger_keeps_whole_lines_only(ledger: Path) -> None:
    book = Ledger(ledger, fsync=True)
    book.append({"vendor": "v", "action": "a", "outcome": "effect", "reference": "r"})
    book.close()
    ledger.write_bytes(ledger.read_bytes() + b'{"vendor":')
    again = Ledger(ledger)
    assert [line["reference"] for line in again.replay()] == ["r"]
    again.append({"vendor": "v", "action": "a", "outcome": "effect", "reference": "s"})
    assert [line["reference"] for line in again.find({"vendor": "v", "reference": "s"})] == ["s"]
    assert again.counts["v", "a", "effect"] == 2
    again.close()


async def test_the_process_starts_serves_and_stops(ledger: Path) -> None:
    command = [sys.executable, "-m", "ipaas.sdk.stubs", "--port", "0", "--smtp-port", "0", "--ledger", str(ledger)]
    process = await asyncio.create_subprocess_exec(*command, "--token", "t", stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(30):
        line = (await process.stdout.readline()).decode()
        port = int(line.strip().rpartition(":")[2])
        async with HttpClient() as client:
            url = f"http://127.0.0.1:{port}/http/anything"
            egress = EgressPolicy.parse([f"127.0.0.1:{port}"])
            answer = await client.call("POST", url, (), b"{}", egress=egress, deadline_s=5)
        process.terminate()
        assert await process.wait() == 0
    assert answer.status == 200
    assert [line["vendor"] for line in Ledger(ledger).find({})] == ["http"]
