"""All stand-in vendors behind one port: ``/<vendor>/…`` for their APIs, ``/_stub/…`` for control."""

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ipaas.core import clock
from ipaas.sdk.connector import Connector
from ipaas.sdk.stubs.control import Control
from ipaas.sdk.stubs.faults import Fault, FaultBook
from ipaas.sdk.stubs.http import HttpProtocol, StubAnswer, StubRequest, json_answer
from ipaas.sdk.stubs.kept import KeptStubs
from ipaas.sdk.stubs.ledger import Ledger, in_scope
from ipaas.sdk.stubs.mail import MailStub
from ipaas.sdk.stubs.vendor import Applied, Operation, VendorStub
from ipaas.sdk.stubs.webhooks import Post

MAX_REFERENCE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Routed:
    """A request on its way to one operation."""

    vendor: VendorStub
    operation: Operation
    values: Mapping[str, str]
    request: StubRequest
    path: str


class StubServer:
    """The engine: routing, faults, ledger and state; the protocol above it only carries bytes."""

    def __init__(
        self,
        connectors: Iterable[Connector],
        *,
        ledger: Path,
        token: str,
        post: Post,
        fsync: bool = False,
        kept: Path | None = None,
    ) -> None:
        """``post`` is the way out for webhooks; the stubs open no connection by themselves.

        ``kept`` is the folder of described stand-ins that were started.
        """
        loaded = [connector for connector in connectors if connector.manifest.stub or connector.slug == "smtp"]
        self.kept = KeptStubs(kept)
        self.vendors = {one.slug: VendorStub(one) for one in loaded if one.manifest.stub.get("operations")}
        self.vendors |= {one.slug: one for one in self.kept}
        self.ledger = Ledger(ledger, fsync=fsync)
        self.faults = FaultBook()
        self.mail = MailStub(self.ledger, self.faults)
        self.post = post
        self.senders = {
            one.slug: one.manifest.triggers[one.manifest.stub["webhooks"]["trigger"]]
            for one in loaded
            if "webhooks" in one.manifest.stub
        }
        self.control = Control(self, token)
        self._number = 0
        self._restore()

    @property
    def actions(self) -> dict[str, list[str]]:
        """Vendor → actions that can be scripted."""
        known = {slug: list(vendor.operations) for slug, vendor in self.vendors.items()}
        return {**known, "smtp": ["send_mail"]}

    def handle(self, request: StubRequest) -> StubAnswer | Awaitable[StubAnswer]:
        """Answer one request; only a scripted delay or sending webhooks makes it asynchronous."""
        if request.path.startswith("/_stub/"):
            return self.control.handle(request)
        slug, _, rest = request.path[1:].partition("/")
        vendor = self.vendors.get(slug)
        if vendor is None:
            return json_answer(404, {"error": {"code": "no_such_vendor", "known": sorted(self.vendors)}})
        path = "/" + rest
        told = vendor.authority.answer(request, path)
        if told is not None:
            return told
        if not vendor.authenticated(request):
            return vendor.refused()
        found = vendor.route(request, path)
        if found is None:
            return json_answer(404, {"error": {"code": "no_such_route", "message": f"{request.method} {path}"}})
        routed = Routed(vendor, found[0], found[1], request, path)
        verdict = self.faults.verdict(slug, found[0].name)
        if verdict.delay_ms:
            return self._later(routed, verdict.delay_ms, verdict.fault)
        return self._answer(routed, verdict.fault)

    def install(self, stub: VendorStub) -> None:
        """Put a described stand-in in place, perhaps of another of its name; what had reached that is done again."""
        self.vendors[stub.slug] = stub
        scope = stub.slug.partition(".")[0]
        for line in self.ledger.find({"vendor": stub.slug, "outcome": "effect"}, limit=0, scope=scope):
            _repeat(stub, line)

    def remove(self, name: str) -> bool:
        """Take a described stand-in away, with its faults and its lines in the ledger; whether there was one."""
        if name not in self.vendors or "." not in name:
            return False
        del self.vendors[name]
        self.kept.drop(name)
        self.faults.clear(vendor=name)
        self.ledger.clear(lambda vendor: vendor == name)
        return True

    def reset(self, scope: str = "") -> None:
        """Forget state, ledger and faults; of described stand-ins those of ``scope``."""
        for name, vendor in self.vendors.items():
            if in_scope(name, scope):
                vendor.reset()
                self.faults.clear(vendor=name)
        self.mail.reset()
        self.faults.clear(vendor="smtp")
        self.ledger.clear(lambda vendor: in_scope(vendor, scope))

    async def listen(self, host: str, port: int, smtp_port: int | None) -> list[asyncio.Server]:
        """Start serving HTTP, and mail where a port is given."""
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(lambda: HttpProtocol(self.handle), host, port, backlog=1024)]
        if smtp_port is not None:
            servers.append(await asyncio.start_server(self.mail.serve, host, smtp_port))
        return servers

    async def _later(self, routed: Routed, delay_ms: int, fault: Fault | None) -> StubAnswer:
        await asyncio.sleep(delay_ms / 1000)
        return self._answer(routed, fault)

    def _answer(self, routed: Routed, fault: Fault | None) -> StubAnswer:
        if fault is None:
            return self._apply(routed).answer
        if fault.kind == "reject":
            return (
                _scripted(fault, routed.vendor.reply("rejection")) if fault.body else routed.vendor.reply("rejection")
            )
        if fault.when == "before" and fault.kind in ("status", "reset"):
            return _broken(fault, StubAnswer(fault.status))
        return _broken(fault, self._apply(routed).answer)

    def _apply(self, routed: Routed) -> Applied:
        applied = self._applied(routed)
        moved_on = routed.vendor.authority.moved_on(routed.request, applied.answer)
        return replace(applied, answer=moved_on)

    def _applied(self, routed: Routed) -> Applied:
        refused = routed.vendor.refusal(routed.operation, routed.request, routed.path)
        if refused is not None:
            return Applied(refused)
        moment = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        digest = hashlib.sha256(routed.request.body).hexdigest()
        applied = routed.vendor.apply(routed.operation, routed.values, routed.request, time=moment, digest=digest)
        if applied.outcome:
            self._number += 1
            self.ledger.append(self._line(routed, applied, moment, digest))
        return applied

    def _line(self, routed: Routed, applied: Applied, moment: str, digest: str) -> dict[str, Any]:
        request, operation = routed.request, routed.operation
        body = request.json()
        reference = applied.reference
        return {
            "number": self._number,
            "at": moment,
            "vendor": routed.vendor.slug,
            "action": operation.name,
            "outcome": applied.outcome,
            "reference": None if reference is None else str(reference)[:MAX_REFERENCE_CHARS],
            "entity_id": applied.entity_id,
            "key": routed.vendor.key_of(operation, request, body) or None,
            "digest": digest,
            "status": applied.answer.status,
            "method": request.method,
            "path": routed.path,
            "query": request.query,
            "body": routed.vendor.without_credential(request) if operation.keep_body else None,
        }

    def _restore(self) -> None:
        for line in self.ledger.replay():
            self._number = line["number"]
            if line["vendor"] == "smtp":
                self.mail.restore(line)
                continue
            vendor = self.vendors.get(line["vendor"])
            if vendor is not None and line["outcome"] == "effect":
                _repeat(vendor, line)


def _repeat(vendor: VendorStub, line: Mapping[str, Any]) -> None:
    """Apply a ledger line to the state again."""
    operation = vendor.operations.get(line["action"])
    if operation is None:
        return
    headers = {operation.key_header: line["key"]} if line["key"] and operation.key_header else {}
    request = _RecordedRequest(line["method"], line["path"], line["query"], headers, b"", line["body"])
    found = vendor.route(request, line["path"])
    values = found[1] if found else {}
    vendor.apply(operation, values, request, time=line["at"], digest=line["digest"])


class _RecordedRequest(StubRequest):
    """A request from the ledger, whose body is known as a value."""

    def __init__(
        self, method: str, path: str, query: dict[str, str], headers: Mapping[str, str], body: bytes, value: Any
    ) -> None:
        super().__init__(method, path, query, headers, body)
        self._value = value

    def json(self) -> Any:
        return self._value


def _scripted(fault: Fault, usual: StubAnswer) -> StubAnswer:
    return json_answer(fault.status if fault.status != 503 else usual.status, fault.body)


def _broken(fault: Fault, answer: StubAnswer) -> StubAnswer:
    if fault.kind in ("reset", "half"):
        return StubAnswer(answer.status, answer.body or b"{}", dict(answer.headers), fault.kind)
    if fault.kind == "status":
        body = fault.body if fault.body is not None else {"error": {"code": "scripted", "message": "Scripted fault."}}
        return json_answer(fault.status, body, {"retry-after": fault.retry_after} if fault.retry_after else {})
    if fault.kind == "drift" and answer.status < 300:
        return StubAnswer(answer.status, b'{"schema":2,"payload":' + (answer.body or b"null") + b"}", answer.headers)
    return answer
