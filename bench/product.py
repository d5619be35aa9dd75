"""The whole product under the unit of work W1, beside the floor of the same minute; see docs/reference/benchmarks.md.

It starts an instance of its own (embedded servers, durable as in production), and stops and removes it afterwards.
"""

import argparse
import os
import time

from bench import gauges, growth, report, w1
from bench.crawl import crawl
from bench.floor import floor
from bench.session import WARM_RUNS, Round, Session, full_path, measure_round, through_floor, track_commits
from bench.target import target
from bench.victim import instance
from ipaas.launcher.layout import ROOT

DOCUMENT = ROOT / "docs" / "reference" / "benchmarks.md"
REST_S = 45.0  # workers look around for half a minute after the last run
HEAD = ("what", "figure", "beside the floor", "beside the strict floor", "aim")


def main() -> None:
    options = _parser().parse_args()
    with target() as port, instance("--no-demo", prepare=track_commits) as running:
        state = running.state
        os.environ.update(state.environment)
        import django  # the settings are those of the instance just started

        django.setup()
        session = Session(running, w1.install(port), state.environment["DATABASE_URL"])
        first_s = session.first_run()
        started = ("cold start to the first finished run", f"{running.started_s + first_s:.1f} s", "", "", "")
        print(report.machine(state.versions), flush=True)
        rows = [started, *_work(session, port, options), *_rest(session, options.idle)]
        text = f"{report.machine(state.versions)}\n\n{report.table(HEAD, rows)}"
        if options.stored:
            text += f"\n\n{growth.measure(session, options.stored, options.growth_runs)}"
    print(f"\n{text}")
    if options.write:
        report.write(DOCUMENT, text)


def _work(session: Session, port: int, options: argparse.Namespace) -> list[tuple[str, ...]]:
    full_path(session, WARM_RUNS)
    rounds = []
    url = session.database_url
    with floor(url, port, plain=True) as plain, floor(url, port, plain=False) as strict:
        for program in (plain, strict):
            through_floor(program, session.requests(WARM_RUNS))
        for _ in range(options.rounds):
            rounds.append(measure_round(session, (plain, strict), options.runs, options.seconds))
            _tell(rounds[-1])
    return report.product_rows(rounds)


def _tell(one: Round) -> None:
    ratios = ", ".join(
        f"{name} {value:.0f}/s ({value / one.floor:.2f})"
        for name, value in (("full path", one.path), ("accepts", one.accepts), ("drain", one.drain))
    )
    print(
        f"floor {one.floor:.0f}/s (strict {one.strict:.0f}/s), {ratios}, p50 {one.p50:.1f} ms, p95 {one.p95:.1f} ms, "
        f"CPU {one.path_cost.total_ms:.2f} and {one.drain_cost.total_ms:.2f} ms a run, "
        f"{one.path_cost.machine:.2f} cores busy",
        flush=True,
    )


def _rest(session: Session, seconds: float) -> list[tuple[str, ...]]:
    """Memory after the work and after a look at every page, and CPU when there is nothing to do."""
    worked = gauges.memory_mb(session.instance)
    pages = crawl(session.instance.port, growth.sign_in(session.world.workspace_id))
    memory = gauges.memory_mb(session.instance)
    parts = ", ".join(f"{name} {value:.0f}" for name, value in memory.items())
    figure = f"{sum(memory.values()):.0f} MB ({parts}); {sum(worked.values()):.0f} MB before {pages} pages were seen"
    rows = [("memory of everything (PSS)", figure, "", "", "700 MB")]
    if seconds:
        time.sleep(REST_S)
        before = session.reading()
        time.sleep(seconds)
        cost = gauges.between(before, session.reading(), 1)
        shares = {name: value / cost.seconds / 10 for name, value in cost.cpu_ms.items()}
        parts = ", ".join(f"{name} {share:.2f}" for name, share in shares.items() if share >= 0.005)
        rows.append(("CPU while idle", f"{sum(shares.values()):.2f} % of a core ({parts})", "", "", "2 %"))
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="medians are taken over these")
    parser.add_argument("--runs", type=int, default=4000, help="of each burst")
    parser.add_argument("--seconds", type=float, default=10.0, help="at the steady rate")
    parser.add_argument("--idle", type=float, default=30.0, help="seconds of doing nothing; 0 leaves it out")
    parser.add_argument(
        "--stored",
        type=int,
        nargs="*",
        default=[10_000, 1_000_000],
        help="stored runs to measure with; none leaves it out",
    )
    parser.add_argument("--growth-runs", type=int, default=2000, help="of each burst with stored runs")
    parser.add_argument("--write", action="store_true", help=f"also put the table into {DOCUMENT.name}")
    return parser
