"""The embedded Valkey: on a loopback port of its own, with a password, appending what it holds to a file."""

import socket
from dataclasses import dataclass
from pathlib import Path

from ipaas.launcher import binaries
from ipaas.launcher.keys import ensure_password
from ipaas.launcher.layout import Layout
from ipaas.launcher.ports import stable_port
from ipaas.launcher.program import Program, base_environment

CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
databases 16
appendonly {append}
appendfsync everysec
save ""
maxmemory 128mb
maxmemory-policy noeviction
hz 5
daemonize no
"""


@dataclass(frozen=True)
class Valkey:
    """One server; what it holds may be lost at any time without losing work."""

    layout: Layout
    binary: Path
    config: Path
    port: int
    password: str

    @classmethod
    def prepare(cls, layout: Layout, *, durable: bool = True) -> "Valkey":
        binary = binaries.valkey_program(layout)
        binaries.check_runs([binary, "--version"])
        password = ensure_password(layout.keys, "valkey_password")
        folder = layout.servers.make_folder(layout.valkey)
        port = stable_port(str(layout.data))
        text = CONFIG.format(port=port, password=password, folder=folder, append="yes" if durable else "no")
        config = layout.servers.write_file(folder / "valkey.conf", text)
        return cls(layout, binary, config, port, password)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def version(self) -> str:
        return binaries.VALKEY.version

    def program(self) -> Program:
        return Program(
            name="valkey",
            argv=(str(self.binary), str(self.config)),
            log=self.layout.log_of("valkey"),
            cwd=self.layout.data,
            stage=4,
            env=base_environment(),
            identity=self.layout.servers,
            stop_timeout_s=10.0,
            probe=self.is_ready,
        )

    def is_ready(self) -> bool:
        return ping("127.0.0.1", self.port, self.password)


def ping(host: str, port: int, password: str | None) -> bool:
    """Whether a Redis or Valkey answers there, signed in, with its data loaded."""
    login = f"AUTH {password}\r\n" if password else ""
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(f"{login}PING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < (2 if password else 1):
                part = connection.recv(256)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    return answer.endswith(b"+PONG\r\n")
