"""TCP ports: free or not, who holds them, and whether somebody answers."""

import errno
import hashlib
import http.client
import os
import re
import socket
from pathlib import Path

from ipaas.launcher.errors import LauncherError

LISTENING = "0A"
FIRST_PORT, PORTS = 20_000, 12_000  # below the range from which the kernel lends ports to outgoing connections


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there; port 0 always can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
            candidate.listen(1)
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise LauncherError(f"Cannot listen on {host} port {port}: {error.strerror}") from error
    return True


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])


def stable_port(name: str) -> int:
    """A free loopback port, the same one at every start for a name where possible."""
    wanted = int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:4]) % PORTS
    for step in range(200):
        port = FIRST_PORT + (wanted + step * 7) % PORTS
        if is_free("127.0.0.1", port):
            return port
    raise LauncherError(f"No free port between {FIRST_PORT} and {FIRST_PORT + PORTS} for an embedded server.")


def holder_of(port: int) -> str | None:
    """The process that listens on a port, as ``name (pid)``; None when it cannot be seen."""
    inodes = _listening_inodes(port)
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = link.readlink().name
        except OSError:
            continue
        match = re.fullmatch(r"socket:\[(\d+)\]", target)
        if match and match[1] in inodes:
            process = link.parent.parent
            return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return None


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[3] == LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                found.add(columns[9])
    return found


def reachable_host(host: str) -> str:
    """The address to call for a server that listens on ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def answers_http(host: str, port: int) -> bool:
    """Whether a web server gives any answer at all."""
    return _status(host, port) is not None


def is_healthy(host: str, port: int) -> bool:
    """Whether a server says of itself that it is well."""
    return _status(host, port) == http.client.OK


def _status(host: str, port: int) -> int | None:
    connection = http.client.HTTPConnection(reachable_host(host), port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer.status
