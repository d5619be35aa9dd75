"""From a delivery to a run: accepted once, answered after the commit, and never silently dropped."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.events.intake import Arrival, DeliveryConflict, EndpointView, prepare
from ipaas.events.models import Delivery, Endpoint, Receipt
from ipaas.events.services import delete_endpoint
from ipaas.ingress.batch import Batcher
from ipaas.runtime.models import Run, Work
from ipaas.runtime.pump import MAX_CRASHES
from ipaas.runtime.values import read_values
from ipaas.sdk.signatures import SignatureScheme
from ipaas.vault.payloads import sealer_for
from tests.integration.runtime.conftest import World, call, conninfo


class Answer(tuple[int, Any]):
    """Status and body, and beside them the headers by their lower-case names."""

    headers: dict[str, str]

    @classmethod
    def of(cls, status: int, body: Any, headers: dict[str, str]) -> "Answer":
        made = cls((status, body))
        made.headers = headers
        return made


Post = Callable[..., Awaitable[Answer]]


def view(endpoint: Endpoint) -> EndpointView:
    return EndpointView(
        id=endpoint.id,
        workspace_id=endpoint.workspace_id,
        slug=endpoint.slug,
        paused=False,
        scheme=SignatureScheme.from_document({"scheme": "none"}),
        signature_required=False,
        secrets=[],
        delivery_header=endpoint.delivery_header,
        event_header=endpoint.event_header,
        sealer=sealer_for(endpoint.workspace_id),
    )


def said(body: bytes) -> Any:
    """What was answered: a document, or the text of a challenge."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def deliver(endpoint: Endpoint, *deliveries: tuple[str, str, Any]) -> list[Any]:
    """Accept (delivery id, event, body) through one batcher at once; the answers or refusals in order."""
    seen = view(endpoint)
    rows = [
        prepare(seen, Arrival({"x-id": key, "x-topic": event}, json.dumps(body).encode()), now())
        for key, event, body in deliveries
    ]

    async def accept() -> list[Any]:
        batcher = Batcher(conninfo())
        await batcher.start()
        try:
            return await asyncio.gather(*(batcher.accept(row) for row in rows), return_exceptions=True)
        finally:
            await batcher.stop()

    return asyncio.run(accept())


def listening(world: World, slug: str = "orders", **spec: Any) -> Any:
    return world.flow(call("charge"), slug=slug, trigger={"webhook": {"endpoint": "shop", **spec}})


def test_a_delivery_starts_its_flow(world: World) -> None:
    endpoint, flow = world.endpoint(), listening(world, events=["order.created"])
    (receipt_id,) = deliver(endpoint, ("d-1", "order.created", {"id": "o-1"}))
    world.work()
    run = Run.objects.get(flow_id=flow.id)
    receipt = Receipt.objects.get()
    assert (run.status, run.receipt_id, run.trigger, run.business_key) == ("succeeded", receipt_id, "webhook", "o-1")
    assert (receipt.state, receipt.run_ids) == ("processed", [run.id])
    trigger = read_values(run)["trigger"]
    assert (trigger["id"], trigger["event"], trigger["body"]) == ("d-1", "order.created", {"id": "o-1"})
    assert not Work.objects.exists()


def test_one_delivery_starts_every_flow_that_takes_it(world: World) -> None:
    endpoint = world.endpoint()
    listening(world), listening(world, "audit-orders"), listening(world, "others", events=["order.cancelled"])
    deliver(endpoint, ("d-1", "order.created", {"id": "o-1"}))
    world.work()
    assert Run.objects.count() == 2
    assert set(Run.objects.values_list("status", flat=True)) == {"succeeded"}
    assert len(Receipt.objects.get().run_ids or []) == 2


def test_a_repeated_delivery_gives_the_first_receipt_and_one_run(world: World) -> None:
    endpoint = world.endpoint()
    listening(world)
    once = ("d-1", "order.created", {"id": "o-1"})
    first, twice = deliver(endpoint, once, once)
    (later,) = deliver(endpoint, once)
    assert first == twice == later
    world.work()
    assert (Receipt.objects.count(), Run.objects.count(), len(world.gateway.calls)) == (1, 1, 1)


def test_the_same_delivery_id_with_another_body_is_kept_as_a_conflict_and_starts_nothing(world: World) -> None:
    endpoint = world.endpoint()
    listening(world)
    deliver(endpoint, ("d-1", "order.created", {"id": "o-1"}))
    (refusal,) = deliver(endpoint, ("d-1", "order.created", {"id": "o-2"}))
    assert isinstance(refusal, DeliveryConflict)
    world.work()
    assert sorted(Receipt.objects.values_list("state", flat=True)) == ["conflict", "processed"]
    assert (Run.objects.count(), Delivery.objects.count()) == (1, 1)


def test_deliveries_without_an_id_are_never_taken_for_the_same(world: World) -> None:
    endpoint = world.endpoint()
    listening(world)
    deliver(endpoint, *[("", "order.created", {"id": "o-1"})] * 2)
    world.work()
    assert Run.objects.count() == 2


def test_a_delivery_to_an_endpoint_that_is_deleted_meanwhile_is_kept_as_unmatched(world: World) -> None:
    endpoint = world.endpoint()
    deliver(endpoint, ("d-1", "order.created", {"id": "o-1"}))
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    world.work()
    receipt = Receipt.objects.get()
    assert (receipt.state, "an endpoint that is deleted" in receipt.note) == ("unmatched", True)
    assert not Work.objects.exists()


def test_a_delivery_that_no_flow_takes_is_kept_as_unmatched(world: World) -> None:
    endpoint = world.endpoint()
    listening(world, events=["order.created"])
    deliver(endpoint, ("d-1", "order.cancelled", {"id": "o-1"}))
    world.work()
    receipt = Receipt.objects.get()
    assert (receipt.state, receipt.note) == ("unmatched", "no active flow takes order.cancelled from shop")
    assert not Run.objects.exists()
    assert not Work.objects.exists()


def test_a_delivery_that_kills_its_worker_is_rejected_with_the_reason(world: World) -> None:
    endpoint = world.endpoint()
    listening(world)
    deliver(endpoint, ("d-1", "order.created", {"id": "o-1"}))
    Work.objects.update(leased=True, crashes=MAX_CRASHES)
    world.work()
    receipt = Receipt.objects.get()
    assert (receipt.state, "died" in receipt.note) == ("rejected", True)


def through_ingress(talk: Callable[[Post], Awaitable[None]]) -> None:
    """Run a conversation with the ingress application, started and stopped as a server would."""
    from ipaas.ingress.app import Ingress

    @asynccontextmanager
    async def started() -> Any:
        app = Ingress(conninfo())
        asked: asyncio.Queue[Any] = asyncio.Queue()
        told: asyncio.Queue[Any] = asyncio.Queue()
        life = asyncio.create_task(app({"type": "lifespan"}, asked.get, told.put))
        await asked.put({"type": "lifespan.startup"})
        assert (await told.get())["type"] == "lifespan.startup.complete"
        try:
            yield app
        finally:
            await asked.put({"type": "lifespan.shutdown"})
            await life

    async def go() -> None:
        async with started() as app:

            async def post(path: str, body: bytes = b"{}", *, method: str = "POST", **headers: str) -> Answer:
                given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
                path, _, query = path.partition("?")
                scope = {
                    "type": "http",
                    "method": method,
                    "path": path,
                    "headers": given,
                    "query_string": query.encode(),
                    "client": ("127.0.0.1", 50_000),
                }
                messages = [{"type": "http.request", "body": body[:5], "more_body": True},
                            {"type": "http.request", "body": body[5:]}]  # fmt: skip
                sent: list[Any] = []

                async def receive() -> Any:
                    return messages.pop(0)

                async def send(message: Any) -> None:
                    sent.append(message)

                await app(scope, receive, send)
                told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
                return Answer.of(sent[0]["status"], said(sent[1]["body"]), told)

            await talk(post)

    asyncio.run(go())


def test_the_ingress_answers_after_the_receipt_is_stored(world: World) -> None:
    endpoint = world.endpoint()
    listening(world)
    answers: list[Answer] = []

    async def talk(post: Post) -> None:
        path = f"/hooks/{endpoint.public_id}"
        answers.append(await post(path, b'{"id": "o-1"}', x_id="d-1", x_topic="order.created"))
        answers.append(await post(path, b'{"id": "o-1"}', x_id="d-1", x_topic="order.created"))
        answers.append(await post(path, b'{"id": "o-2"}', x_id="d-1", x_topic="order.created"))

    through_ingress(talk)
    (first, body), (second, again), (third, problem) = answers
    assert (first, second, third) == (202, 202, 409)
    assert body == again
    assert problem["code"] == "delivery_conflict"
    assert Receipt.objects.filter(id=body["receipt_id"], state="accepted").exists()
    world.work()
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "body", "method", "status"),
    [
        ("/hooks/{id}", b'{"a": 1, "a": 2}', "POST", 400),
        ("/hooks/{id}", b"[" * 5000, "POST", 400),
        ("/hooks/{id}", b"\xff\xfe", "POST", 400),
        ("/hooks/{id}", b"", "GET", 405),
        ("/hooks/nobody", b"{}", "POST", 404),
        ("/hooks/" + "x" * 99, b"{}", "POST", 404),
        ("/elsewhere", b"{}", "POST", 404),
    ],
)
def test_what_the_ingress_refuses_is_a_clear_4xx_and_keeps_nothing(
    world: World, path: str, body: bytes, method: str, status: int
) -> None:
    endpoint = world.endpoint()
    answers: list[Answer] = []

    async def talk(post: Post) -> None:
        answers.append(await post(path.format(id=endpoint.public_id), body, method=method))

    through_ingress(talk)
    assert answers[0][0] == status
    assert answers[0][1]["status"] == status
    assert not Receipt.objects.exists()
