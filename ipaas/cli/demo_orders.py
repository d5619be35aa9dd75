"""Placing demo orders and comparing what the product says with what the vendors' ledger says."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from ipaas.catalog.stand_ins import StandIns
from ipaas.cli.demo import ENDPOINT, WORKSPACE
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.ids import uuid7
from ipaas.events.models import Endpoint
from ipaas.runtime.models import Run

_FAULT = re.compile(r"([a-z-]+):(reject|reset|half|drift|[345]\d\d|\d+ms)(?::(\d+(?:\.\d+)?)%)?")
ONCE = {"payments": "create_charge", "shipping": "create_shipment", "inventory": "reserve", "smtp": "send_mail"}


def fault_document(text: str, seed: int) -> dict[str, Any]:
    """``vendor:what[:percent%]`` as a fault of the stand-ins; ``what`` is a status, a delay (250ms) or a kind."""
    match = _FAULT.fullmatch(text)
    if match is None:
        message = "write vendor:what:percent%, with what a status such as 503, a delay such as 250ms, or reject, reset"
        raise InvalidInput([{"path": "--fault", "code": "fault", "message": f"{message}, half, drift (got {text!r})"}])
    vendor, what, percent = match.groups()
    fault: dict[str, Any] = {"vendor": vendor, "percent": float(percent or 100), "seed": seed}
    if what.isdigit():
        return {**fault, "kind": "status", "status": int(what)}
    if what.endswith("ms"):
        return {**fault, "kind": "delay", "delay_ms": int(what[:-2])}
    return {**fault, "kind": what}


def place_orders(*, count: int, faults: Sequence[str], seed: int, wait_s: int, say: Callable[[str], Any]) -> int:
    """Exit code 0 when every order ended and nothing happened twice."""
    documents = [fault_document(text, seed) for text in faults]
    return asyncio.run(_place(count, documents, seed, wait_s, say))


async def _place(count: int, faults: list[dict[str, Any]], seed: int, wait_s: int, say: Callable[[str], Any]) -> int:
    place = StandIns.load()
    stubs = place.client()
    endpoint = await sync_to_async(_endpoint)()
    since = uuid7()
    before = await stubs.counts()
    await stubs.clear_faults()
    for fault in faults:
        await stubs.add_fault(fault)
    sending = {
        "vendor": "storefront",
        "url": f"http://{place.ingress}/hooks/{endpoint.public_id}",
        "secret": place.signing_secret,
        "count": count,
        "seed": seed,
        "start": int(time.time()) % 1_000_000 * 100 + 1,
    }
    sent = await stubs.send_webhooks(sending)
    say(f"Sent {count} orders: {sent}")
    statuses = await _wait(endpoint.workspace_id, since, count, wait_s)
    say("Runs: " + ", ".join(f"{number} {status}" for status, number in sorted(statuses.items())))
    doubled = _doubled([json.loads(line) for line in place.ledger.read_text().splitlines()])
    for line in doubled:
        say(f"TWICE: {line}")
    say(f"Ledger: {_difference(before, await stubs.counts())}")
    ended = sum(number for status, number in statuses.items() if status not in Run.UNENDED)
    return 0 if ended >= count and not doubled else 1


def _endpoint() -> Endpoint:
    found = Endpoint.objects.filter(workspace__slug=WORKSPACE, slug=ENDPOINT).first()
    if found is None:
        raise NotFound(what="demo workspace; run: ipaas demo install")
    return found


async def _wait(workspace_id: UUID, since: UUID, count: int, wait_s: int) -> Counter[str]:
    deadline = time.monotonic() + wait_s
    while True:
        statuses = await sync_to_async(_statuses)(workspace_id, since)
        unended = sum(statuses[status] for status in Run.UNENDED)
        if (sum(statuses.values()) >= count and not unended) or time.monotonic() > deadline:
            return statuses
        await asyncio.sleep(0.5)


def _statuses(workspace_id: UUID, since: UUID) -> Counter[str]:
    runs = Run.objects.filter(workspace_id=workspace_id, id__gt=since)
    return Counter(runs.values_list("status", flat=True))


def _doubled(lines: list[dict[str, Any]]) -> list[str]:
    """Effects that happened more than once for one reference, by the vendors' own ledger."""
    seen = Counter(
        (line["vendor"], line["action"], line.get("reference"))
        for line in lines
        if line.get("outcome") == "effect" and line.get("action") == ONCE.get(str(line.get("vendor")))
    )
    return [f"{vendor}.{action} {ref}: {number} times" for (vendor, action, ref), number in seen.items() if number > 1]


def _difference(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> str:
    def keyed(counts: list[dict[str, Any]]) -> Counter[str]:
        names = ("vendor", "action", "outcome")
        return Counter({" ".join(str(line[name]) for name in names): int(line["count"]) for line in counts})

    found = keyed(after) - keyed(before)
    return ", ".join(f"{number} × {name}" for name, number in sorted(found.items()))
