"""Progress and results on the terminal."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ipaas.launcher.errors import LauncherError

HEARTBEAT_S = 10.0
TAIL_LINES = 25


def say(text: str = "") -> None:
    print(text, flush=True)


def complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def task(title: str) -> Iterator[None]:
    """Announce a piece of work, and how long it took."""
    begun = time.monotonic()
    say(f"  … {title}")
    yield
    say(f"  ✓ {title} ({time.monotonic() - begun:.1f} s)")


def run_quietly(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, noun: str = "", marker: str = ""
) -> None:
    """Run a tool; show its output only when it fails.

    Lines that start with ``marker`` count as progress: their number is shown from time to time with ``noun``.
    """
    lines: list[str] = []
    count, shown, told = 0, 0, time.monotonic()
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    with process, process.stdout as output:
        for line in output:
            lines = [*lines[-TAIL_LINES:], line.rstrip()]
            if marker and line.lstrip().startswith(marker):
                count += 1
            due = time.monotonic() - told > (1.0 if sys.stdout.isatty() else HEARTBEAT_S)
            if count > shown and due:
                say(f"      {count} {noun}")
                shown, told = count, time.monotonic()
    if process.returncode:
        tail = "\n".join(f"      {line}" for line in lines)
        raise LauncherError(f"{' '.join(map(os.fspath, argv[:4]))} … ended with code {process.returncode}:\n{tail}")


def tail_of(path: Path, count: int = 8) -> list[str]:
    """The last lines of a log file; nothing when there is none."""
    try:
        with path.open("rb") as handle:
            handle.seek(max(0, path.stat().st_size - 8192))
            return handle.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
