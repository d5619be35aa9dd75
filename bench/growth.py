"""The same work with many stored runs, and how long the pages take that read them."""

import http.client
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from bench import report, stored, w1
from bench.session import RunsLost, Session, accept_then_drain, full_path, latencies

VISITS = 25


@dataclass(frozen=True)
class Visits:
    """How long a page took, in milliseconds."""

    median: float
    slowest_of_twenty: float

    def __str__(self) -> str:
        return f"{self.median:.0f} ms ({self.slowest_of_twenty:.0f})"


def measure(session: Session, sizes: Sequence[int], runs: int) -> str:
    """A table with a column for each number of stored runs, in rising order."""
    stored.make_room(session.world.now)
    cookie = sign_in(session.world.workspace_id)
    columns, filled = [], 0
    for size in sorted(sizes):
        started = time.monotonic()
        stored.fill(session.world, session.database_url, filled, size)
        filled = size
        with psycopg.connect(session.database_url, autocommit=True) as conn:
            conn.execute("VACUUM (ANALYZE)")
        print(f"{size:,} runs stored after {time.monotonic() - started:.0f} s", flush=True)
        columns.append(_figures(session, cookie, size, runs))
        print(columns[-1], flush=True)
    head = ("with stored runs", *(f"{size:,}" for size in sorted(sizes)))
    return report.table(head, [(name, *(column[name] for column in columns)) for name in columns[0]])


def _figures(session: Session, cookie: str, size: int, runs: int) -> dict[str, str]:
    now = session.world.now
    numbers = [(size * visit // VISITS) for visit in range(VISITS)]
    path, path_cost = full_path(session, runs)
    accepts, drain, drain_cost = accept_then_drain(session, runs)
    times = latencies(session, 5.0)
    size_gb = session.query("SELECT pg_database_size(current_database())")[0][0] / 2**30
    home = f"/w/{w1.SLUG}/runs/"
    return {
        "database": f"{size_gb:.2f} GiB",
        "burst drain": f"{drain:,.0f}/s",
        "full path": f"{path:,.0f}/s",
        "accepts": f"{accepts:,.0f}/s",
        "CPU per run, drain": f"{drain_cost.total_ms:.2f} ms",
        "CPU per run, full path": f"{path_cost.total_ms:.2f} ms",
        "end to end at 300/s, p50": f"{times[len(times) // 2]:.1f} ms",
        "end to end at 300/s, p95": f"{times[int(len(times) * 0.95)]:.1f} ms",
        "run list, median (p95)": str(_visit(session, cookie, lambda _: home, numbers)),
        "search by business id, median (p95)": str(
            _visit(session, cookie, lambda number: f"{home}?q={stored.reference(number)}", numbers)
        ),
        "run detail, median (p95)": str(
            _visit(session, cookie, lambda number: f"{home}{stored.run_id(number, now)}/", numbers)
        ),
    }


def _visit(session: Session, cookie: str, address: Callable[[int], str], numbers: Sequence[int]) -> Visits:
    """Get a page for each number over one connection, as a signed-in person does."""
    client = http.client.HTTPConnection("127.0.0.1", session.instance.port, timeout=60)
    taken = []
    for number in [numbers[0], *numbers]:
        started = time.perf_counter()
        client.request("GET", address(number), headers={"cookie": cookie, "accept": "text/html"})
        answer = client.getresponse()
        body = answer.read()
        taken.append((time.perf_counter() - started) * 1000)
        if answer.status != http.HTTPStatus.OK or not body:
            message = f"{address(number)} was answered with {answer.status}"
            raise RunsLost(message)
    client.close()
    taken = sorted(taken[1:])
    return Visits(statistics.median(taken), taken[int(len(taken) * 0.95)])


def sign_in(workspace_id: UUID) -> str:
    """A session of an administrator of the workspace, as a Cookie header."""
    import secrets

    from django.conf import settings
    from django.test import Client

    from ipaas.accounts import services as accounts
    from ipaas.accounts.models import User, Workspace
    from ipaas.core.actor import SYSTEM

    email = "bench@example.com"
    workspace = Workspace.objects.get(id=workspace_id)
    if not User.objects.filter(email=email).exists():
        password = secrets.token_urlsafe(24)
        accounts.add_member(
            workspace=workspace, email=email, roles=["admin"], actor=SYSTEM, name="Bench", password=password
        )
    client = Client()
    client.force_login(User.objects.get(email=email))
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"
