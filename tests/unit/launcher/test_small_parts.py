"""Keys, state, logs, ports, the front end's record, arguments."""

import base64
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ipaas.launcher import doctor, frontend
from ipaas.launcher.binaries import check_runs
from ipaas.launcher.cli import main
from ipaas.launcher.console import run_quietly, tail_of
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.kernel import memory_bytes, signal_name, start_ticks
from ipaas.launcher.keys import ensure_keys, ensure_password
from ipaas.launcher.layout import ROOT
from ipaas.launcher.logfiles import rotate_if_large
from ipaas.launcher.ports import holder_of, is_free, reachable_host
from ipaas.launcher.state import ProcessState, State, running
from ipaas.launcher.supervisor import restart_delay
from ipaas.launcher.testing import pytest_arguments


def test_keys_are_private_and_made_once(tmp_path: Path) -> None:
    ensure_keys(tmp_path / "keys")
    first = {path.name: path.read_text() for path in (tmp_path / "keys").iterdir()}
    ensure_keys(tmp_path / "keys")

    assert {path.name: path.read_text() for path in (tmp_path / "keys").iterdir()} == first
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}
    kek = json.loads(first["kek.json"])
    assert kek["current"] == 1
    assert len(base64.b64decode(kek["keys"]["1"])) == 32


def test_passwords_differ_and_stay(tmp_path: Path) -> None:
    one, other = ensure_password(tmp_path, "one"), ensure_password(tmp_path, "other")

    assert one != other
    assert ensure_password(tmp_path, "one") == one


def test_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    me = ProcessState(os.getpid(), start_ticks(os.getpid()), "running")
    state = State(me, {"IPAAS_PORT": "8000"}, {"pages": "http://127.0.0.1:8000/"}, {"postgres": "18"}, {"web": me})
    state.write(tmp_path / "state.json")

    assert running(tmp_path / "state.json") == state
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"supervisor": {"pid": 1, "colour": "red"}}'])
def test_damaged_state_means_that_nothing_runs(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "state.json").write_text(text)

    assert running(tmp_path / "state.json") is None


def test_later_process_with_the_same_pid_is_not_taken_for_ours() -> None:
    ticks = start_ticks(os.getpid())
    assert ticks is not None

    assert ProcessState(os.getpid(), ticks).alive
    assert not ProcessState(os.getpid(), ticks - 1).alive


def test_restarts_come_later_each_time_up_to_a_cap() -> None:
    assert [restart_delay(failures) for failures in (0, 1, 2, 3, 8, 9, 1000)] == [
        0.25,
        0.25,
        0.5,
        1.0,
        30.0,
        30.0,
        30.0,
    ]


def test_large_log_is_moved_aside_while_the_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"first\n")
        assert not rotate_if_large(log, limit=100)
        assert rotate_if_large(log, limit=3)
        writer.write(b"second\n")

    assert (log.read_bytes(), (tmp_path / "web.log.1").read_bytes()) == (b"second\n", b"first\n")


def test_listening_port_has_a_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert not is_free("127.0.0.1", port)
        assert f"(pid {os.getpid()})" in (holder_of(port) or "")
    assert is_free("127.0.0.1", port)


def test_address_of_no_interface_is_a_plain_error() -> None:
    with pytest.raises(LauncherError, match=r"Cannot listen on 192\.0\.2\.1"):
        is_free("192.0.2.1", 8000)


def test_server_on_all_addresses_is_called_by_loopback() -> None:
    assert [reachable_host(host) for host in ("0.0.0.0", "::", "10.0.0.1")] == ["127.0.0.1", "::1", "10.0.0.1"]


def test_front_end_counts_as_built_until_an_input_changes(tmp_path: Path) -> None:
    (tmp_path / "static" / "src").mkdir(parents=True)
    (tmp_path / "static" / "dist").mkdir()
    for name in ("package.json", "build.mjs", "static/src/app.js"):
        (tmp_path / name).write_text("1")
    assert not frontend.is_built(tmp_path)
    (tmp_path / "static" / "dist" / ".inputs").write_text(frontend.content_hash(tmp_path, frontend.SOURCES))
    assert frontend.is_built(tmp_path)

    (tmp_path / "static" / "src" / "app.js").write_text("2")
    assert not frontend.is_built(tmp_path)


def test_tree_without_a_front_end_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frontend.ensure_frontend(tmp_path)

    assert "no front end to build" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("full", "extra", "expected"),
    [
        (False, [], ["-n", "2", "--dist", "loadfile"]),
        (True, [], ["-n", "2", "--dist", "loadfile", "--full"]),
        (False, ["-n0", "tests/unit"], ["-n0", "tests/unit"]),
        (False, ["-k", "vault"], ["-n", "2", "--dist", "loadfile", "-k", "vault"]),
    ],
)
def test_pytest_runs_in_parallel_unless_told_otherwise(full: bool, extra: list[str], expected: list[str]) -> None:
    assert pytest_arguments(full=full, extra=extra) == ["-p", "no:cacheprovider", *expected]


def test_program_that_cannot_run_names_the_way_out(tmp_path: Path) -> None:
    broken = tmp_path / "postgres"
    broken.write_bytes(b"not a program")
    broken.chmod(0o755)

    with pytest.raises(LauncherError, match="DATABASE_URL"):
        check_runs([broken, "--version"])


def test_failing_tool_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match=r"(?s)ended with code 3.*the reason"):
        run_quietly(["/bin/sh", "-c", "echo the reason; exit 3"], cwd=tmp_path)


def test_tail_of_nothing_is_nothing(tmp_path: Path) -> None:
    assert tail_of(tmp_path / "none.log") == []


def test_ends_are_told_in_words() -> None:
    assert [signal_name(code) for code in (-9, 0, 2)] == ["killed by SIGKILL", "ended with code 0", "ended with code 2"]


def test_memory_of_this_process_is_seen() -> None:
    assert memory_bytes(os.getpid()) > 1_000_000


def test_key_that_others_can_read_is_found(tmp_path: Path) -> None:
    ensure_keys(tmp_path)
    (tmp_path / "kek.json").chmod(0o644)

    findings = {finding.subject: finding.remedy for finding in doctor._keys(tmp_path)}

    assert findings == {"keys/kek.json": f"chmod 600 {tmp_path / 'kek.json'}", "keys/secret_key": None}


def test_port_of_another_program_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("IPAAS_PORT", str(server.getsockname()[1]))
        finding = next(iter(doctor._ports(None)))

    assert f"(pid {os.getpid()})" in finding.text
    assert finding.remedy == "Stop it, or set IPAAS_PORT to another port."


def test_status_of_nothing_says_how_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IPAAS_HOME", str(tmp_path))

    assert main(["manage.py", "status"]) == 3
    assert "manage.py up" in capsys.readouterr().out


def test_down_of_nothing_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPAAS_HOME", str(tmp_path))

    assert main(["manage.py", "down"]) == 0


def test_unknown_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["manage.py", "up", "--demoo"])

    assert ended.value.code == 2
    assert "--demoo" in capsys.readouterr().err


def test_the_doctor_looks_at_the_ports_of_the_running_instance() -> None:
    with socket.socket() as one, socket.socket() as other:
        for taken in (one, other):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
        ports = {"IPAAS_PORT": str(one.getsockname()[1]), "IPAAS_INGRESS_PORT": str(other.getsockname()[1])}
        state = State(ProcessState(), ports)
        assert [finding.remedy for finding in doctor._ports(state)] == [None, None]


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    told = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "status"],
        stdout=writing, stderr=subprocess.PIPE, env={**os.environ, "IPAAS_HOME": str(tmp_path)}, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (told.returncode, told.stderr) == (141, b"")
