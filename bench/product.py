"""The whole product under the unit of work W1, beside the floor of the same minute; see docs/reference/benchmarks.md."""

import argparse
import contextlib
import os
import signal
import statistics
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from bench import gauges, sender, w1
from bench.floor import Floor, floor
from bench.gauges import Cost
from bench.victim import Instance, instance, wait_until
from bench.target import target
from ipaas.launcher.kernel import family

RATE_PER_S = 300.0
SETTLE_S = 60.0


class Session:
    """One instance with its workspace, and ways to put work through it."""

    def __init__(self, running: Instance, world: w1.World, database_url: str) -> None:
        self.instance, self.world, self.database_url = running, world, database_url
        self.sent = 0

    def requests(self, count: int) -> list[bytes]:
        self.sent += count
        return w1.deliveries(self.world.path, self.world.key, count)

    def query(self, sql: str, *values: Any) -> Any:
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            return conn.execute(sql, values).fetchall()

    def wait_until_done(self) -> None:
        """Until nothing is in the queue any more."""
        idle = "SELECT NOT EXISTS (SELECT FROM runtime_work)"
        wait_until(lambda: bool(self.query(idle)[0][0]), "all runs ended", SETTLE_S)

    def check(self, since: float) -> tuple[int, float]:
        """How many runs ended since a moment, and when the last one did; raises when one of them did not succeed."""
        rows = self.query(
            "SELECT status, count(*), extract(epoch FROM max(finished_at)) FROM runtime_run "
            "WHERE flow_id = %s AND started_at >= to_timestamp(%s) GROUP BY status",
            self.world.flow_id,
            since,
        )
        if [row[0] for row in rows] != ["succeeded"]:
            message = f"runs that did not succeed: {rows}"
            raise RuntimeError(message)
        return int(rows[0][1]), float(rows[0][2])

    def reading(self) -> gauges.Reading:
        return gauges.read(self.instance, self.database_url)

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


def through_floor(program: Floor, requests: list[bytes]) -> float:
    """Runs per second from the first request to the last stored answer."""
    before = program.finished()
    started = time.time()
    sender.burst(program.port, requests)
    wait_until(lambda: program.finished() >= before + len(requests), "the floor's runs", SETTLE_S)
    return len(requests) / (program.last_at() - started)


def full_path(session: Session, count: int) -> tuple[float, Cost]:
    """Runs per second from the first webhook to the last finish, everything running."""
    requests = session.requests(count)
    before, started = session.reading(), time.time()
    sent = sender.burst(session.instance.ingress_port, requests)
    session.wait_until_done()
    cost = gauges.between(before, session.reading())
    assert sent.statuses == {202: count}, sent.statuses
    ended, last = session.check(started)
    assert ended == count, (ended, count)
    return count / (last - started), cost


def accept_then_drain(session: Session, count: int) -> tuple[float, float, Cost]:
    """Accepts per second with the workers stopped, then runs per second with the ingress at rest."""
    requests = session.requests(count)
    with session.workers_stopped():
        sent = sender.burst(session.instance.ingress_port, requests)
        assert sent.statuses == {202: count}, sent.statuses
        before, started = session.reading(), time.time()
    session.wait_until_done()
    cost = gauges.between(before, session.reading())
    ended, last = session.check(started)
    assert ended == count, (ended, count)
    return sent.per_second, count / (last - started), cost


def latencies(session: Session, seconds: float) -> list[float]:
    """Milliseconds from sending to the commit that finished the run, in order, at a steady rate."""
    count = int(seconds * RATE_PER_S)
    sent = sender.steadily(session.instance.ingress_port, session.requests(count), RATE_PER_S)
    assert sent.statuses == {202: count}, sent.statuses
    session.wait_until_done()
    rows = session.query(
        "SELECT receipt_id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM runtime_run "
        "WHERE flow_id = %s AND started_at >= to_timestamp(%s)",
        session.world.flow_id,
        min(sent.left_at),
    )
    ended = {row[0]: float(row[1]) for row in rows}
    return sorted(
        (ended[receipt] - left) * 1000 for receipt, left in zip(sent.receipts, sent.left_at, strict=True)
    )


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def _per_run(cost: Cost, count: int) -> str:
    cpu = " ".join(f"{name} {seconds / count * 1000:.3f}" for name, seconds in cost.cpu.items() if seconds / count > 5e-6)
    total = sum(cost.cpu.values()) / count * 1000
    return (
        f"cpu {total:.2f} ms/run ({cpu}) tx {cost.transactions / count:.3f} wal {cost.log_bytes / count:.0f} "
        f"stored {cost.stored_bytes / count:.0f} cores {cost.cores:.2f}"
    )


def measure(options: argparse.Namespace) -> None:
    with target() as port, instance("--no-demo", prepare=track_commits) as running:
        url = running.state.environment["DATABASE_URL"]
        os.environ.update(running.state.environment)
        import django

        django.setup()
        session = Session(running, w1.install(port), url)
        first = first_run(session)
        print(f"started in {running.started_s:.1f} s, first run after another {first:.2f} s; home {running.home}")
        full_path(session, 300)
        with floor(url, port) as program:
            through_floor(program, session.requests(300))
            figures: dict[str, list[float]] = {}
            for _ in range(options.rounds):
                bare = through_floor(program, session.requests(options.runs // 2))
                path, path_cost = full_path(session, options.runs)
                accepts, drain, drain_cost = accept_then_drain(session, options.runs)
                times = latencies(session, options.seconds)
                p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
                print(
                    f"floor {bare:.0f}/s · full path {path:.0f}/s ({path / bare:.2f} x) · accepts {accepts:.0f}/s "
                    f"({accepts / bare:.2f} x) · drain {drain:.0f}/s ({drain / bare:.2f} x) · p50 {p50:.1f} p95 {p95:.1f} ms"
                )
                print("  full path:", _per_run(path_cost, options.runs))
                print("  drain:    ", _per_run(drain_cost, options.runs))
                for name, value in (("floor", bare), ("path", path), ("drain", drain), ("p95", p95)):
                    figures.setdefault(name, []).append(value)
        print({name: round(statistics.median(values), 1) for name, values in figures.items()})
        if options.idle:
            time.sleep(40)
            before = session.reading()
            time.sleep(options.idle)
            cost = gauges.between(before, session.reading())
            print(f"idle: {cost.cores * 100:.2f} % of a core", {n: round(s / cost.seconds * 100, 2) for n, s in cost.cpu.items()})
        memory = gauges.memory_mb(running)
        print(f"memory: {sum(memory.values()):.0f} MB", {name: round(value) for name, value in memory.items()})
        if options.hold:
            print("holding; ^C ends", flush=True)
            signal.pause()


def first_run(session: Session) -> float:
    started = time.time()
    sender.burst(session.instance.ingress_port, session.requests(1))
    session.wait_until_done()
    return session.check(started)[1] - started


def track_commits(running: Instance) -> None:
    """Let the server keep when each transaction was committed: the end of a run as others can see it."""
    from ipaas.launcher.layout import open_layout
    from ipaas.launcher.postgres import Postgres

    made = Postgres.prepare(open_layout(running.home))
    with (made.layout.postgres / "postgresql.auto.conf").open("a") as file:
        file.write("track_commit_timestamp = on\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--idle", type=float, default=30.0)
    parser.add_argument("--hold", action="store_true")
    measure(parser.parse_args())
