"""A workspace whose events are told to a receiver on loopback that keeps what came and misbehaves as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ipaas.accounts.actors import actor_for
from ipaas.accounts.models import Membership, User
from ipaas.core.actor import SYSTEM, Actor
from ipaas.notices.models import Webhook
from ipaas.notices.services import WithSecret, create_webhook
from tests.integration.runtime.conftest import World, gateway, sql, world

__all__ = ["gateway", "world"]


@dataclass
class Came:
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """``answers``: one per request, in order: a status, or (status, headers, body); then 204."""

    port: int = 0
    came: list[Came] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    on_request: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in/k3y-of-the-receiver"

    @property
    def types(self) -> list[str]:
        return [one.event["type"] for one in self.came]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.came.append(Came({name.lower(): value for name, value in self.headers.items()}, body))
            kept.on_request()
            given = kept.answers.pop(0) if kept.answers else 204
            status, headers, text = given if isinstance(given, tuple) else (given, {}, b"")
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


ALL = ("ipaas.run.succeeded", "ipaas.run.dead_lettered", "ipaas.flow.paused")


@pytest.fixture
def made(world: World, receiver: Receiver) -> WithSecret:
    world.workspace.settings = {"egress_allow": [f"127.0.0.1:{receiver.port}"]}
    world.workspace.save()
    return create_webhook(
        actor=SYSTEM, workspace=world.workspace, slug="pager", title="Pager", url=receiver.url, events=ALL
    )


@pytest.fixture
def webhook(made: WithSecret) -> Webhook:
    return made.webhook


@pytest.fixture
def join(world: World) -> Callable[..., Actor]:
    """Make a person with roles a member."""

    def make(name: str, *roles: str) -> Actor:
        user = User.objects.create(email=f"{name}@example.com", name=name.title())
        Membership.objects.create(user=user, workspace=world.workspace, roles=list(roles))
        return actor_for(user, world.workspace)

    return make


def make_due(webhook: Webhook) -> None:
    """Let the time of every next try have come."""
    sql("UPDATE notices_webhookdelivery SET due_at = now() - interval '1 second' WHERE state = 'waiting'")
    sql("UPDATE runtime_work SET due_at = now(), leased = false WHERE id = %s", [webhook.id])
