"""A second process that outlives a killed supervisor just long enough to stop what it started."""

import os
import selectors
import signal
import time
from dataclasses import dataclass, field

from ipaas.launcher.kernel import group_members, signal_group, signal_process

GRACE_S = 8.0
STEP_S = 0.05


@dataclass
class Watchdog:
    """The supervisor's end of the pipe. When the supervisor dies, in whatever way, the other end reads its end."""

    pid: int
    pipe: int
    told: dict[int, str] = field(default_factory=dict)

    @classmethod
    def start(cls) -> "Watchdog":
        """Fork it; call before any thread exists. It inherits the instance's lock and so holds it until it is done."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(writing)
            _watch(reading)
        os.close(reading)
        return cls(pid, writing)

    def add(self, pgid: int, stage: int, stop_signal: int) -> None:
        self._tell(f"+ {pgid} {stage} {int(stop_signal)}\n")

    def remove(self, pgid: int) -> None:
        self._tell(f"- {pgid} 0 0\n")

    def dismiss(self) -> None:
        """End it without anything being stopped; for a supervisor that has stopped everything itself."""
        self._tell("! 0 0 0\n")
        os.close(self.pipe)
        os.waitpid(self.pid, 0)

    def _tell(self, line: str) -> None:
        try:
            os.write(self.pipe, line.encode())
        except BrokenPipeError:
            return  # it was killed; the supervisor notices its end and starts another


def _watch(pipe: int) -> None:
    """The watchdog's whole life: keep the list, and at the end of the pipe stop what is on it."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        stop_groups(_read_list(pipe))
        code = 0
    finally:
        os._exit(code)


def _read_list(pipe: int) -> dict[int, tuple[int, int]]:
    """Process group → (stage, stop signal), as it stands when the supervisor's end closes."""
    known: dict[int, tuple[int, int]] = {}
    with os.fdopen(pipe) as lines:
        for line in lines:
            verb, *numbers = line.split()
            pgid, stage, number = map(int, numbers)
            if verb == "+":
                known[pgid] = (stage, number)
            elif verb == "-":
                known.pop(pgid, None)
            else:
                return {}
    return known


def stop_groups(groups: dict[int, tuple[int, int]]) -> None:
    """Stop process groups stage by stage: their leaders politely, then whatever is left of them."""
    for stage in sorted({stage for stage, _ in groups.values()}):
        members = {pgid: number for pgid, (at, number) in groups.items() if at == stage}
        for pgid, number in members.items():
            signal_process(pgid, number)
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline and any(pgid in group_members(pgid) for pgid in members):
            with selectors.DefaultSelector() as idle:
                idle.select(STEP_S)
        for pgid in members:
            if group_members(pgid):
                signal_group(pgid, signal.SIGKILL)
