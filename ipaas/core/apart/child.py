"""The helper that is forked for each call, and what its children do. Started by ``calls``, and by nothing else."""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import struct
import traceback
from enum import StrEnum
from typing import Any

from ipaas.core import jsonio
from ipaas.core.apart import confinement

IDLE_S = 120.0
HEAD = struct.Struct(">cI")
VALUE, BYTES, ERROR, END = b"J", b"B", b"E", b"."
MAX_ORDER = 128 * 1024
MAX_TOLD = 2000


def serve(line: socket.socket) -> None:
    """Fork a child for each order until the line is closed, or nothing was asked for a while. Returns in children."""
    gc.disable()
    while True:
        readable, _, _ = select.select([line], [], [], IDLE_S)
        if not readable:
            if _has_children():
                continue
            return
        order, fds, _, _ = socket.recv_fds(line, MAX_ORDER, 4)
        if not order:
            return
        _has_children()
        told = jsonio.loads(order)
        function = _loaded(told["task"], told["loads"])
        gc.freeze()
        helper = os.getpid()
        if os.fork() == 0:
            line.close()
            _run(told, function, fds, helper)
        for fd in fds:
            os.close(fd)


def _has_children() -> bool:
    """Take leave of those that ended; whether there are others."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _loaded(task: str, others: list[str]) -> Any:
    """The function to run, or what went wrong with loading it, for the child to tell.

    What else it will import is loaded as well, once for all children; where that fails it fails again in the child.
    """
    module, _, name = task.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:
        return error
    for other in others:
        with contextlib.suppress(ImportError):
            importlib.import_module(other)
    return function


def _run(told: dict[str, Any], function: Any, fds: list[int], helper: int) -> None:
    """One call, from the first word to the last; does not return."""
    status = 1
    out, source = fds[0], fds[1]
    with contextlib.suppress(BrokenPipeError, ConnectionError):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        confinement.end_with(helper)
        _introduce(out)
        try:
            if isinstance(function, Exception):
                raise function
            confinement.limit(told["memory_bytes"], told["cpu_s"])
            confinement.confine(told["readable"])
            gc.enable()
            with os.fdopen(source, "rb", closefd=False) as file:
                function(told["params"], file, lambda one: _give(out, one))
            _write(out, END, b"")
            status = 0
        except BaseException as error:
            _write(out, ERROR, _described(error))
    os._exit(status)


def _introduce(out: int) -> None:
    """Hand over what the caller can end this process by."""
    with socket.socket(fileno=os.dup(out)) as line:
        mine = os.pidfd_open(os.getpid())
        socket.send_fds(line, [b"+"], [mine])
        os.close(mine)


def _give(out: int, one: Any) -> None:
    if isinstance(one, bytes | bytearray | memoryview):
        _write(out, BYTES, bytes(one))
    else:
        _write(out, VALUE, jsonio.dumps(one))


def _write(out: int, kind: bytes, content: bytes) -> None:
    left = memoryview(HEAD.pack(kind, len(content)) + content)
    while left:
        left = left[os.write(out, left) :]


def _described(error: BaseException) -> bytes:
    """An error's class and its own fields; of one that nobody foresaw its class and place, never its text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    fields = {}
    for name, value in vars(error).items() if hasattr(error, "params") else ():
        value = str(value) if isinstance(value, StrEnum) else value
        with contextlib.suppress(TypeError, ValueError):
            jsonio.dumps(value)
            fields[name] = value
    name = "MemoryError" if isinstance(error, MemoryError) else type(error).__name__
    return jsonio.dumps({"error": name, "fields": fields, "place": place, "foreseen": hasattr(error, "params")})


def main() -> None:
    """The line to the process that asks is standard input."""
    line = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # children hold no end of the line
    os.close(nothing)
    serve(line)
