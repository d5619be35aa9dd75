"""Programs that are forked from a loaded process are the supervisor's in every way."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ipaas.launcher.kernel import group_members
from ipaas.launcher.layout import ROOT
from tests.integration.launcher.conftest import clean_environment, wait_until


@dataclass
class Running:
    folder: Path
    process: subprocess.Popen[bytes]

    def read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else {}

    @property
    def facts(self) -> dict[str, Any]:
        return self.read("facts")

    def loader(self) -> int:
        return int(self.read("pids").get("preload") or 0)

    def next_after(self, pid: int) -> dict[str, Any]:
        wait_until(lambda: self.facts["pid"] != pid, "a new program")
        return self.facts


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    argv = [sys.executable, "-m", "tests.integration.launcher.preloaded", str(tmp_path)]
    with subprocess.Popen(argv, cwd=ROOT, env=clean_environment()) as process:
        found = Running(tmp_path, process)
        wait_until(lambda: bool(found.facts and found.read("pids").get("one")), "the program has started")
        yield found
        if process.poll() is None:
            process.terminate()


def test_a_forked_program_shares_what_is_loaded_and_is_the_supervisors_own(running: Running) -> None:
    facts = running.facts

    assert facts == {
        "pid": running.read("pids")["one"],
        "parent": running.process.pid,
        "session": facts["pid"],
        "shares": True,
        "name": "ipaas-one",
        "stdin": os.devnull,
    }
    assert (running.folder / "one.log").read_text() == "hello from a program\n"


def test_a_killed_program_is_forked_again(running: Running) -> None:
    before = running.facts["pid"]

    os.kill(before, signal.SIGKILL)

    assert running.next_after(before)["shares"]


def test_programs_outlive_the_process_they_were_forked_from_and_need_it_no_more(running: Running) -> None:
    loader, before = running.loader(), running.facts["pid"]

    os.kill(loader, signal.SIGKILL)
    wait_until(lambda: running.loader() not in {0, loader}, "another loader")
    assert running.facts["pid"] == before
    os.kill(running.loader(), signal.SIGSTOP)  # it will not answer before it has loaded, which it can not
    os.kill(before, signal.SIGKILL)

    assert running.next_after(before)["shares"] is False
    os.kill(running.loader(), signal.SIGCONT)


def test_a_killed_supervisor_takes_them_along(running: Running) -> None:
    pids = [running.loader(), running.facts["pid"]]

    running.process.kill()

    wait_until(lambda: not any(map(group_members, pids)), "nothing is left")


def test_a_stopped_supervisor_has_stopped_them(running: Running) -> None:
    pids = [running.loader(), running.facts["pid"]]

    running.process.terminate()

    assert running.process.wait(30) == 0
    assert [group_members(pid) for pid in pids] == [[], []]
