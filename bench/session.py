"""One measured instance with its workspace, and the ways to put work through it."""

import contextlib
import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from bench import gauges, sender, w1
from bench.floor import Floor
from bench.gauges import Cost
from bench.victim import Instance, wait_until
from ipaas.launcher.kernel import family
from ipaas.launcher.layout import open_layout
from ipaas.launcher.postgres import Postgres

RATE_PER_S = 300.0
SETTLE_S = 300.0
WARM_RUNS = 300


class RunsLost(Exception):
    """Not everything that was sent ended as it should: the figures would mean nothing."""


class Session:
    """An instance that runs. ``database_url`` is where its rows are."""

    def __init__(self, instance: Instance, world: w1.World, database_url: str) -> None:
        self.instance, self.world, self.database_url = instance, world, database_url

    def requests(self, count: int) -> list[bytes]:
        return w1.deliveries(self.world.path, self.world.key, count)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            return conn.execute(sql, values).fetchall()

    def reading(self) -> gauges.Reading:
        return gauges.read(self.instance, self.database_url)

    def send(self, requests: Sequence[bytes]) -> sender.Sent:
        return _accepted(sender.burst(self.instance.ingress_port, requests))

    def wait_until_done(self) -> None:
        """Until nothing is in the queue any more."""
        idle = "SELECT NOT EXISTS (SELECT FROM runtime_work)"
        wait_until(lambda: bool(self.query(idle)[0][0]), "all runs ended", SETTLE_S)

    def last_of(self, count: int, since: float) -> float:
        """When the last of ``count`` runs begun since a moment ended; raises when one is missing or failed."""
        rows = self.query(
            "SELECT status, count(*), extract(epoch FROM max(finished_at)) FROM runtime_run "
            "WHERE flow_id = %s AND id >= %s AND started_at >= to_timestamp(%s) GROUP BY status",
            self.world.flow_id,
            w1.lowest_id(since - 60),
            since,
        )
        if [tuple(row[:2]) for row in rows] != [("succeeded", count)]:
            message = f"{count} runs were sent, and these ended: {rows}"
            raise RunsLost(message)
        return float(rows[0][2])

    def first_run(self) -> float:
        """Seconds of one run while everything is cold."""
        started = time.time()
        self.send(self.requests(1))
        self.wait_until_done()
        return self.last_of(1, started) - started

    @contextlib.contextmanager
    def workers_stopped(self) -> Iterator[None]:
        """The ingress has the machine for itself meanwhile."""
        pid = self.instance.process_of("worker").pid
        pids = [] if pid is None else family(pid)
        for one in pids:
            os.kill(one, signal.SIGSTOP)
        try:
            yield
        finally:
            for one in pids:
                os.kill(one, signal.SIGCONT)


@dataclass(frozen=True)
class Round:
    """Figures of one round: rates per second, latencies in milliseconds."""

    floor: float
    strict: float
    path: float
    path_cost: Cost
    accepts: float
    drain: float
    drain_cost: Cost
    p50: float
    p95: float


def measure_round(session: Session, programs: Sequence[Floor], runs: int, seconds: float) -> Round:
    """Everything once, the floors (plain and strict) in the same minute."""
    bare, strict = (through_floor(program, session.requests(runs // 2)) for program in programs)
    path, path_cost = full_path(session, runs)
    accepts, drain, drain_cost = accept_then_drain(session, runs)
    times = latencies(session, seconds)
    p50, p95 = (times[int(len(times) * share)] for share in (0.5, 0.95))
    return Round(bare, strict, path, path_cost, accepts, drain, drain_cost, p50, p95)


def middle(rounds: Sequence[Round], figure: Callable[[Round], float]) -> float:
    return statistics.median(map(figure, rounds))


def through_floor(program: Floor, requests: Sequence[bytes]) -> float:
    """Runs per second from the first request to the last stored answer."""
    before, started = program.finished(), time.time()
    _accepted(sender.burst(program.port, requests))
    wait_until(lambda: program.finished() >= before + len(requests), "the floor's runs", SETTLE_S)
    return len(requests) / (program.last_at() - started)


def full_path(session: Session, count: int) -> tuple[float, Cost]:
    """Runs per second from the first webhook to the last finish, everything running."""
    requests = session.requests(count)
    before, started = session.reading(), time.time()
    session.send(requests)
    session.wait_until_done()
    cost = gauges.between(before, session.reading(), count)
    return count / (session.last_of(count, started) - started), cost


def accept_then_drain(session: Session, count: int) -> tuple[float, float, Cost]:
    """Accepts per second with the workers stopped, then runs per second with the ingress at rest."""
    requests = session.requests(count)
    with session.workers_stopped():
        sent = session.send(requests)
        before, started = session.reading(), time.time()
    session.wait_until_done()
    cost = gauges.between(before, session.reading(), count)
    return sent.per_second, count / (session.last_of(count, started) - started), cost


def latencies(session: Session, seconds: float) -> list[float]:
    """Milliseconds from sending to the commit that finished the run, in order, at a steady rate."""
    requests, started = session.requests(int(seconds * RATE_PER_S)), time.time()
    sent = _accepted(sender.steadily(session.instance.ingress_port, requests, RATE_PER_S))
    session.wait_until_done()
    session.last_of(len(requests), started)
    rows = session.query(
        "SELECT receipt_id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM runtime_run "
        "WHERE flow_id = %s AND id >= %s",
        session.world.flow_id,
        w1.lowest_id(started - 60),
    )
    ended = {row[0]: float(row[1]) for row in rows}
    return sorted((ended[receipt] - left) * 1000 for receipt, left in zip(sent.receipts, sent.left_at, strict=True))


def track_commits(instance: Instance) -> None:
    """Let the server keep when each transaction was committed: the end of a run as others can see it."""
    made = Postgres.prepare(open_layout(instance.home))
    with (made.layout.postgres / "postgresql.auto.conf").open("a") as file:
        file.write("track_commit_timestamp = on\n")


def _accepted(sent: sender.Sent) -> sender.Sent:
    if set(sent.statuses) != {202}:
        message = f"not all were accepted: {dict(sent.statuses)}"
        raise RunsLost(message)
    return sent
