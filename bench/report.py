"""The table of a benchmark as Markdown."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.gauges import Cost
from bench.session import Round, middle

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def machine(versions: Mapping[str, str]) -> str:
    """Where and when: processor, cores, memory, versions."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = int(next(line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")))
    known = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {len(os.sched_getaffinity(0))} cores of {cpu}, "
        f"{memory / 2**20:.0f} GB, Linux {platform.release()}; {known}."
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def product_rows(rounds: Sequence[Round]) -> list[tuple[str, ...]]:
    """What, figure, beside the floor, beside the strict floor, aim."""

    def rate(name: str, pick: str, aim: str = "") -> tuple[str, ...]:
        beside = [f"{_ratio(rounds, pick, base):.2f} ×" for base in ("floor", "strict")]
        return name, f"{middle(rounds, lambda one: getattr(one, pick)):,.0f}/s", *beside, aim

    def figure(name: str, text: str, aim: str = "") -> tuple[str, ...]:
        return name, text, "", "", aim

    path, drain = ([one.path_cost for one in rounds], [one.drain_cost for one in rounds])
    return [
        rate("floor: the bare program, full path", "floor"),
        rate("strict floor: with sockets of its own", "strict"),
        rate("burst drain", "drain", "1,500/s"),
        rate("full path, webhook to finish", "path", "1.2 × floor"),
        rate("accepts of the ingress alone", "accepts", "4,000/s"),
        figure("end to end at 300/s, p50", f"{middle(rounds, lambda one: one.p50):.1f} ms"),
        figure("end to end at 300/s, p95", f"{middle(rounds, lambda one: one.p95):.1f} ms", "60 ms"),
        figure("CPU per run, drain", _cpu(drain)),
        figure("CPU per run, full path", _cpu(path)),
        figure("runs/s that this CPU pays for, drain", _affordable(drain)),
        figure("transactions per run, full path", f"{_middle(path, 'transactions'):.2f}"),
        figure("PostgreSQL log per run, full path", f"{_middle(path, 'log_bytes') / 1024:.1f} KiB"),
        figure("stored per run with indexes, full path", f"{_middle(path, 'stored_bytes') / 1024:.1f} KiB"),
        figure("busy cores meanwhile, ours and others", f"{_middle(path, 'machine'):.2f}"),
    ]


def _ratio(rounds: Sequence[Round], pick: str, base: str) -> float:
    return middle(rounds, lambda one: getattr(one, pick) / getattr(one, base))


def _middle(costs: Sequence[Cost], name: str) -> float:
    values = sorted(float(getattr(cost, name)) for cost in costs)
    return values[len(values) // 2]


def _cpu(costs: Sequence[Cost]) -> str:
    cost = sorted(costs, key=lambda one: one.total_ms)[len(costs) // 2]
    parts = ", ".join(f"{name} {value:.2f}" for name, value in cost.cpu_ms.items() if value >= 0.005)
    return f"{cost.total_ms:.2f} ms ({parts})"


def _affordable(costs: Sequence[Cost]) -> str:
    return f"{len(os.sched_getaffinity(0)) * 1000 / _middle(costs, 'total_ms'):,.0f}/s"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def write(path: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put the measured part between its marks; what people wrote around it stays."""
    before, _, rest = path.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        message = f"{path} has no {begin} … {end}"
        raise LookupError(message)
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
