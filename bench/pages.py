"""Pages and API with few and with many stored runs: server time, queries, bytes; and what a browser makes of them.

An instance of its own is filled with runs by the storage module; every page is fetched by a signed-in session, the five
main pages also by Chromium when there is one; then a hundred open live pages ask for news. Medians; see
docs/reference/benchmarks.md.
"""

import argparse
import html
import http.client
import os
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urljoin

import psycopg

from bench import gauges, growth, report, stored, w1
from bench.browser import Paints, paints
from bench.session import RunsLost, Session, full_path
from bench.target import target
from bench.victim import instance
from ipaas.launcher.layout import ROOT

DOCUMENT = ROOT / "docs" / "reference" / "benchmarks.md"
BEGIN, END = "<!-- pages: begin -->", "<!-- pages: end -->"
VISITS = 20
LIVE_PAGES, LIVE_S = 100, 2.0
TIMING = re.compile(r'app;dur=([\d.]+), db;dur=[\d.]+;desc="(\d+) queries"')
Address = Callable[[int], str]


@dataclass(frozen=True)
class Visit:
    """One answer: milliseconds here and in the server, statements, bytes as sent (compressed)."""

    client_ms: float
    server_ms: float
    queries: int
    sent: int


def main() -> None:
    options = _parser().parse_args()
    os.environ["IPAAS_SERVER_TIMING"] = "true"
    with target() as port, instance("--no-demo", settings={"IPAAS_SERVER_TIMING": "true"}) as running:
        state = running.state
        os.environ.update(state.environment)
        import django  # the settings are those of the instance just started

        django.setup()
        session = Session(running, w1.install(port), state.environment["DATABASE_URL"])
        cookie = growth.sign_in(session.world.workspace_id)
        full_path(session, 500)
        stored.make_room(session.world.now)
        parts = [report.machine(state.versions)]
        filled, columns = 0, {}
        for size in sorted(options.stored):
            stored.fill(session.world, session.database_url, filled, size)
            filled = size
            with psycopg.connect(session.database_url, autocommit=True) as conn:
                conn.execute("VACUUM (ANALYZE)")
            columns[f"{size:,} runs"] = visits(session, cookie, size)
            print(f"{size:,} runs: {len(columns[f'{size:,} runs'])} pages seen", flush=True)
        parts.append(_page_table(columns))
        painted = paints(running, cookie, main_pages(session, filled))
        parts.append(_paint_table(painted) if painted else "No Chromium was found: first paint was not measured.")
        parts.append(_live_table(live_cost(session, cookie, options.seconds)))
    text = "\n\n".join(parts)
    print(f"\n{text}")
    if options.write:
        report.write(DOCUMENT, text, BEGIN, END)


def addresses(session: Session, size: int) -> dict[str, Address]:
    """What is visited, by name; a number names one of the stored runs."""
    world, home = session.world, f"/w/{w1.SLUG}"
    run = lambda number: str(stored.run_id(number, world.now))  # noqa: E731
    fixed = {
        "home": "/",
        "runs": "/runs/",
        "runs, failed of one flow": f"/runs/?status=dead&flow={w1.FLOW['slug']}",
        "dead letters": "/dead-letters/",
        "approvals": "/approvals/",
        "flows": "/flows/",
        "flow": f"/flows/{w1.FLOW['slug']}/",
        "flow editor": f"/flows/{w1.FLOW['slug']}/edit/",
        "mapping": f"/mappings/{w1.MAPPING['slug']}/",
        "connections": "/connections/",
        "endpoints": "/endpoints/",
        "vault": "/vault/",
        "audit": "/audit/",
        "workers": "/settings/health/",
    }
    pages: dict[str, Address] = {name: (lambda _, path=path: home + path) for name, path in fixed.items()}  # type: ignore[misc]
    return {
        **pages,
        "runs, search by business id": lambda number: f"{home}/runs/?q={stored.reference(number)}",
        "run": lambda number: f"{home}/runs/{run(number)}/",
        "API: runs": lambda _: "/api/v1/runs",
        "API: runs by business id": lambda number: f"/api/v1/runs?business_id={stored.reference(number)}",
        "API: run": lambda number: f"/api/v1/runs/{run(number)}",
        "API: dead letters": lambda _: "/api/v1/dead-letters",
    }


def main_pages(session: Session, size: int) -> dict[str, str]:
    """The five that people have open most."""
    known = addresses(session, size)
    return {name: known[name](size // 2) for name in ("home", "runs", "run", "flow", "dead letters")}


def visits(session: Session, cookie: str, size: int) -> dict[str, list[Visit]]:
    """Every page ``VISITS`` times over one connection, each for another run; the first visit warms and is not kept."""
    numbers = [size * visit // VISITS for visit in range(VISITS)]
    found = {}
    for name, address in addresses(session, size).items():
        client = http.client.HTTPConnection("127.0.0.1", session.instance.port, timeout=120)
        found[name] = [fetch(client, address(number), cookie) for number in [numbers[0], *numbers]][1:]
        client.close()
    return found


def fetch(client: http.client.HTTPConnection, address: str, cookie: str) -> Visit:
    started = time.perf_counter()
    headers = {"cookie": cookie, "accept": "text/html, application/json", "accept-encoding": "gzip"}
    client.request("GET", address, headers={**headers, "x-workspace": w1.SLUG})
    answer = client.getresponse()
    body = answer.read()
    taken = (time.perf_counter() - started) * 1000
    timing = TIMING.fullmatch(answer.getheader("server-timing", ""))
    if answer.status not in (200, 204) or timing is None:
        message = f"{address} was answered with {answer.status}"
        raise RunsLost(message)
    return Visit(taken, float(timing[1]), int(timing[2]), len(body))


def live_cost(session: Session, cookie: str, seconds: float) -> dict[str, str]:
    """What a hundred people with a live page open cost while nothing happens: each asks every two seconds."""
    address, port = _poll_address(session, cookie), session.instance.port
    ending = time.monotonic() + seconds

    def ask(number: int) -> list[Visit]:
        one, seen = http.client.HTTPConnection("127.0.0.1", port, timeout=60), []
        time.sleep(number * LIVE_S / LIVE_PAGES)
        while time.monotonic() < ending:
            begun = time.monotonic()
            seen.append(fetch(one, address, cookie))
            time.sleep(max(0.0, LIVE_S - (time.monotonic() - begun)))
        return seen

    before = session.reading()
    with ThreadPoolExecutor(LIVE_PAGES) as people:
        asked = [one for seen in people.map(ask, range(LIVE_PAGES)) for one in seen]
    cost = gauges.between(before, session.reading(), 1)
    shares = {name: value / cost.seconds / 10 for name, value in cost.cpu_ms.items()}
    return {
        "asked": f"{len(asked) / cost.seconds:.0f}/s",
        "median answer": f"{statistics.median(one.client_ms for one in asked):.1f} ms",
        "queries of each": f"{statistics.median(one.queries for one in asked):.0f}",
        "bytes of each": f"{statistics.median(one.sent for one in asked):,.0f}",
        "CPU": f"{sum(shares.values()):.0f} % of a core (web {shares.get('web', 0):.0f}, "
        f"postgres {shares.get('postgres', 0):.0f})",
    }


def _poll_address(session: Session, cookie: str) -> str:
    """What the list of runs asks again and again."""
    page = f"/w/{w1.SLUG}/runs/"
    client = http.client.HTTPConnection("127.0.0.1", session.instance.port, timeout=60)
    client.request("GET", page, headers={"cookie": cookie})
    found = re.search(r'hx-get="([^"]+)"[^>]*hx-trigger="every', client.getresponse().read().decode())
    if found is None:
        message = f"{page} does not ask for news"
        raise RunsLost(message)
    return urljoin(page, html.unescape(found[1]))


def _page_table(columns: Mapping[str, Mapping[str, Sequence[Visit]]]) -> str:
    head = ["page", *(f"server, {name}: median (p95)" for name in columns), "queries", "sent, compressed"]
    last = columns[list(columns)[-1]]
    rows = []
    for name, seen in last.items():
        times = [_times([visit.server_ms for visit in column[name]]) for column in columns.values()]
        queries, sent = max(one.queries for one in seen), statistics.median(one.sent for one in seen)
        rows.append((name, *times, str(queries), f"{sent / 1024:.0f} KiB"))
    return report.table(head, rows)


def _times(taken: Sequence[float]) -> str:
    ordered = sorted(taken)
    return f"{statistics.median(ordered):.0f} ms ({ordered[int(len(ordered) * 0.95)]:.0f})"


def _paint_table(painted: Mapping[str, Paints]) -> str:
    head = ("in Chromium", "first paint, cold", "first paint, warm", "key to next frame", "first load, compressed")
    rows = [
        (name, f"{one.cold_ms:.0f} ms", f"{one.warm_ms:.0f} ms", f"{one.delay_ms:.0f} ms", f"{one.sent / 1024:.0f} KiB")
        for name, one in painted.items()
    ]
    return report.table(head, rows)


def _live_table(figures: Mapping[str, str]) -> str:
    return report.table((f"{LIVE_PAGES} open live pages", "figure"), figures.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py bench pages", description=__doc__)
    parser.add_argument("--stored", type=int, nargs="+", default=[10_000, 1_000_000], help="stored runs to look at")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the hundred open pages")
    parser.add_argument("--write", action="store_true", help=f"also put the tables into {DOCUMENT.name}")
    return parser
