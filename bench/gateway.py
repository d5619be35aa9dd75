"""What a call through the gateway costs beside a bare httpx call and the floor, plain and by TLS; and who gets a token.

The gateway's calls are whole ones: connection and secret resolved, limits and breaker asked of Valkey, retry and
timeout, the credential added, the answer read, checked for echoes of the secret and made an outcome; no journal. The
floor is the same exchange over a bare asyncio Protocol with no parsing at all, with the same server in the same
minute. Then fifty workers, threads of two processes with loops of their own, find the same OAuth token expired at once.
"""

import argparse
import asyncio
import contextlib
import ipaddress
import json
import multiprocessing
import os
import ssl
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench import report
from bench.net import ANSWER, BODY, Bare, Call, measure
from bench.session import RunsLost
from bench.victim import instance
from ipaas.core import clock
from ipaas.launcher.layout import ROOT

DOCUMENT = ROOT / "docs" / "reference" / "benchmarks.md"
BEGIN, END = "<!-- gateway: begin -->", "<!-- gateway: end -->"
SLUG = "bench-gateway"
AT_ONCE = (1, 32, 256)
WORKERS, PROCESSES = 50, 2
PLENTY = {"rate": {"per_second": 100_000, "burst": 100_000}, "concurrency": 1000}
_HEADERS = {"content-type": "application/json", "authorization": "Bearer x"}


# -- the other side --------------------------------------------------------------------------------------------------


class Vendor(asyncio.Protocol):
    """Answers at once, by path; ``asked`` counts requests for tokens."""

    asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.tail = transport, b""

    def data_received(self, data: bytes) -> None:
        self.tail += data
        while (end := self.tail.find(b"\r\n\r\n")) >= 0:
            head = self.tail[: end + 2].lower()
            _, _, rest = head.partition(b"content-length: ")
            whole = end + 4 + int(rest.partition(b"\r\n")[0] or 0)
            if len(self.tail) < whole:
                break
            self.tail = self.tail[whole:]
            self.transport.write(self._answer(head))  # type: ignore[attr-defined]

    def _answer(self, head: bytes) -> bytes:
        if head.startswith(b"post /oauth/token"):
            Vendor.asked += 1
            return _json({"access_token": f"token-{Vendor.asked}", "token_type": "Bearer", "expires_in": 3600})
        if head.startswith(b"get /asked"):
            return _json({"asked": Vendor.asked})
        return _json({"charges": []}) if head.startswith(b"get ") else ANSWER


def _json(document: Any) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _serve(pipe: Pipe, folder: str) -> None:
    async def main() -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(Vendor, "127.0.0.1", 0, ssl=one, backlog=512) for one in (None, context)]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.Event().wait()

    uvloop.run(main())


def _certificate(folder: Path) -> str:
    """A certificate for this machine that is its own authority; its PEM."""
    key, moment = ec.generate_private_key(ec.SECP256R1()), clock.now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    return made.public_bytes(Encoding.PEM).decode()


@contextlib.contextmanager
def vendor() -> Iterator[tuple[int, int, str]]:
    """Its port, that for TLS, and the authority to trust, while it runs in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        authority = _certificate(Path(folder))
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, folder), daemon=True)
        server.start()
        try:
            plain, tls = ours.recv()
            yield plain, tls, authority
        finally:
            server.terminate()
            server.join()


# -- the workspace ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where the calls belong."""

    workspace_id: UUID
    environment_id: UUID


def install(plain: int, tls: int, authority: str) -> Place:
    """Three connections: plain, by TLS with an authority of its own, and one whose token is to be fetched."""
    from ipaas.accounts import services as accounts
    from ipaas.catalog.services import create_connection
    from ipaas.core.actor import SYSTEM
    from ipaas.vault.services import create_secret

    workspace = accounts.create_workspace(slug=SLUG, name="Bench", actor=SYSTEM)
    allowed = {"egress_allow": [f"127.0.0.1:{port}" for port in (plain, tls)]}
    workspace = accounts.change_settings(workspace=workspace, settings=allowed, actor=SYSTEM)
    place = accounts.create_environment(workspace=workspace, slug="production", name="Production", actor=SYSTEM)
    secrets = {
        "plain": {"token": "a-token-of-thirty-two-characters"},
        "tls": {"token": "a-token-of-thirty-two-characters", "tls_ca": authority},
        "oauth": {"client_id": "client", "client_secret": "a-secret-of-the-client"},
    }
    for name, fields in secrets.items():
        create_secret(workspace=workspace, slug=name, fields=fields, actor=SYSTEM)
    made: dict[str, Any] = {"environment": place, "actor": SYSTEM, "policy": PLENTY}
    http = {**made, "connector": "http", "auth_scheme": "bearer"}
    create_connection(slug="plain", secret="plain", base_url=f"http://127.0.0.1:{plain}", **http)  # noqa: S106
    create_connection(slug="tls", secret="tls", base_url=f"https://127.0.0.1:{tls}", **http)  # noqa: S106
    oauth = {**made, "connector": "payments", "auth_scheme": "oauth"}
    create_connection(slug="oauth", secret="oauth", base_url=f"http://127.0.0.1:{plain}", **oauth)  # noqa: S106
    return Place(workspace.id, place.id)


# -- the cost of a call ----------------------------------------------------------------------------------------------


async def compare(place: Place, port: int, authority: str, at_once: int, calls: int, rounds: int) -> dict[str, float]:
    """Microseconds per call by way, the median of the rounds, which take turns."""
    from ipaas.catalog import gateway

    context = ssl.create_default_context(cadata=authority) if authority else None
    url = f"{'https' if authority else 'http'}://127.0.0.1:{port}/orders"
    request = gateway.GatewayCall(
        workspace_id=place.workspace_id,
        environment_id=place.environment_id,
        connection="tls" if authority else "plain",
        action="request",
        params={"method": "POST", "path": "/orders", "body": json.loads(BODY), "effect": "safe"},
    )

    async def through() -> None:
        outcome = await gateway.invoke(request)
        if outcome.kind != "ok":
            message = f"A call through the gateway ended with {outcome.kind}: {outcome.error}"
            raise RunsLost(message)

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    verify = context if context is not None else False
    bare, lines = await _floor(port, at_once, context)
    figures: dict[str, list[float]] = {"floor": [], "httpx": [], "gateway": []}
    async with httpx.AsyncClient(trust_env=False, verify=verify, limits=limits, timeout=60) as client:
        ways: dict[str, Call] = {
            "floor": bare, "httpx": lambda: client.post(url, headers=_HEADERS, content=BODY), "gateway": through
        }  # fmt: skip
        for _ in range(rounds):
            for name, way in ways.items():
                figures[name].append(await measure(way, calls // 10 if name == "httpx" else calls, at_once, warm=2))
    await gateway.close()
    for line in lines:
        line.transport.close()
    return {name: statistics.median(values) for name, values in figures.items()}


async def _floor(port: int, at_once: int, context: ssl.SSLContext | None) -> tuple[Call, list[Bare]]:
    loop = asyncio.get_running_loop()
    dial = partial(loop.create_connection, Bare, "127.0.0.1", port, ssl=context)
    free = [(await dial())[1] for _ in range(at_once)]
    head = f"POST /orders HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: {len(BODY)}\r\n"
    request = head.encode() + b"".join(f"{name}: {text}\r\n".encode() for name, text in _HEADERS.items())
    request += b"\r\n" + BODY

    async def call() -> None:
        line = free.pop()
        await line.call(request)
        free.append(line)

    return call, list(free)


def cost_table(figures: dict[tuple[str, int], dict[str, float]]) -> str:
    head = ("calls", "floor", "bare httpx", "gateway", "gateway over the floor", "gateway beside httpx")
    rows = []
    for (way, at_once), one in figures.items():
        more = f"+ {one['gateway'] - one['floor']:,.0f} us ({one['gateway'] / one['floor']:.1f} ×)"
        times = (f"{one[name]:,.0f} us" for name in ("floor", "httpx", "gateway"))
        rows.append((f"{way}, {at_once} in flight", *times, more, f"{one['gateway'] / one['httpx']:.2f} ×"))
    return report.table(head, rows)


# -- one token for all -----------------------------------------------------------------------------------------------


def renewals(place: Place, port: int) -> dict[str, str]:
    """Let fifty workers need a token that nobody has; raises RunsLost when one of them never got to call."""
    context = multiprocessing.get_context("spawn")
    begin, answers = context.Barrier(PROCESSES + 1), context.Queue()
    each = WORKERS // PROCESSES
    processes = [context.Process(target=_workers, args=(place, each, begin, answers)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    begin.wait(120)
    started = time.perf_counter()
    tries = [count for _ in processes for count in answers.get(timeout=120)]
    took = time.perf_counter() - started
    for process in processes:
        process.join()
    asked = httpx.get(f"http://127.0.0.1:{port}/asked", trust_env=False).json()["asked"]
    if len(tries) != WORKERS or min(tries) < 1:
        message = f"Only {len(tries)} of {WORKERS} workers made their call."
        raise RunsLost(message)
    if asked != 1:
        message = f"{WORKERS} workers made {asked} requests for one token."
        raise RunsLost(message)
    return {
        "token requests": str(asked),
        "calls that were put off once or more": str(sum(1 for count in tries if count > 1)),
        "until all had called": f"{took:.2f} s",
    }


def _workers(place: Place, count: int, begin: Any, answers: Any) -> None:
    import django

    django.setup()
    together = threading.Barrier(count)
    tries: list[int] = []
    threads = [threading.Thread(target=_worker, args=(place, together, tries.append)) for _ in range(count)]
    begin.wait(120)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.put(tries)


def _worker(place: Place, together: threading.Barrier, done: Callable[[int], None]) -> None:
    """One call on a loop of its own, again when it is due again; tells how often it was tried."""
    from ipaas.catalog import gateway

    async def main() -> None:
        call = gateway.GatewayCall(
            workspace_id=place.workspace_id,
            environment_id=place.environment_id,
            connection="oauth",
            action="search_charges",
            params={"reference": "bench"},
        )
        tried, outcome = 0, None
        while outcome is None or outcome.kind == "deferred":
            if outcome is not None and outcome.due_at is not None:
                await asyncio.sleep((outcome.due_at - clock.now()).total_seconds())
            outcome, tried = await gateway.invoke(call), tried + 1
        await gateway.close()
        done(tried if outcome.kind == "ok" else 0)

    together.wait()
    asyncio.run(main())


# -- all of it -------------------------------------------------------------------------------------------------------


def main() -> None:
    options = _parser().parse_args()
    with vendor() as (plain, tls, authority), instance("--no-demo") as running:
        os.environ.update(running.state.environment)
        import django  # the settings are those of the instance just started

        django.setup()
        place = install(plain, tls, authority)
        figures = {}
        for way, port, trusted in (("plain", plain, ""), ("TLS", tls, authority)):
            for at_once in options.at_once:
                work = compare(place, port, trusted, at_once, options.calls, options.rounds)
                figures[(way, at_once)] = asyncio.run(work)
                print(f"{way}, {at_once} in flight: {figures[(way, at_once)]}", flush=True)
        found = renewals(place, plain)
        tokens = report.table(
            (f"{WORKERS} workers in {PROCESSES} processes, one token expired", "figure"), found.items()
        )
        text = "\n\n".join((report.machine(running.state.versions), cost_table(figures), tokens))
    print(f"\n{text}")
    if options.write:
        report.write(DOCUMENT, text, BEGIN, END)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py bench gateway", description=__doc__)
    parser.add_argument("--at-once", type=int, nargs="+", default=list(AT_ONCE), help="calls in flight")
    parser.add_argument("--calls", type=int, default=4000, help="of each way and round")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--write", action="store_true", help=f"also put the tables into {DOCUMENT.name}")
    return parser
