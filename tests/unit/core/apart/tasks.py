"""What the tests have done apart, good and bad."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from ipaas.core.apart import Give
from ipaas.core.errors import NotFound


def echo(params: Any, file: BinaryIO, give: Give) -> None:
    give(params)
    while chunk := file.read(100_000):
        give(chunk)


def environment(_params: Any, _file: BinaryIO, give: Give) -> None:
    give([dict(os.environ), os.getcwd()])


def attempts(params: Any, _file: BinaryIO, give: Give) -> None:
    """Each of the deeds that a child has no right to, with what the kernel says."""
    folder, secret = params
    deeds = {
        "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
        "socket": socket.socket,
        "program": lambda: subprocess.run(["/bin/true"], check=False),
        "fork": os.fork,
        "kill": lambda: os.kill(os.getppid(), signal.SIGTERM),
        "write": lambda: Path(folder, "made").write_text("x"),
        "cut": lambda: Path(secret).open("w"),  # noqa: SIM115 - never opens
        "remove": lambda: Path(secret).unlink(),
        "read": lambda: Path(secret).read_text(),
        "parent": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    }
    for name, deed in deeds.items():
        try:
            deed()
        except OSError as error:
            give([name, type(error).__name__])
        else:
            give([name, "done"])


def memory(_params: Any, _file: BinaryIO, give: Give) -> None:
    give(len(bytearray(3 << 30)))


def killed(_params: Any, _file: BinaryIO, give: Give) -> None:
    """What the kernel does to a process that it finds too large."""
    give("first")
    os._exit(137)


def hung(_params: Any, _file: BinaryIO, give: Give) -> None:
    give(os.getpid())
    time.sleep(3600)


def busy(_params: Any, _file: BinaryIO, give: Give) -> None:
    give(os.getpid())
    while True:
        pass


def flood(_params: Any, _file: BinaryIO, give: Give) -> None:
    while True:
        give(b"x" * 1_000_000)


def refused(_params: Any, _file: BinaryIO, give: Give) -> None:
    give(1)
    raise NotFound("thing")


def broken(params: Any, _file: BinaryIO, give: Give) -> None:
    give(params["absent and secret"])


def left_behind(_params: Any, _file: BinaryIO, give: Give) -> None:
    seen = hasattr(sys, "left_behind")
    sys.left_behind = True  # type: ignore[attr-defined]
    give(seen)
