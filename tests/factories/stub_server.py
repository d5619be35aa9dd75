"""The stand-in vendors on a loop and a thread of their own, for tests of synchronous code."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

from ipaas.core.net import EgressPolicy, HttpClient
from ipaas.sdk.loader import load_all
from ipaas.sdk.stubs.authority import Authority
from ipaas.sdk.stubs.server import StubServer

CONNECTORS = load_all([Path(__file__).resolve().parents[2] / "connectors"])
CHARGE = {"amount_minor": 500, "currency": "EUR", "source": {"payment_token": "tok_1"}}


class Running:
    """A stub server on a loop of its own."""

    def __init__(self, folder: Path) -> None:
        self.posted: list[tuple[str, bytes]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.port = self._do(self._start(folder))

    async def _start(self, folder: Path) -> int:
        async def post(url: str, headers: Any, body: bytes) -> int:
            self.posted.append((url, body))
            return 202

        self._server = StubServer(
            CONNECTORS.values(), ledger=folder / "ledger.jsonl", token="token", post=post, kept=folder / "kept"
        )
        self._listeners = await self._server.listen("127.0.0.1", 0, None)
        return int(self._listeners[0].sockets[0].getsockname()[1])

    def charge(self, reference: str) -> None:
        self.post(f"http://127.0.0.1:{self.port}/payments/v1/charges", {**CHARGE, "reference": reference})

    def post(self, url: str, value: Any) -> tuple[int, Any]:
        """Status and JSON of an answer to JSON with a credential."""

        async def call() -> tuple[int, Any]:
            async with HttpClient() as client:
                headers = [(b"authorization", b"Bearer secret"), (b"content-type", b"application/json")]
                egress = EgressPolicy.parse([f"127.0.0.1:{self.port}"])
                body = json.dumps(value).encode()
                answer = await client.call("POST", url, headers, body, egress=egress, deadline_s=10)
                return answer.status, json.loads(answer.body)

        found: tuple[int, Any] = self._do(call())
        return found

    def get(self, url: str) -> tuple[int, dict[str, str], bytes]:
        """What a browser would get."""

        async def call() -> tuple[int, dict[str, str], bytes]:
            async with HttpClient() as client:
                egress = EgressPolicy.parse([f"127.0.0.1:{self.port}"])
                answer = await client.call("GET", url, egress=egress, deadline_s=10)
                return answer.status, {name.decode(): value.decode() for name, value in answer.headers}, answer.body

        found: tuple[int, dict[str, str], bytes] = self._do(call())
        return found

    def fault(self, **script: Any) -> None:
        self._server.faults.add(script, actions=self._server.actions)

    def mend(self, vendor: str) -> None:
        """Lift the faults of a vendor."""
        self._server.faults.clear(vendor=vendor)

    def effects(self, vendor: str, action: str) -> int:
        """Lines of the ledger that say that the action had an effect."""
        return self._server.ledger.counts[vendor, action, "effect"]

    def authority(self, vendor: str) -> Authority:
        return self._server.vendors[vendor].authority

    def close(self) -> None:
        async def end() -> None:
            for listener in self._listeners:
                listener.close()

        self._do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._server.ledger.close()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)
