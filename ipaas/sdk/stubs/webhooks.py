"""Webhooks that the stand-in storefront sends: signed, realistic, and as unreliable as asked for."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ipaas.core import clock
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.core.net import EgressPolicy, client_for_loop
from ipaas.sdk.manifest import TriggerSpec
from ipaas.sdk.schemas import compile_schema, findings
from ipaas.sdk.signatures import sign
from ipaas.sdk.stubs.orders import deliveries, disturbed

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
"""Posts to a URL and gives the status; raises IpaasError when there is no answer."""

SENDING_SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["vendor", "url", "secret"],
    "properties": {
        "vendor": {"type": "string"},
        "url": {"type": "string", "pattern": "^https?://[^\\s]+$", "maxLength": 500},
        "secret": {"type": "string", "minLength": 1},
        "event": {"type": "string", "maxLength": 60},
        "count": {"type": "integer", "minimum": 1, "maximum": 100_000},
        "start": {"type": "integer", "minimum": 1, "maximum": 10**15},
        "seed": {"type": "integer", "minimum": 0, "maximum": 9999},
        "concurrency": {"type": "integer", "minimum": 1, "maximum": 200},
        "duplicate_percent": {"type": "number", "minimum": 0, "maximum": 100},
        "out_of_order": {"type": "boolean"},
    },
}
_VALIDATOR = compile_schema(dict(SENDING_SCHEMA))
TRIES, FIRST_PAUSE_S, LAST_PAUSE_S = 5, 0.2, 2.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One signed webhook, ready to post."""

    delivery_id: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Sending:
    """What to send where."""

    trigger: TriggerSpec
    url: str
    secret: str
    event: str = "order.created"
    count: int = 1
    start: int = 1
    seed: int = 1
    concurrency: int = 20
    duplicate_percent: float = 0
    out_of_order: bool = False

    @classmethod
    def from_document(cls, document: Any, triggers: Mapping[str, TriggerSpec]) -> "Sending":
        """Raises InvalidInput. ``triggers``: vendor → its webhook trigger."""
        errors = findings(_VALIDATOR, document)
        if not errors and document["vendor"] not in triggers:
            known = ", ".join(sorted(triggers))
            errors = [{"path": "vendor", "code": "unknown", "message": f"senders are {known}"}]
        if errors:
            raise InvalidInput(errors)
        rest = {name: value for name, value in document.items() if name != "vendor"}
        return cls(trigger=triggers[document["vendor"]], **rest)


def poster(egress: EgressPolicy, *, deadline_s: float = 30) -> Post:
    """The usual Post: over core.net's client of the running loop."""

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
        lines = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        answer = await client_for_loop().call("POST", url, lines, body, egress=egress, deadline_s=deadline_s)
        return answer.status

    return post


def signed_deliveries(sending: Sending) -> Iterator[Delivery]:
    """The deliveries in the order of sending, each signed when it is taken."""
    items = list(deliveries(seed=sending.seed, count=sending.count, event=sending.event, start=sending.start))
    for delivery_id, value in disturbed(
        items, seed=sending.seed, duplicate_percent=sending.duplicate_percent, out_of_order=sending.out_of_order
    ):
        yield _delivery(sending, delivery_id, orjson.dumps(value))


def _delivery(sending: Sending, delivery_id: str, body: bytes) -> Delivery:
    trigger = sending.trigger
    headers = {"content-type": "application/json", "user-agent": "stub-vendor/1"}
    if trigger.signature:
        headers |= sign(
            trigger.signature, body=body, secrets=[sending.secret], now=clock.now(), delivery_id=delivery_id
        )
    if trigger.delivery_id and trigger.delivery_id.header:
        headers[trigger.delivery_id.header] = delivery_id
    if trigger.event_type and trigger.event_type.header:
        headers[trigger.event_type.header] = sending.event
    return Delivery(delivery_id, headers, body)


async def deliver(delivery: Delivery, url: str, post: Post, *, tries: int = TRIES) -> int:
    """Post one delivery until it is taken or refused for good, as senders do; the last status, 0 for no answer."""
    status = 0
    for number in range(tries):
        if number:
            await asyncio.sleep(min(FIRST_PAUSE_S * 2 ** (number - 1), LAST_PAUSE_S))
        try:
            status = await post(url, delivery.headers, delivery.body)
        except IpaasError:
            status = 0
        if status and status != 429 and status < 500:
            break
    return status


async def send_deliveries(sending: Sending, post: Post) -> dict[str, Any]:
    """Deliver all; counts by the last status, 0 for no answer."""
    statuses: Counter[int] = Counter()
    waiting = signed_deliveries(sending)

    async def sender() -> None:
        for delivery in waiting:
            statuses[await deliver(delivery, sending.url, post)] += 1

    await asyncio.gather(*(sender() for _ in range(sending.concurrency)))
    return {"sent": statuses.total(), "statuses": {str(status): count for status, count in sorted(statuses.items())}}
