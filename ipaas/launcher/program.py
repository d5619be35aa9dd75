"""What the supervisor runs: one description for servers and for the product's own processes."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ipaas.launcher.identity import Identity


@dataclass(frozen=True)
class Program:
    """A long-running program.

    ``stage`` orders stopping: what accepts work is 1, what does the work 2, what the work needs 3 and up.
    ``probe`` answers whether the program does its job yet; None: it does as soon as it runs. ``preloads``: this is
    the process to fork others from; ``forked``: this one may be, since it runs a module in the same environment.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    cwd: Path
    stage: int
    env: Mapping[str, str] = field(default_factory=dict)
    identity: Identity = field(default_factory=Identity)
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 20.0
    probe: Callable[[], bool] | None = None
    preloads: bool = False
    forked: bool = False


def base_environment() -> dict[str, str]:
    """What a server needs of the caller's environment; settings and secrets of the product are not among it."""
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}
