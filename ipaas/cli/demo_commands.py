"""``ipaas demo``: the demo workspace, its orders, and the proof that nothing was lost or done twice."""

import sys
from typing import TYPE_CHECKING

import click

from ipaas.cli.instance import set_up

if TYPE_CHECKING:
    from ipaas.cli.demo_report import Report


@click.group()
def demo() -> None:
    """The demo workspace."""


@demo.command("install")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for programs.")
def demo_install(as_json: bool) -> None:
    """Make the demo workspace with its people, connections and flow; what is there stays."""
    set_up()
    from ipaas.cli.demo import install, introduce

    signs = install()
    click.echo(introduce(signs, as_json=as_json))


@demo.command("orders")
@click.option("--count", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--fault", "faults", multiple=True, help="vendor:what:percent%, e.g. payments:503:30% (repeatable).")
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0, 9999), help="Dice of the orders and the faults."
)
@click.option("--wait", default=300, show_default=True, help="Seconds to wait for every order to end.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for programs.")
def demo_orders(count: int, faults: tuple[str, ...], seed: int, wait: int, as_json: bool) -> None:
    """Place signed orders through the ingress and hold the outcome against the vendors' own books.

    Ends with 1 unless every order ended, nothing happened twice, and the books agree with what the runs say.
    """
    set_up()
    from ipaas.cli.demo_orders import place_orders

    say = _nothing if as_json else click.echo
    _conclude(place_orders(count=count, faults=faults, seed=seed, wait_s=wait, say=say), as_json=as_json)


@demo.command("replay")
@click.option("--rate", default=50.0, show_default=True, help="Replays a second.")
@click.option("--wait", default=300, show_default=True, help="Seconds to wait for every order to end.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for programs.")
def demo_replay(rate: float, wait: int, as_json: bool) -> None:
    """Lift all faults, replay every open dead letter of the demo, and hold the outcome against the books again.

    What had happened before is not done again: no order is charged, shipped or confirmed a second time.
    """
    set_up()
    from ipaas.cli.demo_orders import replay_dead_letters

    say = _nothing if as_json else click.echo
    _conclude(replay_dead_letters(rate_per_s=rate, wait_s=wait, say=say), as_json=as_json)


def _conclude(report: "Report", *, as_json: bool) -> None:
    click.echo(report.as_json() if as_json else report.as_text())
    sys.exit(0 if report.passed else 1)


def _nothing(_text: str) -> None:
    """Progress that nobody asked for."""
