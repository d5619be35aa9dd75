"""Requests to the control API, for page, API and CLI; the caller brings the transport."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from ipaas.core.errors import IpaasError
from ipaas.core.jsonio import JsonInvalid, dumps, loads

Send = Callable[[str, str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]
"""Sends method, URL, headers, body; gives status and body."""


class StubsUnavailable(IpaasError):
    """The stubs did not answer as expected: {reason}."""

    status = 502
    code = "stubs_unavailable"
    title = "Stubs unavailable"
    remedy = "Start them with the demo, or check their address and token."


class StubCallRefused(IpaasError):
    """The stubs refused the call: {reason}"""

    status = 422
    code = "stub_call_refused"
    title = "Stub call refused"
    remedy = "Correct what the message names."


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Lines, newest first; ``next_before`` asks for the page behind, None at the end."""

    lines: list[dict[str, Any]]
    next_before: int | None


class StubClient:
    """Scripts faults, reads the ledger, sends webhooks."""

    def __init__(self, base_url: str, token: str, send: Send) -> None:
        self._base = base_url.rstrip("/") + "/_stub/"
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._send = send

    async def vendors(self) -> dict[str, list[str]]:
        """Vendor → actions that can be scripted."""
        return cast("dict[str, list[str]]", (await self._call("GET", "vendors"))["vendors"])

    async def faults(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", (await self._call("GET", "faults"))["faults"])

    async def add_fault(self, fault: Mapping[str, Any]) -> dict[str, Any]:
        """Put a fault in force; the keys are those of ``stubs.faults.FAULT_SCHEMA``."""
        return await self._call("POST", "faults", body=dict(fault))

    async def clear_faults(self, *, vendor: str = "", fault_id: str = "", scope: str = "") -> int:
        query = {"vendor": vendor, "id": fault_id, "scope": scope}
        return int((await self._call("DELETE", "faults", query=query))["cleared"])

    async def start(self, vendor: str, packed: bytes) -> list[str]:
        """Start a stand-in described by a packed manifest, in place of another of its name; its actions."""
        answer = await self._call("PUT", "vendors", query={"vendor": vendor}, raw=packed)
        return cast("list[str]", answer["actions"])

    async def stop(self, vendor: str) -> bool:
        """Take a described stand-in away with its ledger; whether there was one."""
        return bool((await self._call("DELETE", "vendors", query={"vendor": vendor}))["removed"])

    async def ledger(self, *, limit: int = 1000, **filters: str) -> list[dict[str, Any]]:
        """The latest lines; filters: vendor, action, outcome, reference, key, entity_id, scope (of described ones)."""
        answer = await self._call("GET", "ledger", query={**filters, "limit": str(limit)})
        return cast("list[dict[str, Any]]", answer["lines"])

    async def ledger_page(self, filters: Mapping[str, str], *, limit: int, before: int | None = None) -> LedgerPage:
        """The same lines page by page, newest first."""
        query = {**filters, "order": "newest", "limit": str(limit), "before": "" if before is None else str(before)}
        answer = await self._call("GET", "ledger", query=query)
        return LedgerPage(answer["lines"], answer["next_before"])

    async def counts(self) -> list[dict[str, Any]]:
        """Lines by vendor, action and outcome."""
        return cast("list[dict[str, Any]]", (await self._call("GET", "counts"))["counts"])

    async def entities(self, vendor: str, entity: str = "") -> dict[str, Any]:
        """The vendor's state: kind → id → entity."""
        answer = await self._call("GET", "entities", query={"vendor": vendor, "entity": entity})
        return cast("dict[str, Any]", answer["entities"])

    async def reset(self, scope: str = "") -> None:
        """Forget state, ledger and faults; of described stand-ins those of ``scope``."""
        await self._call("POST", "reset", query={"scope": scope})

    async def send_webhooks(self, sending: Mapping[str, Any]) -> dict[str, Any]:
        """Have the stand-in send signed webhooks; the keys are those of ``stubs.webhooks.SENDING_SCHEMA``."""
        return await self._call("POST", "webhooks", body=dict(sending))

    async def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None, raw: bytes = b""
    ) -> dict[str, Any]:
        given = {name: value for name, value in (query or {}).items() if value}
        url = self._base + path + ("?" + urlencode(given) if given else "")
        status, answered = await self._send(method, url, self._headers, raw if body is None else dumps(body))
        try:
            answer = loads(answered)
        except JsonInvalid as error:
            raise StubsUnavailable(reason=f"status {status}, not JSON") from error
        if status in (401, 404) or status >= 500 or not isinstance(answer, dict):
            raise StubsUnavailable(reason=f"status {status}")
        if status >= 400:
            raise StubCallRefused(reason=str(answer.get("detail", "no detail"))[:500])
        return answer
