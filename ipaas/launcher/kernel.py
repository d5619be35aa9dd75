"""The few things of Linux that Python does not wrap: parent-death signals, and reading /proc."""

import contextlib
import ctypes
import os
import signal
from collections.abc import Collection
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, death_signal: int) -> None:
    """Ask the kernel to signal this process when its parent ends.

    Call after a change of user (which clears the request) and before exec (which keeps it). The request is tied to
    the parent's thread that forked, so the supervisor has one thread only.
    """
    if _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os.kill(os.getpid(), death_signal)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, instead of the init process."""
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def take_name(name: str) -> None:
    """Be known to ``ps`` and ``top`` by a name (its first 15 bytes) instead of the interpreter's."""
    _libc.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def reap_strangers(own: Collection[int]) -> None:
    """Take leave of ended children that are not our own: descendants that were adopted."""
    with contextlib.suppress(ChildProcessError):  # there is no child at all
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in own:
            os.waitpid(ended.si_pid, 0)


def start_ticks(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot; with the pid it names a process for good."""
    fields = _stat(pid)
    return None if fields is None else int(fields[19])


def group_members(pgid: int) -> list[int]:
    """Living (not merely unreaped) processes of a process group."""
    members = []
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields is not None and int(fields[2]) == pgid and fields[0] not in {"Z", "X"}:
            members.append(int(entry.name))
    return members


def family(pid: int) -> list[int]:
    """A process with all its descendants, including those that made groups of their own, as PostgreSQL's do."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields is not None:
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def memory_bytes(pid: int) -> int:
    """Memory of a process, pages shared with others counted in parts (PSS; RSS where that cannot be read)."""
    for name, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = Path(f"/proc/{pid}/{name}").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return 0


def signal_group(pgid: int, number: int) -> bool:
    """Send a signal to a whole process group; False when nobody is left in it."""
    try:
        os.killpg(pgid, number)
    except ProcessLookupError:
        return False
    return True


def signal_process(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def signal_name(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"ended with code {returncode}"


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()
