"""Bounded work: what it can do, what it cannot, and how each bad end is told."""

import io
import os
import threading
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest

from ipaas.core import apart
from ipaas.core.apart import ApartFailed, ApartLimit, Limits, Refused, calls, confinement

TASKS = "tests.unit.core.apart.tasks"


def ask(name: str, params: Any = None, source: Any = b"", **limits: Any) -> list[Any]:
    return list(apart.frames(f"{TASKS}:{name}", params, source, Limits(**limits)))


def test_values_and_bytes_come_back_as_they_are_made() -> None:
    exact, *content = ask("echo", {"n": [1, None, "ä"]}, b"x" * 250_000)
    assert exact == {"n": [1, None, "ä"]}
    assert [len(one) for one in content] == [100_000, 100_000, 50_000]


def test_a_file_is_read_from_its_beginning_wherever_it_stands() -> None:
    with SpooledTemporaryFile() as file:
        file.write(b"content")
        assert ask("echo", 1, file) == [1, b"content"]


def test_a_child_has_no_environment_no_secrets_and_no_way_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    environment, folder = ask("environment")[0]
    assert (set(environment) - {"LC_CTYPE"}, folder) == (set(), "/")
    told = dict(ask("attempts", [str(tmp_path), str(secret)]))
    may_read = set() if confinement.has_landlock() else {"read", "parent"}
    assert {name for name, end in told.items() if end == "done"} <= may_read
    assert secret.read_text() == "s3cret"
    assert os.listdir(tmp_path) == ["secret"]


def test_nothing_of_one_call_is_left_for_the_next() -> None:
    assert [ask("left_behind"), ask("left_behind")] == [[False], [False]]


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("memory", {"memory_bytes": 64 << 20}),
        ("killed", {}),
        ("hung", {"wall_s": 0.3}),
        ("busy", {"wall_s": 20, "cpu_s": 1}),
        ("flood", {"output_bytes": 5_000_000}),
    ],
)
def test_too_much_of_anything_is_one_error_and_ends_the_child(name: str, limits: dict[str, Any]) -> None:
    with pytest.raises(ApartLimit):
        ask(name, **limits)
    assert ask("echo", "still there") == ["still there"]


def test_who_stops_listening_ends_the_child() -> None:
    work = apart.frames(f"{TASKS}:busy")
    pid = next(work)
    descriptor = os.pidfd_open(pid)
    work.close()
    calls.select.select([descriptor], [], [], 10)  # readable when the process has ended
    assert not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text()
    os.close(descriptor)


def test_an_error_of_the_work_comes_back_with_its_fields() -> None:
    work = apart.frames(f"{TASKS}:refused")
    assert next(work) == 1
    with pytest.raises(Refused) as caught:
        next(work)
    assert (caught.value.name, caught.value.fields["params"]) == ("NotFound", {"what": "thing"})


def test_an_unforeseen_error_tells_its_class_and_place_and_never_its_text() -> None:
    with pytest.raises(ApartFailed, match=r"KeyError at tasks\.py:\d+") as caught:
        ask("broken", {})
    assert "secret" not in str(caught.value)
    with pytest.raises(ApartFailed, match="ModuleNotFoundError"):
        list(apart.frames("tests.unit.core.apart.nowhere:x"))
    with pytest.raises(ApartFailed, match="belong into the source"):
        ask("echo", "x" * 200_000)


def test_a_helper_that_was_killed_is_started_again() -> None:
    assert ask("echo", 1) == [1]
    helper = calls._helpers[""]._process
    assert helper is not None
    helper.kill()
    helper.wait()
    assert ask("echo", 2) == [2]


def test_many_at_once_wait_for_each_other() -> None:
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda number=number: found.extend(ask("echo", number)))
        for number in range(3 * calls.MOST_AT_ONCE)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == list(range(3 * calls.MOST_AT_ONCE))


def test_a_fork_has_helpers_of_its_own() -> None:
    assert ask("echo", 1) == [1]
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, repr(ask("echo", 2)).encode())
        calls._end_all()
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reading, 100) == b"[2]"
    assert ask("echo", 3) == [3]
    for one in (reading, writing):
        os.close(one)


def test_bytes_in_memory_need_no_place_on_disk() -> None:
    with calls._opened(b"abc") as file:
        assert (io.BytesIO(file.read()).getvalue(), os.fstat(file.fileno()).st_nlink) == (b"abc", 0)
