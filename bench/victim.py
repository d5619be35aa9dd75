"""A whole instance of the product in a home of its own, for programs that measure it or break it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ipaas.launcher.kernel import group_members, signal_group, signal_process
from ipaas.launcher.layout import ROOT
from ipaas.launcher.state import ProcessState, State

READY_S, STOP_S, LOOK_S = 180.0, 120.0, 0.02


class InstanceFailed(Exception):
    """The instance did not do what it was started for; the message names its log."""


@dataclass
class Instance:
    """``python3 manage.py up`` on free ports, with further ``words``."""

    home: Path
    port: int
    ingress_port: int
    words: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0
    started_s: float = 0.0

    @property
    def log(self) -> Path:
        return self.home.parent / "up.log"

    @property
    def state(self) -> State:
        """As the supervisor wrote it last."""
        found = State.read(self.home / "state.json")
        if found is None:
            raise InstanceFailed(f"There is no state of the instance; see {self.log}.")
        return found

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it and wait until everything is ready, the demo installed."""
        self.starts += 1
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *self.words],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ready = lambda: self.log.read_text(errors="replace").count("Ctrl-C stops everything.") >= self.starts  # noqa: E731
        wait_until(lambda: ready() or not self.alive, f"ready; see {self.log}", READY_S)
        if not self.alive:
            raise InstanceFailed(f"The instance ended while it started; see {self.log}.")
        self.started_s = time.monotonic() - begun

    def stop(self) -> None:
        """Stop it, as Ctrl-C does."""
        if self.process is not None and self.alive:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                raise InstanceFailed(f"The instance does not stop; see {self.log}.") from None

    def kill_supervisor(self) -> None:
        """Kill the supervisor, wait until nothing of the instance is left, and start it again."""
        groups = self.groups()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        wait_until(lambda: not any(map(group_members, groups)), "no orphans of a killed supervisor", STOP_S)
        self.start()

    def groups(self) -> list[int]:
        """Process groups of all that it runs."""
        return [one.pid for one in self.state.processes.values() if one.pid is not None and one.alive]

    def process_of(self, name: str) -> ProcessState:
        return self.state.processes[name]

    def sweep(self) -> None:
        """Leave nothing behind, however the caller ended."""
        state = State.read(self.home / "state.json")
        self_made = [] if state is None else [one for one in state.processes.values() if one.alive]
        if self.process is not None and self.alive:
            self.process.kill()
            self.process.wait()
        for one in self_made:
            if one.pid is not None and one.alive:
                signal_group(one.pid, signal.SIGKILL)

    @property
    def environment(self) -> dict[str, str]:
        """The caller's environment without a single setting of the product, then this instance's."""
        outside = ("IPAAS_", "PYTEST_", "COV_", "DJANGO_", "DATABASE_URL", "REDIS_URL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
        ports = {"IPAAS_PORT": str(self.port), "IPAAS_INGRESS_PORT": str(self.ingress_port)}
        return {**kept, **ports, **self.settings, "IPAAS_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}


@contextmanager
def instance(
    *words: str,
    keep: Callable[[], bool] = lambda: False,
    prepare: Callable[[Instance], None] = lambda _: None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Instance]:
    """An instance that runs; its folder is removed afterwards unless ``keep`` says otherwise.

    ``words`` go to ``up``, ``settings`` into its environment; ``prepare`` may lay out its home before.
    """
    folder = Path(tempfile.mkdtemp(prefix="ipaas-chaos-"))
    folder.chmod(0o711)  # the servers' own user must pass through it
    found = Instance(folder / "home", free_port(), free_port(), words, settings or {})
    whole = False
    try:
        prepare(found)
        found.start()
        yield found
        found.stop()
        whole = True
    finally:
        found.sweep()
        if whole and not keep():
            shutil.rmtree(folder)


def kill(pid: int) -> bool:
    """``kill -9``; False when it was gone already."""
    return signal_process(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float) -> None:
    """Look again and again; raises InstanceFailed when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise InstanceFailed(f"not within {timeout_s:g} s: {what}")
        time.sleep(LOOK_S)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
