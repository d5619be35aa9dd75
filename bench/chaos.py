"""Kill processes at random moments while orders come in; then ask the vendors whether anything was lost or doubled.

Each seed is a storm of its own over a fresh instance: a client posts signed orders and repeats every delivery until it
was accepted, the vendors fail in several ways, and processes (the vendors' own among them) die by SIGKILL, are
frozen past their lease or lose what they hold in memory, at moments drawn by the seed. What is judged afterwards are
the vendors' ledger and the warehouse against the list of accepted orders; the product's own records are asked for one
thing alone: which of the unfinished orders lie open before a person.

Run from the repository: ``python3 manage.py bench chaos [--seeds N] [--minutes M] [--rate R] [--first-seed S]``.
"""

import argparse
import asyncio
import contextlib
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis, RedisError

from bench.victim import LOOK_S, Instance, InstanceFailed, instance, wait_until
from ipaas.cli.books import OrderBook, open_books, read_ledger
from ipaas.cli.demo_warehouse import Warehouse
from ipaas.core.errors import IpaasError
from ipaas.core.net import EgressPolicy, client_for_loop, close_client_for_loop
from ipaas.launcher.kernel import family, signal_process
from ipaas.sdk.loader import load_all
from ipaas.sdk.stubs.client import StubClient
from ipaas.sdk.stubs.orders import order, order_of
from ipaas.sdk.stubs.webhooks import Delivery, Sending, deliver, poster, signed_deliveries

CONNECTORS = Path(__file__).resolve().parent.parent / "connectors"
VICTIMS = (
    "worker",
    "worker child",
    "web",
    "ingress",
    "scheduler",
    "valkey",
    "postgres",
    "postgres child",
    "preload",
    "stubs",
    "valkey: emptied",
    "postgres: stopped at once",
)
SUPERVISOR, FROZEN = "supervisor", "worker child: frozen"
FROZEN_S = 25.0  # longer than a lease: it goes on when others hold what it held
LONG_S = 3 * FROZEN_S
FAULTS: tuple[Mapping[str, Any], ...] = (
    {"vendor": "payments", "kind": "status", "status": 503, "percent": 20},
    {"vendor": "payments", "kind": "reset", "when": "after", "percent": 4},
    {"vendor": "inventory", "kind": "half", "percent": 4},
    {"vendor": "shipping", "action": "create_shipment", "kind": "reject", "percent": 6},
    {"vendor": "shipping", "action": "create_shipment", "kind": "status", "status": 401, "percent": 2},
    {"vendor": "shipping", "kind": "reset", "when": "after", "percent": 4},
    {"vendor": "shipping", "kind": "reset", "when": "before", "percent": 4},
    {"vendor": "storefront", "kind": "half", "percent": 4},
    {"vendor": "smtp", "kind": "reset", "when": "after", "percent": 4},
    {"vendor": "payments", "kind": "delay", "delay_ms": 150, "percent": 20},
    {"vendor": "payments", "kind": "delay", "delay_ms": 12_000, "percent": 1},
    {"vendor": "inventory", "kind": "status", "status": 429, "retry_after": "1", "percent": 3},
    {"vendor": "smtp", "kind": "status", "status": 451, "percent": 3},
)
STRIKES = {" frozen": signal.SIGSTOP, " stopped at once": signal.SIGQUIT}
FORGETFUL = ("stubs", SUPERVISOR)  # their end makes the stand-ins forget the faults
TRIES = 200
SETTLE_S = 600.0  # a breaker whose probes fail stays open for two minutes each time
BACK_S, RECOVERY_S = 60.0, 8.0
_WORK_LEFT = "SELECT count(*) FROM runtime_work WHERE kind IN (0, 1)"
_PLACE = """
FROM events_endpoint p JOIN accounts_environment e ON e.id = p.environment_id
  JOIN accounts_workspace w ON w.id = e.workspace_id
WHERE w.slug = 'demo' AND e.slug = 'production' AND p.slug = 'storefront-orders'
"""
_PUBLIC_ID = f"SELECT p.public_id {_PLACE}"
_LETTERS = f"""
SELECT business_key, error_code FROM runtime_deadletter
  WHERE state = 'open' AND environment_id = (SELECT p.environment_id {_PLACE})
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Kill:
    """Who dies how long after the one before, and how many effects later; ``dice`` picks among several processes."""

    after_s: float
    after_lines: int
    victim: str
    dice: float


@dataclass(slots=True)
class Storm:
    """What to do, and what came of it."""

    seed: int
    orders: int
    seconds: float
    kills: list[Kill]
    accepted: set[str] = field(default_factory=set)
    killed: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    repeats: int = 0
    faults: int = 0
    settle_s: float = 0.0

    def as_line(self) -> str:
        """One line for people."""
        ends = ", ".join(f"{number} {word}" for word, number in self.ends.most_common())
        dead = sum(self.killed.values())
        verdict = "nothing lost, nothing twice" if not self.problems else f"{len(self.problems)} PROBLEMS"
        return (
            f"seed {self.seed}: {len(self.accepted)} orders, {dead} kills, settled after {self.settle_s:.0f} s: "
            f"{ends}; {self.faults} faults met; {self.repeats} repeats recognised; {verdict}"
        )


def plan(seed: int, *, seconds: float, every_s: float, supervisor: bool) -> list[Kill]:
    """Every victim at least once where the time allows, in an order and at moments drawn by the seed."""
    dice = random.Random(f"chaos:{seed}")
    number = max(1, round(seconds / every_s))
    victims: list[str] = []
    known = (*VICTIMS, FROZEN) if seconds >= LONG_S else VICTIMS
    while len(victims) < number:
        victims += dice.sample(known, len(known))
    victims = victims[:number]
    if supervisor:
        victims[-1] = SUPERVISOR
    return [Kill(dice.uniform(0.1, 0.9) * every_s, dice.randint(1, 40), victim, dice.random()) for victim in victims]


def run_storm(
    seed: int, *, orders: int, seconds: float, every_s: float, supervisor: bool = True, faults: bool = True
) -> Storm:
    """One storm over an instance of its own. With problems its folder is kept, and named among them."""
    kills = plan(seed, seconds=seconds, every_s=every_s, supervisor=supervisor)
    storm = Storm(seed, orders, seconds, kills)
    with instance(keep=lambda: bool(storm.problems)) as running:
        asyncio.run(_storm(storm, running, FAULTS if faults else ()))
        _judge(storm, running)
        if storm.problems:
            storm.problems.append(f"ledger and logs are kept in {running.home.parent}")
    return storm


async def _storm(storm: Storm, running: Instance, faults: tuple[Mapping[str, Any], ...]) -> None:
    try:
        await _set_faults(storm, running, faults)
        async with asyncio.TaskGroup() as group:
            group.create_task(_post_all(storm, running))
            group.create_task(_kill_all(storm, running, faults))
        storm.faults += await _faults_met(running)
        await _settle(storm, running)
    finally:
        await close_client_for_loop()


async def _set_faults(storm: Storm, running: Instance, faults: tuple[Mapping[str, Any], ...]) -> None:
    """Put the faults in force, as soon as the stand-ins can be spoken to: they forget them when they end."""
    stubs, deadline = _stubs(running), time.monotonic() + BACK_S
    while True:
        try:
            await stubs.clear_faults()
            break
        except IpaasError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(LOOK_S)
    for fault in faults:
        await stubs.add_fault({**fault, "seed": storm.seed})


async def _faults_met(running: Instance) -> int:
    try:
        return sum(int(fault["fired"]) for fault in await _stubs(running).faults())
    except IpaasError:
        return 0  # they are down: what they met is not known


async def _post_all(storm: Storm, running: Instance) -> None:
    """Post the orders spread over the storm; each again and again until it was accepted."""
    url = f"http://127.0.0.1:{running.ingress_port}/hooks/{_query(running, _PUBLIC_ID)[0][0]}"
    secret = json.loads((running.home / "stubs.json").read_text())["signing_secret"]
    trigger = load_all([CONNECTORS])["storefront"].manifest.triggers["orders"]
    sending = Sending(
        trigger, url, secret, count=storm.orders, seed=storm.seed, duplicate_percent=10, out_of_order=True
    )
    post = poster(EgressPolicy.parse([f"127.0.0.1:{running.ingress_port}"]), deadline_s=10)
    known = {f"dlv_{found}_created": found for found in _order_ids(storm)}

    async def one(delivery: Delivery) -> None:
        status = await deliver(delivery, url, post, tries=TRIES)
        if status == 202:
            storm.accepted.add(known[delivery.delivery_id])
        else:
            storm.problems.append(f"{delivery.delivery_id} was answered with {status} in the end")

    async with asyncio.TaskGroup() as group:
        for delivery in signed_deliveries(sending):
            group.create_task(one(delivery))
            await asyncio.sleep(storm.seconds / storm.orders)


async def _kill_all(storm: Storm, running: Instance, faults: tuple[Mapping[str, Any], ...]) -> None:
    """Kill by the plan; between two kills the product gets to act, where it can, so that each hits it at work."""
    ledger = running.home / "stubs-ledger.jsonl"
    async with asyncio.TaskGroup() as thaws:
        for one in storm.kills:
            await asyncio.sleep(one.after_s)
            await asyncio.to_thread(_let_act, ledger, one.after_lines)
            if one.victim in FORGETFUL:
                storm.faults += await _faults_met(running)
            struck = await asyncio.to_thread(_strike, one, running)
            storm.killed[one.victim] += 1
            if one.victim in FORGETFUL:
                await _set_faults(storm, running, faults)
            elif one.victim == FROZEN:
                thaws.create_task(_thaw(struck))


async def _thaw(pid: int) -> None:
    await asyncio.sleep(FROZEN_S)
    signal_process(pid, signal.SIGCONT)


def _let_act(ledger: Path, lines: int) -> None:
    """Return when the vendors have booked so much more, or it takes too long."""
    wanted, deadline = _lines(ledger) + lines, time.monotonic() + RECOVERY_S
    while _lines(ledger) < wanted and time.monotonic() < deadline:
        time.sleep(LOOK_S)


def _lines(ledger: Path) -> int:
    return ledger.read_bytes().count(b"\n")


def _strike(one: Kill, running: Instance) -> int:
    """Strike one process, whatever it does now, and say which; one that is down from an earlier kill is awaited."""
    if one.victim == SUPERVISOR:
        running.kill_supervisor()
        return 0
    name, _, how = one.victim.partition(":")
    name, _, child = name.partition(" ")
    wait_until(lambda: running.process_of(name).alive, f"{name} runs again", BACK_S)
    members = family(running.process_of(name).pid or 0)
    pid = members[1 + int(one.dice * (len(members) - 1))] if child and len(members) > 1 else members[0]
    if how == " emptied":
        with contextlib.suppress(RedisError), Redis.from_url(running.state.environment["REDIS_URL"]) as held:
            held.flushall()
    else:
        signal_process(pid, STRIKES.get(how, signal.SIGKILL))
    return pid


async def _settle(storm: Storm, running: Instance) -> None:
    """Wait until the product says that it has no work left."""
    begun = time.monotonic()
    while time.monotonic() - begun < SETTLE_S:
        try:
            if await asyncio.to_thread(_query, running, _WORK_LEFT) == [(0,)]:
                break
        except psycopg.Error:
            pass  # the database comes back after its last death
        await asyncio.sleep(0.25)
    else:
        storm.problems.append(f"there is work left after {SETTLE_S:.0f} s")
    storm.settle_s = time.monotonic() - begun


def _judge(storm: Storm, running: Instance) -> None:
    """Read the books: what was accepted ended well or lies open before a person, and nothing happened twice."""
    order_ids = list(_order_ids(storm))
    warehouse = Warehouse.parse(running.state.environment["IPAAS_DEMO_WAREHOUSE_URL"])
    books = open_books(read_ledger(running.home / "stubs-ledger.jsonl"), warehouse.rows(order_ids), order_ids)
    letters = dict(_query(running, _LETTERS))
    storm.repeats = sum(book.repeats for book in books.values())
    for order_id, book in books.items():
        storm.problems += [f"{order_id}: {offence}" for offence in book.offences()]
        if order_id in storm.accepted:
            storm.ends[_end(storm, order_id, book, letters)] += 1
    missing = set(order_ids) - storm.accepted
    if missing:
        storm.problems.append(f"{len(missing)} orders were never accepted")


def _end(storm: Storm, order_id: str, book: OrderBook, letters: Mapping[str, str]) -> str:
    state = book.state(len(order_of(order_id)["lines"]), warehouse=True)
    if state in ("shipped", "compensated"):
        return state
    if order_id in letters:
        return f"dead letter ({letters[order_id]})"
    done = ", ".join(f"{what} {number}" for what, number in sorted(book.done.items())) or "nothing"
    storm.problems.append(f"{order_id} is {state} and nobody is told; done: {done}")
    return "LOST"


def _query(running: Instance, statement: str) -> list[Any]:
    address = running.state.environment["DATABASE_URL"]
    with psycopg.connect(address, connect_timeout=5) as connection:
        return connection.execute(statement.encode()).fetchall()


def _stubs(running: Instance) -> StubClient:
    place = json.loads((running.home / "stubs.json").read_text())
    egress = EgressPolicy.parse([f"127.0.0.1:{place['port']}"])

    async def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        answer = await client_for_loop().call(method, url, lines, body, egress=egress, deadline_s=30)
        return answer.status, answer.body

    return StubClient(f"http://127.0.0.1:{place['port']}", place["token"], send)


def _order_ids(storm: Storm) -> Iterator[str]:
    return (order(storm.seed, number)["id"] for number in range(1, storm.orders + 1))


def main() -> int:
    """Storm after storm; 1 when any has a problem."""
    parser = argparse.ArgumentParser(description="Kill processes while orders come in; judge by the vendors' books.")
    parser.add_argument("--seeds", type=int, default=10, help="how many storms")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=5, help="length of each storm")
    parser.add_argument("--rate", type=float, default=10, help="orders a second")
    parser.add_argument("--every", type=float, default=4, help="seconds between two kills, on average")
    options = parser.parse_args()
    seconds, failed = options.minutes * 60, 0
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        orders = max(1, round(options.rate * seconds))
        try:
            storm = run_storm(seed, orders=orders, seconds=seconds, every_s=options.every)
        except InstanceFailed as error:
            print(f"seed {seed}: {error}", flush=True)
            failed += 1
            continue
        print(storm.as_line(), flush=True)
        print("\n".join(f"  {problem}" for problem in storm.problems), end="\n" if storm.problems else "", flush=True)
        failed += bool(storm.problems)
    print(f"{options.seeds - failed} of {options.seeds} storms without a problem")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
