"""Every protocol of its own trusts the authority, and shows the certificate, that the connection's secret holds."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from tests.integration.core.net.certificates import Authority
from tests.integration.sdk.io import Io

ROOT = Path(__file__).resolve().parents[3] / "connectors"


def at_once(sock: socket.socket) -> None:
    """TLS from the first byte."""


def nats(sock: socket.socket) -> None:
    sock.sendall(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576,"tls_required":true}\r\n')


def postgres(sock: socket.socket) -> None:
    sock.recv(8)
    sock.sendall(b"S")


def mysql(sock: socket.socket) -> None:
    able = 0x0200 | 0x0800 | 0x8000 | 0x0008_0000
    greeting = (
        b"\x0a8.0.36\0"
        + struct.pack("<I", 1)
        + b"a" * 8
        + b"\0"
        + struct.pack("<HBHH", able & 0xFFFF, 45, 2, able >> 16)
    )
    greeting += b"\x15" + b"\0" * 10 + b"a" * 12 + b"\0mysql_native_password\0"
    sock.sendall(struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
    sock.recv(36)


def imap_starttls(sock: socket.socket) -> None:
    sock.sendall(b"* OK ready\r\n")
    while True:
        tag, verb = sock.recv(200).split()[:2]
        if verb == b"STARTTLS":
            return sock.sendall(tag + b" OK begin\r\n")
        sock.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK done\r\n")


@dataclass
class Server:
    """Takes one connection and notes whose certificate it was shown."""

    context: ssl.SSLContext
    preface: Callable[[socket.socket], None]
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    shown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        try:
            sock, _ = self.listener.accept()
            with closing(sock):
                sock.settimeout(10)
                self.preface(sock)
                with self.context.wrap_socket(sock, server_side=True) as secured:
                    subject = dict(one[0] for one in secured.getpeercert()["subject"])  # type: ignore[index, misc]
                    self.shown.append(str(subject["commonName"]))
        except OSError:
            return  # the client did not trust the server, or showed nothing


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def serve(authority: Authority) -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    made: list[Server] = []

    def start(preface: Callable[[socket.socket], None]) -> Server:
        made.append(Server(authority.server("127.0.0.1", clients=True), preface))
        return made[-1]

    yield start
    for one in made:
        with suppress(OSError):
            one.listener.shutdown(socket.SHUT_RDWR)  # wakes who still waits for a connection
        one.listener.close()
        one.thread.join(10)


CASES: dict[str, tuple[str, Callable[[socket.socket], None], dict[str, Any], str]] = {
    "nats": ("nats", nats, {}, "publish"),
    "amqp": ("amqp", at_once, {}, "publish"),
    "mysql": ("mysql", mysql, {"database": "shop"}, "query"),
    "postgres": ("postgres", postgres, {"database": "shop"}, "query"),
    "imap": ("imap", at_once, {"security": "tls"}, "poll_mails"),
    "imap after STARTTLS": ("imap", imap_starttls, {"security": "starttls"}, "poll_mails"),
}


@pytest.mark.parametrize("trusted", [True, False], ids=["its own authority", "no authority"])
@pytest.mark.parametrize("case", CASES)
async def test_a_private_authority_and_a_client_certificate_count_in_every_protocol(
    case: str, trusted: bool, authority: Authority, serve: Callable[..., Server]
) -> None:
    slug, preface, config, action = CASES[case]
    pair, server = authority.issue("client.example"), serve(preface)
    connector = load_folder(ROOT / slug)
    place = {**connector.manifest.config_example, "host": "127.0.0.1", "port": server.listener.getsockname()[1]}
    for name in ("tls", "sslmode"):
        place.pop(name, None)
    secret = {"username": "user", "password": "secret-word", "tls_client_cert": pair.cert, "tls_client_key": pair.key}
    io = Io(
        {**connector.with_config_defaults(place), **config},
        {**secret, **({"tls_ca": authority.pem} if trusted else {})},
    )
    with pytest.raises(ActionError):
        await connector.execute(
            action, dict(connector.manifest.actions[action].params_example), io
        )  # the server ends it after the handshake
    server.thread.join(10)
    assert server.shown == (["client.example"] if trusted else [])


async def test_a_certificate_that_can_not_be_read_is_told_before_anything_leaves(serve: Callable[..., Server]) -> None:
    connector, server = load_folder(ROOT / "nats"), serve(nats)
    place = {**connector.manifest.config_example, "host": "127.0.0.1", "port": server.listener.getsockname()[1]}
    example = connector.manifest.actions["publish"].params_example
    with pytest.raises(ActionError, match="cannot be read"):
        await connector.execute("publish", dict(example), Io({**place, "tls": "verify-full"}, {"tls_ca": "no PEM"}))
