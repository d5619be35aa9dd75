"""The control API of the stubs: faults, ledger, state, webhooks; every call needs the token."""

import asyncio
import hmac
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.core.jsonio import loads
from ipaas.sdk.stubs.http import StubAnswer, StubRequest, json_answer
from ipaas.sdk.stubs.ledger import in_scope
from ipaas.sdk.stubs.webhooks import Sending, send_deliveries

if TYPE_CHECKING:
    from ipaas.sdk.stubs.server import StubServer

MAX_LINES = 100_000


class Control:
    """Routes below ``/_stub/``; the token comes as ``Authorization: Bearer``."""

    def __init__(self, server: "StubServer", token: str) -> None:
        self._server = server
        self._expected = b"Bearer " + token.encode()

    def handle(self, request: StubRequest) -> StubAnswer | Awaitable[StubAnswer]:
        """Answer a control call; bad input is a problem document, never a broken connection."""
        if request.path == "/_stub/health":
            return json_answer(200, {"status": "ok", "vendors": sorted(self._server.actions)})
        given = request.headers.get("authorization", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._expected):
            return json_answer(401, {"code": "unauthorized", "detail": "The stubs' token is missing or wrong."})
        try:
            return self._routed(request)
        except IpaasError as error:
            return json_answer(error.status, error.as_problem())

    def _routed(self, request: StubRequest) -> StubAnswer | Awaitable[StubAnswer]:
        server = self._server
        match request.method, request.path.removeprefix("/_stub/"):
            case "GET", "faults":
                return json_answer(200, {"faults": [one.as_document() for one in server.faults.all()]})
            case "POST", "faults":
                fault = server.faults.add(loads(request.body), actions=server.actions)
                return json_answer(201, fault.as_document())
            case "DELETE", "faults":
                return self._lift(request)
            case "PUT", "vendors":
                return self._install(request.query.get("vendor", ""), request.body)
            case "DELETE", "vendors":
                return json_answer(200, {"removed": server.remove(request.query.get("vendor", ""))})
            case "GET", "vendors":
                return json_answer(200, {"vendors": server.actions})
            case "GET", "ledger":
                return self._ledger(request)
            case "GET", "counts":
                counts = [
                    {"vendor": vendor, "action": action, "outcome": outcome, "count": count}
                    for (vendor, action, outcome), count in sorted(server.ledger.counts.items())
                ]
                return json_answer(200, {"counts": counts})
            case "GET", "entities":
                return self._entities(request)
            case "POST", "reset":
                server.reset(request.query.get("scope", ""))
                return json_answer(200, {"reset": True})
            case "POST", "webhooks":
                return self._webhooks(loads(request.body))
        return json_answer(404, {"code": "not_found", "detail": "There is no such control call."})

    def _lift(self, request: StubRequest) -> StubAnswer:
        vendor, fault_id = request.query.get("vendor", ""), request.query.get("id", "")
        names = [vendor] if vendor else [one for one in self._server.actions if self._seen(one, request)]
        return json_answer(
            200, {"cleared": sum(self._server.faults.clear(vendor=one, fault_id=fault_id) for one in names)}
        )

    @staticmethod
    def _seen(vendor: str, request: StubRequest) -> bool:
        return in_scope(vendor, request.query.get("scope", ""))

    async def _install(self, name: str, packed: bytes) -> StubAnswer:
        """Large manifests take a while to read: beside the loop, so that other stand-ins answer meanwhile."""
        try:
            made = await asyncio.to_thread(self._server.kept.keep, name, packed)
        except IpaasError as error:
            return json_answer(error.status, error.as_problem())
        self._server.install(made)
        return json_answer(201, {"vendor": name, "actions": list(made.operations)})

    def _ledger(self, request: StubRequest) -> StubAnswer:
        names = ("vendor", "action", "outcome", "reference", "key", "entity_id")
        filters = {name: request.query.get(name, "") for name in names}
        limit, scope = min(_number(request, "limit", "1000"), MAX_LINES), request.query.get("scope", "")
        if request.query.get("order") != "newest":
            return json_answer(200, {"lines": self._server.ledger.find(filters, limit=limit, scope=scope)})
        before = _number(request, "before", "") if "before" in request.query else None
        lines, further = self._server.ledger.page(filters, limit=limit, before=before, scope=scope)
        return json_answer(200, {"lines": lines, "next_before": further})

    def _entities(self, request: StubRequest) -> StubAnswer:
        vendor = self._server.vendors.get(request.query.get("vendor", ""))
        if vendor is None:
            known = ", ".join(sorted(self._server.vendors))
            raise InvalidInput([{"path": "vendor", "code": "unknown", "message": f"known are {known}"}])
        kind = request.query.get("entity", "")
        entities = vendor.state.entities
        return json_answer(200, {"entities": {kind: entities.get(kind, {})} if kind else entities})

    def _webhooks(self, document: Any) -> Awaitable[StubAnswer]:
        sending = Sending.from_document(document, self._server.senders)
        return self._send(sending)

    async def _send(self, sending: Sending) -> StubAnswer:
        try:
            return json_answer(200, await send_deliveries(sending, self._server.post))
        except IpaasError as error:
            return json_answer(error.status, error.as_problem())


def _number(request: StubRequest, name: str, default: str) -> int:
    text = request.query.get(name, default)
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidInput([{"path": name, "code": "type", "message": "takes a number"}])
    return int(text)
