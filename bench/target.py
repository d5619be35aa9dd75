"""The far side of a benchmark: a server on a free port that answers every POST at once, and counts them."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import uvloop

BODY = b'{"id":"rq_0123456789","status":"accepted","received":true}'
ANSWER = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-Request-Id: 0123456789abcdef\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
_LENGTH = b"content-length: "


class Answering(asyncio.Protocol):
    """Takes requests with a Content-Length, one after the other."""

    def __init__(self) -> None:
        self.tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data = self.tail + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[: end + 2].lower()
            start = head.find(_LENGTH) + len(_LENGTH)
            whole = end + 4 + int(head[start : head.index(b"\r\n", start)])
            if len(data) < whole:
                break
            data = data[whole:]
            self.transport.write(ANSWER)
        self.tail = data


def _serve(pipe: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


@contextmanager
def target() -> Iterator[int]:
    """Its port, while it runs in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        yield int(ours.recv())
    finally:
        server.terminate()
        server.join()
