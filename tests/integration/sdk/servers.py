"""Real servers that a test starts and stops by itself."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str], *, says: bytes, env: dict[str, str] | None = None, kill: bool = False
) -> Iterator[None]:
    """A server that has said on its output that it is ready; ended afterwards, ``kill``: without being asked."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env) as process:
        try:
            assert process.stdout is not None
            told = []
            for line in process.stdout:
                told.append(line)
                if says in line:
                    break
            else:
                msg = f"the server ended: {b''.join(told[-20:]).decode('utf-8', 'replace')}"
                raise AssertionError(msg)
            yield
        finally:
            (process.kill if kill else process.terminate)()
