"""A process that loads the product once and from which the others are forked: they share what it has loaded.

``Forks`` is the supervisor's end of the line to it. What is forked becomes the supervisor's own child, so that
everything else about it is as if it had been started in the usual way; which also happens whenever the line is down.

``python -m ipaas.launcher.preload MODULE[:FUNCTION]…`` is the other end, on its standard input: told to, it forks a
child that forks the program and ends, whereby the kernel hands the program to the supervisor (a "child subreaper").
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time

from ipaas.launcher.kernel import adopt_orphans, die_with_parent, signal_process, take_name
from ipaas.launcher.logfiles import open_log
from ipaas.launcher.program import Program

READY = b"ready"
FORK_S = 10.0
ADOPTION_S = 5.0


class Adopted:
    """A forked program, for its supervisor; the part of ``subprocess.Popen`` that a supervisor uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._wait(os.WNOHANG)

    def wait(self) -> int:
        return self._wait(0) or 0

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            found, status = os.waitpid(self.pid, options)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class Forks:
    """The line to a preloading process, made anew with each start of it."""

    def __init__(self, pid: int, line: socket.socket) -> None:
        self._pid, self._line = pid, line
        self._loaded = False

    @staticmethod
    def pair() -> tuple[socket.socket, socket.socket]:
        adopt_orphans()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return ours, theirs

    def close(self) -> None:
        self._line.close()

    @property
    def is_ready(self) -> bool:
        if not self._loaded:
            self._loaded = self._answer(0.0) == READY
        return self._loaded

    def fork(self, program: Program) -> Adopted | None:
        """Start a program; None when it has to be started in the usual way."""
        if not self.is_ready:
            return None
        order = {
            "name": f"ipaas-{program.name}",
            "argv": program.argv[1:],
            "cwd": str(program.cwd),
            "signal": int(program.stop_signal),
        }
        with open_log(program.log) as log, contextlib.suppress(OSError):
            socket.send_fds(self._line, [json.dumps(order).encode()], [log.fileno()])
        answer = self._answer(FORK_S)
        if not answer:  # whoever is still on the line ends it, and may have something to say before
            self._loaded = False
            signal_process(self._pid, signal.SIGKILL)
            answer = self._answer(FORK_S)
        return Adopted(int(answer)) if answer else None

    def _answer(self, timeout_s: float) -> bytes:
        """What comes within a time; nothing when the line is down."""
        try:
            ready, _, _ = select.select([self._line], [], [], timeout_s)
            return self._line.recv(64) if ready else b""
        except OSError:
            return b""


def serve(line: socket.socket, supervisor: int) -> list[str]:
    """Fork for as long as the supervisor lives. Returns in each program, with what it is to run."""
    line.send(READY)
    while True:
        order, fds, _, _ = socket.recv_fds(line, 65536, 1)
        if not order:
            os._exit(0)
        between = os.fork()
        if between == 0:
            told = json.loads(order)
            if os.fork() != 0:
                os._exit(0)
            _become(told, fds[0], supervisor)
            line.send(str(os.getpid()).encode())  # now that the supervisor is its parent
            line.close()
            return list(told["argv"])
        os.waitpid(between, 0)
        os.close(fds[0])


def _become(told: dict[str, object], log: int, supervisor: int) -> None:
    """Everything that a program started in the usual way gets from its supervisor."""
    os.setsid()
    take_name(str(told["name"]))
    deadline = time.monotonic() + ADOPTION_S
    while os.getppid() != supervisor and time.monotonic() < deadline:
        time.sleep(0.001)  # until the one between has ended
    die_with_parent(supervisor, int(str(told["signal"])))
    os.chdir(str(told["cwd"]))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)


def main(modules: list[str]) -> None:
    """Load, wait, and in a forked process run what the supervisor asked for as ``python -m`` would."""
    supervisor = os.getppid()
    line = socket.socket(fileno=os.dup(0))
    gc.disable()  # what a collection frees here, the forked would fill, each in a copy of its own
    for word in modules:
        module, _, function = word.partition(":")
        found = importlib.import_module(module)
        if function:
            getattr(found, function)()
    if threading.active_count() > 1:
        raise RuntimeError([thread.name for thread in threading.enumerate()])  # a fork would lose them
    gc.freeze()  # nor does a collection of theirs walk over what is shared
    flag, module, *arguments = serve(line, supervisor)
    gc.enable()
    if flag != "-m":
        raise ValueError(flag)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
