"""Real processes with children of their own, killed in every way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ipaas.launcher.kernel import group_members
from ipaas.launcher.layout import ROOT
from tests.integration.launcher.conftest import clean_environment, wait_until

NAMES = ("server", "worker", "door")


@dataclass
class Running:
    folder: Path
    process: subprocess.Popen[bytes]

    def pid(self, name: str) -> int:
        path = self.folder / f"{name}.pid"
        text = path.read_text() if path.exists() else ""
        return int(text) if text else 0

    def pids(self) -> list[int]:
        return [self.pid(name) for name in NAMES]

    def order(self) -> list[str]:
        return (self.folder / "order").read_text().split()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    argv = [sys.executable, "-m", "tests.integration.launcher.supervised", str(tmp_path)]
    with subprocess.Popen(argv, cwd=ROOT, env=clean_environment()) as process:
        found = Running(tmp_path, process)
        wait_until(lambda: all(found.pids()), "all programs have started")
        yield found
        if process.poll() is None:
            process.terminate()


def test_stops_what_accepts_work_first_and_what_it_needs_last(running: Running) -> None:
    pids = running.pids()

    running.process.send_signal(signal.SIGTERM)

    assert running.process.wait(30) == 0
    assert running.order() == ["door", "worker", "server"]
    assert [group_members(pid) for pid in pids] == [[], [], []]


def test_killed_supervisor_leaves_no_orphan(running: Running) -> None:
    pids = running.pids()

    running.process.kill()

    wait_until(lambda: not any(map(group_members, pids)), "every process and its child is gone")


def test_killed_supervisor_and_watchdog_still_end_the_programs(running: Running) -> None:
    pids = running.pids()

    os.kill(running.pid("watchdog"), signal.SIGSTOP)
    running.process.kill()
    os.kill(running.pid("watchdog"), signal.SIGKILL)

    wait_until(lambda: not any(pid in group_members(pid) for pid in pids), "the kernel has told every program")
    for pid in pids:
        for left in group_members(pid):
            os.kill(left, signal.SIGKILL)


def test_killed_program_is_started_again_without_what_was_left_of_it(running: Running) -> None:
    before = running.pid("worker")
    others = (running.pid("server"), running.pid("door"))

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: running.pid("worker") not in {0, before}, "a new worker")
    assert group_members(before) == []
    assert (running.pid("server"), running.pid("door")) == others


def test_killed_watchdog_is_replaced(running: Running) -> None:
    os.kill(running.pid("watchdog"), signal.SIGKILL)
    before = running.pid("worker")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: running.pid("worker") not in {0, before}, "a new worker")
    pids = running.pids()

    running.process.kill()

    wait_until(lambda: not any(map(group_members, pids)), "the new watchdog has stopped everything")
