"""Asking for work in a process apart."""

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

from ipaas.core import jsonio
from ipaas.core.apart.child import BYTES, END, ERROR, HEAD, MAX_ORDER, VALUE
from ipaas.core.errors import ErrorClass, IpaasError

_ROOT = Path(__file__).resolve().parents[3]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from ipaas.core.apart.child import main; main()"
MOST_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
START_S = 30.0
Give = Callable[[Any], None]
"""How work hands over a JSON value, or bytes."""
MAX_FRAME = 96 * 1024 * 1024
_ANSWER = jsonio.JsonLimits(max_bytes=MAX_FRAME, max_depth=256, max_keys=4_000_000, max_string=MAX_FRAME)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take: memory on top of the interpreter, time of the processor, time altogether, and output.

    ``readable`` are folders that the work may read besides the installation's own code.
    """

    memory_bytes: int = 512 * 1024 * 1024
    cpu_s: int = 30
    wall_s: float = 60.0
    output_bytes: int = 512 * 1024 * 1024
    readable: Sequence[str] = ()


class ApartLimit(IpaasError):
    """The work takes more than {memory_mb} MB of memory, {cpu_s} s of the processor or {wall_s} s altogether."""

    status = 422
    code = "apart.limit"
    title = "Too much work"
    remedy = "Divide the input, or make it simpler."
    error_class: ClassVar[ErrorClass] = ErrorClass.CONTRACT_VIOLATION


class ApartBusy(IpaasError):
    """All processes for bounded work are busy."""

    status = 503
    code = "apart.busy"
    title = "Busy"
    remedy = "Try again in a moment."
    error_class: ClassVar[ErrorClass] = ErrorClass.TRANSIENT


class ApartFailed(IpaasError):
    """The bounded process failed: {name} at {place}."""

    status = 500
    code = "apart.failed"
    title = "Bounded work failed"
    remedy = "This is a fault of the program; report it with the class and the place."
    error_class: ClassVar[ErrorClass] = ErrorClass.INTERNAL


class Refused(Exception):
    """The work ended with an error of its own: its class by name, and its fields."""

    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        super().__init__(name)
        self.name, self.fields = name, fields


def answer(
    task: str,
    params: Any = None,
    source: bytes | BinaryIO = b"",
    limits: Limits | None = None,
    *,
    helper: str = "",
    loads: Sequence[str] = (),
) -> Any:
    """The one value that a task gives; raises what ``frames`` raises."""
    (found,) = frames(task, params, source, limits, helper=helper, loads=loads)
    return found


def frames(
    task: str,
    params: Any = None,
    source: bytes | BinaryIO = b"",
    limits: Limits | None = None,
    *,
    helper: str = "",
    loads: Sequence[str] = (),
) -> Iterator[Any]:
    """What ``package.module:function`` gives for ``(params, file, give)``, as it is made; closing the iterator ends it.

    A file is read from its beginning by its descriptor, without a copy. Calls of one ``helper`` share what it has
    loaded: the task's module and ``loads``. Raises Refused for an error of the task's own, ApartLimit, ApartBusy and
    ApartFailed.
    """
    limits = limits or Limits()
    if not _slots.acquire(timeout=limits.wall_s):
        raise ApartBusy
    try:
        call = _begun(helper, _order(task, params, limits, loads), source)
        try:
            yield from _followed(call, limits, time.monotonic() + limits.wall_s)
        finally:
            call.end()
    finally:
        _slots.release()


# -- one call ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Call:
    line: socket.socket
    process: int
    """A descriptor of the process, by which it is ended; -1 before it has introduced itself."""
    buffer: bytearray = field(default_factory=bytearray)

    def end(self) -> None:
        self.line.close()
        if self.process >= 0:
            try:
                signal.pidfd_send_signal(self.process, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has ended
            finally:
                os.close(self.process)
                self.process = -1

    def read(self, size: int, stop: float) -> bytes:
        """That many bytes, fewer when the other side has ended. Raises TimeoutError."""
        while len(self.buffer) < size:
            left = stop - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.line.settimeout(left)
            chunk = self.line.recv(1 << 18)
            if not chunk:
                break
            self.buffer += chunk
        found = bytes(self.buffer[:size])
        del self.buffer[:size]
        return found


def _order(task: str, params: Any, limits: Limits, loads: Sequence[str]) -> bytes:
    order = {
        "task": task,
        "params": params,
        "memory_bytes": limits.memory_bytes,
        "cpu_s": limits.cpu_s,
        "readable": list(limits.readable),
        "loads": list(loads),
    }
    message = jsonio.dumps(order)
    if len(message) > MAX_ORDER:
        raise ApartFailed(name="params that belong into the source", place="order")
    return message


def _begun(helper: str, message: bytes, source: bytes | BinaryIO) -> _Call:
    with _opened(source) as file:
        for _ in range(3):  # a helper that was idle may have ended just now
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            used = _helper(helper).send(message, [theirs.fileno(), file.fileno()])
            theirs.close()
            process = _introduced(ours)
            if process >= 0:
                return _Call(ours, process)
            ours.close()
            _helper(helper).end(used)
    raise ApartFailed(name="no helper", place="start")


def _introduced(line: socket.socket) -> int:
    """The new process, -1 where there is none. Loading what it needs comes first."""
    ready, _, _ = select.select([line], [], [], START_S)
    if not ready:
        return -1
    _, fds, _, _ = socket.recv_fds(line, 1, 1)
    return fds[0] if fds else -1


def _followed(call: _Call, limits: Limits, stop: float) -> Iterator[Any]:
    taken = 0
    try:
        while True:
            head = call.read(HEAD.size, stop)
            if len(head) < HEAD.size:
                raise _too_much(limits)
            kind, size = HEAD.unpack(head)
            taken += size
            if size > MAX_FRAME or taken > limits.output_bytes:
                raise _too_much(limits)
            content = call.read(size, stop)
            if len(content) < size:
                raise _too_much(limits)
            if kind == END:
                return
            if kind == ERROR:
                raise _error(jsonio.loads(content, limits=_ANSWER), limits)
            if kind == BYTES:
                yield content
            elif kind == VALUE:
                yield jsonio.loads(content, limits=_ANSWER)
            else:
                raise ApartFailed(name="an unknown frame", place="output")
    except (TimeoutError, ConnectionError) as error:
        raise _too_much(limits) from error


def _error(told: dict[str, Any], limits: Limits) -> Exception:
    if told["error"] == "MemoryError":
        return _too_much(limits)
    if told["foreseen"]:
        return Refused(told["error"], told["fields"])
    return ApartFailed(name=told["error"], place=told["place"])


def _too_much(limits: Limits) -> ApartLimit:
    return ApartLimit(memory_mb=limits.memory_bytes >> 20, cpu_s=limits.cpu_s, wall_s=f"{limits.wall_s:g}")


class _opened:  # noqa: N801 - a context manager
    """The source as a file with a descriptor: bytes in memory that has a name for nobody."""

    def __init__(self, source: bytes | BinaryIO) -> None:
        self._source, self._made = source, isinstance(source, bytes)

    def __enter__(self) -> BinaryIO:
        if isinstance(self._source, bytes):
            file: BinaryIO = os.fdopen(os.memfd_create("input"), "w+b")
            file.write(self._source)
        else:
            file = self._source
        self._source = file
        file.flush()
        file.seek(0)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        return file

    def __exit__(self, *_error: object) -> None:
        if self._made and not isinstance(self._source, bytes):
            self._source.close()


# -- helpers -------------------------------------------------------------------------------------------------------


class _Helper:
    """The line to one helper, started when it is first needed and again when it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def send(self, message: bytes, fds: Sequence[int]) -> int:
        """Hand over an order; gives which helper has it."""
        with self._lock:
            if self._line is None or self._process is None or self._process.poll() is not None:
                self._start()
            for _ in range(2):
                try:
                    socket.send_fds(cast("socket.socket", self._line), [message], fds)
                except OSError:  # it is just ending
                    self._start()
                else:
                    break
            return cast("subprocess.Popen[bytes]", self._process).pid

    def end(self, used: int) -> None:
        """End a helper that did not do what it was told, unless another one has its place already."""
        with self._lock:
            if self._process is not None and self._process.pid == used:
                self.close()

    def _start(self) -> None:
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, without a shell
                [sys.executable, "-I", "-c", _START, str(_ROOT)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        self._line = ours

    def close(self) -> None:
        """Let it end; what it is working on ends with it."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._line = self._process = None


_slots = threading.BoundedSemaphore(MOST_AT_ONCE)
_helpers: dict[str, _Helper] = {}
_helpers_lock = threading.Lock()


def _helper(name: str) -> _Helper:
    with _helpers_lock:
        return _helpers.setdefault(name, _Helper())


def _forget() -> None:
    """In a forked process: the helpers are its parent's."""
    global _slots, _helpers, _helpers_lock
    for known in _helpers.values():
        if known._line is not None:  # noqa: SLF001
            known._line.close()  # noqa: SLF001
    _slots, _helpers, _helpers_lock = threading.BoundedSemaphore(MOST_AT_ONCE), {}, threading.Lock()


os.register_at_fork(after_in_child=_forget)


@atexit.register
def _end_all() -> None:
    for known in _helpers.values():
        known.close()
