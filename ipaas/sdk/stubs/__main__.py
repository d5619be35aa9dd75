"""``python -m ipaas.sdk.stubs --port 8100 --ledger stubs.jsonl --token …``"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

import uvloop

from ipaas.core.net import EgressPolicy, close_client_for_loop
from ipaas.sdk.loader import survey
from ipaas.sdk.stubs.server import StubServer
from ipaas.sdk.stubs.webhooks import poster


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m ipaas.sdk.stubs", description="Stand-in vendors for demo and tests."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--smtp-port", type=int, help="port of the mail stand-in; without it no mail is served")
    parser.add_argument("--ledger", type=Path, required=True, help="JSON Lines file of what arrived")
    parser.add_argument("--token", help="token of the control API (default: environment IPAAS_STUBS_TOKEN)")
    parser.add_argument("--fsync", action="store_true", help="flush each ledger line to disk before answering")
    parser.add_argument(
        "--connectors", type=Path, action="append", help="folder of connector folders (repeatable)", default=[]
    )
    parser.add_argument(
        "--send-to", action="append", default=[], help="host:port that webhooks may be sent to although it is private"
    )
    parser.add_argument("--kept", type=Path, help="folder of described stand-ins that were started")
    options = parser.parse_args(argv)
    token = options.token or os.environ.get("IPAAS_STUBS_TOKEN", "")
    if not token:
        parser.error("a token is needed: --token or IPAAS_STUBS_TOKEN")
    folders = options.connectors or [Path(__file__).resolve().parents[3] / "connectors"]
    post = poster(EgressPolicy.parse(options.send_to))
    server = StubServer(
        survey(folders).connectors.values(),
        ledger=options.ledger,
        token=token,
        post=post,
        fsync=options.fsync,
        kept=options.kept,
    )
    gc.collect()
    gc.freeze()
    uvloop.run(_serve(server, options.host, options.port, options.smtp_port))
    return 0


async def _serve(server: StubServer, host: str, port: int, smtp_port: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    listeners = await server.listen(host, port, smtp_port)
    address = listeners[0].sockets[0].getsockname()
    sys.stdout.write(f"stubs listen on http://{address[0]}:{address[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    for listener in listeners:
        listener.close()
    await close_client_for_loop()
    server.ledger.close()


if __name__ == "__main__":
    raise SystemExit(main())
