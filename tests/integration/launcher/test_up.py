"""``up`` as people use it, in a home of its own."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipaas.launcher.kernel import group_members
from ipaas.launcher.layout import ROOT
from ipaas.launcher.ports import answers_http
from ipaas.launcher.state import State
from tests.integration.launcher.conftest import clean_environment, free_port, wait_until


def manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "manage.py", *words]
    return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def instance(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "manage.py", "up", "--no-demo"]
    port = int(environment["IPAAS_PORT"])
    with (
        log.open("ab") as output,
        subprocess.Popen(
            argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process,
    ):
        try:
            wait_until(
                lambda: process.poll() is not None or answers_http("127.0.0.1", port), f"an answer; see {log}", 120
            )
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    ports = {"IPAAS_PORT": str(free_port()), "IPAAS_INGRESS_PORT": str(free_port())}
    return clean_environment(IPAAS_HOME=str(home), **ports)


def test_instance_starts_shows_itself_and_stops(environment: dict[str, str], home: Path, tmp_path: Path) -> None:
    with instance(environment, tmp_path / "log") as process:
        shown = json.loads(manage(environment, "status", "--json").stdout)
        assert {"supervisor", "postgres", "valkey", "web", "ingress", "worker", "scheduler"} <= shown[
            "processes"
        ].keys()
        assert shown["processes"]["web"]["memory_bytes"] > 0
        assert shown["versions"]["postgres"].startswith("18.")

        again = manage(environment, "up", "--no-demo")
        assert again.returncode == 1
        assert "running already" in again.stderr

        checked = manage(environment, "migrate", "--check")
        assert checked.returncode == 0, checked.stderr

        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert not (home / "state.json").exists()
    assert manage(environment, "status").returncode == 3


def test_killed_supervisor_leaves_nothing_and_loses_nothing(
    environment: dict[str, str], home: Path, tmp_path: Path
) -> None:
    with instance(environment, tmp_path / "log") as process:
        state = State.read(home / "state.json")
        assert state is not None
        process.kill()
    pids = [child.pid for child in state.processes.values() if child.pid is not None]

    stopped = manage(environment, "down")
    assert stopped.returncode == 0, stopped.stderr
    assert [group_members(pid) for pid in pids] == [[] for _ in pids]

    with instance(environment, tmp_path / "log"):
        assert manage(environment, "migrate", "--check").returncode == 0
        assert manage(environment, "down").returncode == 0


def test_port_of_another_program_is_named(environment: dict[str, str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = str(server.getsockname()[1])
        refused = manage({**environment, "IPAAS_PORT": taken}, "up")

    assert refused.returncode == 1
    assert f"Port {taken} is used by" in refused.stderr
    assert "set IPAAS_PORT to another port" in refused.stderr


def test_static_files_of_the_pages_are_served(environment: dict[str, str], tmp_path: Path) -> None:
    with instance(environment, tmp_path / "log"):
        manifest = json.loads((ROOT / "staticfiles" / "staticfiles.json").read_text())["paths"]
        name = manifest["dist/app.css"]
        address = f"http://127.0.0.1:{environment['IPAAS_PORT']}/static/{name}"
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
