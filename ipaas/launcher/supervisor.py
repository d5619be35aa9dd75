"""Starts programs, keeps them running, stops them in order. One thread, woken by signals only."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ipaas.launcher.console import complain, tail_of
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.kernel import (
    die_with_parent,
    reap_strangers,
    signal_group,
    signal_name,
    signal_process,
    start_ticks,
)
from ipaas.launcher.logfiles import open_log, rotate_if_large
from ipaas.launcher.preload import Adopted, Forks
from ipaas.launcher.program import Program
from ipaas.launcher.state import ProcessState
from ipaas.launcher.watchdog import Watchdog

FIRST_DELAY_S, LAST_DELAY_S = 0.25, 30.0
HEALTHY_AFTER_S = 20.0
LOUD_AT = 3
LOG_CHECK_S = 60.0
PROBE_S = 0.05


Running = subprocess.Popen[bytes] | Adopted


class StopRequested(BaseException):
    """Somebody asked the supervisor to stop while it was still starting."""


@dataclass
class Child:
    """A program under supervision, and its process if it has one."""

    program: Program
    process: Running | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0
    restarts: int = 0
    last_exit: str | None = None

    @property
    def state(self) -> ProcessState:
        if self.process is None:
            word = "failing" if self.failures >= LOUD_AT else "restarting"
            return ProcessState(None, None, word, self.restarts, self.last_exit)
        pid = self.process.pid
        return ProcessState(pid, start_ticks(pid), "running", self.restarts, self.last_exit)


def restart_delay(failures: int) -> float:
    """Seconds until the next try after that many quick ends in a row; grows to half a minute."""
    return float(min(LAST_DELAY_S, FIRST_DELAY_S * 2 ** max(0, failures - 1)))


class Supervisor:
    """Use as a context manager: leaving it stops everything that it started."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self.children: dict[str, Child] = {}
        self.stop_requested = False
        self.on_change = on_change
        self._forks: Forks | None = None
        self._once: set[int] = set()
        self._stopping = False
        self._impatient = False

    def __enter__(self) -> "Supervisor":
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._watchdog = Watchdog.start()
        self._old_wakeup = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._old_handlers = {
            number: signal.signal(number, self._note)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
        }
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop_all()
        if self._forks is not None:
            self._forks.close()
        self._watchdog.dismiss()
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        os.close(self._wake)
        os.close(self._waker)

    @property
    def has_preloaded(self) -> bool:
        """Whether programs can be forked from the one that preloads."""
        return self._forks is not None and self._forks.is_ready

    def start(self, program: Program) -> Child:
        """Run a program from now on; when it ends it is started again, later each time."""
        child = self.children[program.name] = Child(program)
        self._spawn(child)
        return child

    def wait_ready(self, names: Iterable[str], timeout_s: float) -> list[str]:
        """Wait for the probes of programs; the names of those that are not ready in time, or keep ending."""
        waiting = {name for name in names if self.children[name].program.probe is not None}
        deadline = time.monotonic() + timeout_s
        while waiting and time.monotonic() < deadline:
            self.pause(PROBE_S)
            for name in list(waiting):
                child = self.children[name]
                probe = child.program.probe
                if child.failures >= LOUD_AT or probe is None:
                    return sorted(waiting)
                if child.process is not None and probe():
                    waiting.discard(name)
        return sorted(waiting)

    def run_once(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path, forked: bool = False
    ) -> None:
        """Run something to its end while the others are kept alive; its output goes to a log and into the error."""
        process = self._start(Program("", tuple(argv), log, cwd, 0, env, forked=forked))
        self._once.add(process.pid)
        self._watchdog.add(process.pid, 1, signal.SIGTERM)
        try:
            while process.poll() is None:
                self.pause(1.0)
        finally:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
            self._once.discard(process.pid)
            self._watchdog.remove(process.pid)
        if process.returncode:
            tail = "\n".join(f"      {line}" for line in tail_of(log, 15))
            raise LauncherError(f"{' '.join(argv[1:4])} {signal_name(process.returncode or 0)}; see {log}:\n{tail}")

    def serve(self) -> None:
        """Keep everything running until somebody asks to stop."""
        try:
            while True:
                self.pause(LOG_CHECK_S)
                for child in self.children.values():
                    rotate_if_large(child.program.log)
        except StopRequested:
            return

    def pause(self, seconds: float) -> None:
        """Wait for a signal or for that time, then look after the children."""
        due = [child.due_at for child in self.children.values() if child.process is None]
        until = min([seconds, *(max(0.0, moment - time.monotonic()) for moment in due)])
        self._sleep(until)
        if self.stop_requested and not self._stopping:
            raise StopRequested
        self._look_after()

    def stop_all(self) -> None:
        """Stop stage by stage; a second request to stop, or an overdue program, is answered with SIGKILL."""
        self._stopping = True
        for stage in sorted({child.program.stage for child in self.children.values()}):
            self._stop([child for child in self.children.values() if child.program.stage == stage])
        self.children.clear()

    def _stop(self, children: list[Child]) -> None:
        alive = [child for child in children if child.process is not None]
        for child in alive:
            self._signal(child, child.program.stop_signal)
        begun = time.monotonic()
        while waiting := [child for child in alive if child.process is not None and child.process.poll() is None]:
            self._sleep(0.5)
            for child in waiting:
                if self._impatient or time.monotonic() - begun > child.program.stop_timeout_s:
                    complain(f"  ! {child.program.name} does not stop; killing it")
                    self._signal(child, signal.SIGKILL)
        for child in alive:
            self._bury(child)

    def _signal(self, child: Child, number: int) -> None:
        if child.process is not None:
            signal_process(child.process.pid, number)

    def _sleep(self, seconds: float) -> None:
        ready, _, _ = select.select([self._wake], [], [], seconds)
        if ready:
            os.read(self._wake, 4096)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGCHLD:
            return
        if self._stopping and number == signal.SIGINT:
            self._impatient = True
        self.stop_requested = True

    def _look_after(self) -> None:
        self._ensure_watchdog()
        for child in self.children.values():
            if child.process is not None and child.process.poll() is not None:
                self._ended(child)
            elif child.process is None and time.monotonic() >= child.due_at:
                child.restarts += 1
                self._spawn(child)
        reap_strangers({self._watchdog.pid, *self._once, *self._pids()})

    def _pids(self) -> list[int]:
        return [child.process.pid for child in self.children.values() if child.process is not None]

    def _ended(self, child: Child) -> None:
        process = child.process
        assert process is not None  # noqa: S101 - the caller has looked
        healthy = time.monotonic() - child.started_at >= HEALTHY_AFTER_S
        child.failures = 1 if healthy else child.failures + 1
        child.last_exit = signal_name(process.returncode or 0)
        self._bury(child)
        delay = restart_delay(child.failures)
        child.due_at = time.monotonic() + delay
        if child.failures <= LOUD_AT + 2 or child.failures % 10 == 0:
            complain(f"  ! {child.program.name} {child.last_exit}; starting it again in {delay:g} s")
        if child.failures == LOUD_AT:
            lines = "\n".join(f"      {line}" for line in tail_of(child.program.log))
            complain(f"    It keeps ending. The end of {child.program.log}:\n{lines}")
        self.on_change()

    def _bury(self, child: Child) -> None:
        """Take leave of an ended process, and of whatever is left of its process group."""
        if child.process is not None:
            signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
            self._watchdog.remove(child.process.pid)
            child.process = None

    def _spawn(self, child: Child) -> None:
        try:
            child.process = self._start(child.program)
        except OSError as error:
            raise LauncherError(f"Cannot start {child.program.argv[0]}: {error.strerror}") from error
        child.started_at = time.monotonic()
        self._watchdog.add(child.process.pid, child.program.stage, child.program.stop_signal)
        self.on_change()

    def _start(self, program: Program) -> Running:
        if program.forked and self._forks is not None and (found := self._forks.fork(program)) is not None:
            return found
        if not program.preloads:
            return self._popen(program, subprocess.DEVNULL)
        if self._forks is not None:
            self._forks.close()
        ours, theirs = Forks.pair()
        with theirs:
            process = self._popen(program, theirs.fileno())
        self._forks = Forks(process.pid, ours)
        return process

    def _popen(self, program: Program, stdin: int) -> subprocess.Popen[bytes]:
        parent = os.getpid()

        def prepare() -> None:
            os.umask(0o077)
            program.identity.become()
            die_with_parent(parent, program.stop_signal)

        with open_log(program.log) as log:
            return subprocess.Popen(
                program.argv,
                cwd=program.cwd,
                env=dict(program.env),
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=prepare,  # noqa: PLW1509 - this process has a single thread
            )

    def _ensure_watchdog(self) -> None:
        ended, _ = os.waitpid(self._watchdog.pid, os.WNOHANG)
        if not ended:
            return
        os.close(self._watchdog.pipe)
        self._watchdog = Watchdog.start()
        for child in self.children.values():
            if child.process is not None:
                self._watchdog.add(child.process.pid, child.program.stage, child.program.stop_signal)
