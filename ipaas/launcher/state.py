"""``state.json``: what runs, for ``down``, ``status``, the command line and tests. It holds passwords: mode 0600."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ipaas.launcher.identity import Identity
from ipaas.launcher.kernel import start_ticks


@dataclass
class ProcessState:
    """One supervised process; ``ticks`` tells its pid from a later process that got the same number."""

    pid: int | None = None
    ticks: int | None = None
    state: str = "starting"
    restarts: int = 0
    last_exit: str | None = None

    @property
    def alive(self) -> bool:
        return self.pid is not None and start_ticks(self.pid) == self.ticks


@dataclass
class State:
    """An instance as its supervisor wrote it down last."""

    supervisor: ProcessState
    environment: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    processes: dict[str, ProcessState] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        Identity().write_file(path, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "State | None":
        """None when there is no such file, or none that a supervisor wrote."""
        try:
            raw = json.loads(path.read_text())
            return cls(
                supervisor=ProcessState(**raw["supervisor"]),
                environment=dict(raw["environment"]),
                addresses=dict(raw["addresses"]),
                versions=dict(raw["versions"]),
                processes=_processes(raw["processes"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


def running(path: Path) -> State | None:
    """The state of an instance whose supervisor lives."""
    state = State.read(path)
    return state if state is not None and state.supervisor.alive else None


def _processes(raw: Mapping[str, Mapping[str, object]]) -> dict[str, ProcessState]:
    return {name: ProcessState(**values) for name, values in raw.items()}  # type: ignore[arg-type] # checked by caller
