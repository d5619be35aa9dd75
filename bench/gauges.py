"""What an instance costs: CPU and memory of its processes, transactions and log of its PostgreSQL."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.victim import Instance
from ipaas.launcher.kernel import family, memory_bytes

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(instance: Instance) -> dict[str, float]:
    """CPU time used so far by process of the instance, ended children included."""
    return {name: sum(map(_cpu_s, pids)) for name, pids in _trees(instance).items()}


def memory_mb(instance: Instance) -> dict[str, float]:
    """Proportional set size by process, descendants included."""
    return {name: sum(map(memory_bytes, pids)) / 2**20 for name, pids in _trees(instance).items()}


def _trees(instance: Instance) -> dict[str, list[int]]:
    state = instance.state
    trees = {name: family(one.pid) for name, one in state.processes.items() if one.pid is not None}
    known = {pid for pids in trees.values() for pid in pids}
    if state.supervisor.pid is not None:
        trees["supervisor"] = [pid for pid in family(state.supervisor.pid) if pid not in known]
    return trees


def _cpu_s(pid: int) -> float:
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, parts[11:15])) * _TICK_S  # utime, stime, and those of children waited for


def _machine_s() -> float:
    """CPU time that the whole machine has spent on anything."""
    parts = [int(part) for part in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(parts[:3]) + sum(parts[5:7])) * _TICK_S


@dataclass(frozen=True)
class Reading:
    """Counters at one moment."""

    at: float
    machine_s: float
    cpu: Mapping[str, float]
    transactions: int
    log_bytes: int
    stored_bytes: int


@dataclass(frozen=True)
class Cost:
    """What lies between two readings, per run where it says so; ``machine`` counts cores that were busy in all."""

    seconds: float
    machine: float
    cpu_ms: dict[str, float]
    transactions: float
    log_bytes: float
    stored_bytes: float

    @property
    def total_ms(self) -> float:
        """CPU milliseconds of all processes, per run."""
        return sum(self.cpu_ms.values())


def read(instance: Instance, database_url: str) -> Reading:
    with psycopg.connect(database_url, autocommit=True) as conn:
        row = conn.execute(
            "SELECT xact_commit, pg_current_wal_lsn() - '0/0'::pg_lsn, pg_database_size(current_database()) "
            "FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    if row is None:
        raise LookupError
    return Reading(time.monotonic(), _machine_s(), cpu_seconds(instance), int(row[0]), int(row[1]), int(row[2]))


def between(before: Reading, after: Reading, runs: int) -> Cost:
    cpu = {name: (seconds - before.cpu.get(name, 0.0)) * 1000 / runs for name, seconds in after.cpu.items()}
    seconds = after.at - before.at
    return Cost(
        seconds,
        (after.machine_s - before.machine_s) / seconds,
        cpu,
        (after.transactions - before.transactions) / runs,
        (after.log_bytes - before.log_bytes) / runs,
        (after.stored_bytes - before.stored_bytes) / runs,
    )
