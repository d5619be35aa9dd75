"""The floor: the same unit of work as a bare asyncio program, one durable insert per step, with no product around it.

It takes a webhook, stores it, answers, maps ten fields, stores the step, posts the result, stores the answer. No
signature, no deduplication, no sealing, no intent, no limits, no retries.
"""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

import httpx
import orjson
import psycopg
import uvicorn
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from bench.sender import Line

CONNECTIONS = 32
POSTS = 16  # at once by httpx, whose pool looks at every connection for every request
TABLES = """
CREATE TABLE IF NOT EXISTS receipt (id uuid PRIMARY KEY, body bytea NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS step (run uuid, seq integer, name text NOT NULL, data bytea NOT NULL,
  at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (run, seq));
"""


class Program:
    """A raw ASGI application; ``plain`` posts with httpx, as such programs do, else over sockets of its own."""

    def __init__(self, conninfo: str, target: int, *, plain: bool) -> None:
        self.client = httpx.AsyncClient(trust_env=False) if plain else None
        self.gate = asyncio.Semaphore(POSTS)
        self.pool = AsyncConnectionPool(
            conninfo, min_size=CONNECTIONS, max_size=CONNECTIONS, open=False, kwargs={"autocommit": True}
        )
        self.target = target
        self.free: list[Line] = []
        self.tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await self.pool.open(wait=True)
            await send({"type": "lifespan.startup.complete"})
            return
        run, body = uuid4(), (await receive())["body"]
        await self.store("INSERT INTO receipt (id, body) VALUES (%s, %s)", run, body)
        task = asyncio.create_task(self.work(run, body))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        answer = b'{"receipt_id":"%s"}' % str(run).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def work(self, run: Any, body: bytes) -> None:
        order = orjson.loads(body)["order"]
        mapped = orjson.dumps(_mapped(order))
        await self.store("INSERT INTO step (run, seq, name, data) VALUES (%s, 1, 'map', %s)", run, mapped)
        answer = await self.post(mapped)
        await self.store("INSERT INTO step (run, seq, name, data) VALUES (%s, 2, 'call', %s)", run, answer)

    async def post(self, mapped: bytes) -> bytes:
        if self.client is not None:
            url = f"http://127.0.0.1:{self.target}/orders"
            async with self.gate:
                answer = await self.client.post(url, content=mapped, headers={"content-type": "application/json"})
            return answer.content
        line = self.free.pop() if self.free else await self.connect()
        _status, answer = await line.ask(
            b"POST /orders HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(mapped), mapped)
        )
        self.free.append(line)
        return answer

    async def connect(self) -> Line:
        return (await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", self.target))[1]

    async def store(self, sql: str, *values: Any) -> None:
        async with self.pool.connection() as conn:
            await conn.execute(sql, values)


def _mapped(order: dict[str, Any]) -> dict[str, Any]:
    customer, address = order["customer"], order["shipping_address"]
    return {
        "reference": order["id"],
        "number": order["number"],
        "placed_at": order["placed_at"],
        "currency": order["currency"],
        "total_minor": order["total_minor"],
        "email": customer["email"].lower(),
        "name": customer["first_name"] + " " + customer["last_name"],
        "city": address["city"],
        "country": address["country"],
        "pieces": sum(line["quantity"] for line in order["lines"]),
    }


def _serve(conninfo: str, target: int, pipe: Connection, *, plain: bool) -> None:
    config = uvicorn.Config(
        Program(conninfo, target, plain=plain),
        port=0,
        http="httptools",
        loop="asyncio",
        access_log=False,
        log_level="warning",
    )
    server = uvicorn.Server(config)

    async def main() -> None:
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.02)
        pipe.send(server.servers[0].sockets[0].getsockname()[1])
        await task

    asyncio.run(main())


class Floor:
    """The running program."""

    def __init__(self, conninfo: str, port: int) -> None:
        self.conninfo, self.port = conninfo, port

    def finished(self) -> int:
        """How many runs ever ended."""
        with psycopg.connect(self.conninfo) as conn:
            return int(conn.execute("SELECT count(*) FROM step WHERE seq = 2").fetchone()[0])  # type: ignore[index]

    def last_at(self) -> float:
        """When the last one ended, in seconds since the epoch."""
        with psycopg.connect(self.conninfo) as conn:
            return float(conn.execute("SELECT extract(epoch FROM max(at)) FROM step").fetchone()[0])  # type: ignore[index]


@contextmanager
def floor(database_url: str, target: int, *, plain: bool) -> Iterator[Floor]:
    """The program in a process of its own, with a database of its own in the server that the product uses."""
    database = "floor_plain" if plain else "floor_strict"
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {database}")
        conn.execute(f"CREATE DATABASE {database}")
    parts = conninfo_to_dict(database_url)
    conninfo = make_conninfo("", **{**parts, "dbname": database})
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(TABLES)
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(conninfo, target, theirs), kwargs={"plain": plain}, daemon=True
    )
    server.start()
    try:
        yield Floor(conninfo, int(ours.recv()))
    finally:
        server.kill()
        server.join()
