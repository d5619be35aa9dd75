"""``ipaas``: the command line. Commands of the server itself run beside the database; see docs/reference/cli.md."""

import os
import signal
import sys
from types import FrameType

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")

import click
import django

from ipaas.cli.instance import adopt_instance
from ipaas.cli.trust import audit, vault


@click.group()
@click.version_option(package_name="ipaas", message="%(version)s")
def main() -> None:
    """Run and drive the integration platform."""
    adopt_instance()


@main.command()
def scheduler() -> None:
    """Serve the scheduler until it is asked to stop."""
    _set_up()
    from ipaas.celery import app
    from ipaas.runtime import lifecycle
    from ipaas.runtime.scheduler import Scheduler

    app.loader.import_default_modules()
    serving = Scheduler()

    def stop(_number: int, _frame: FrameType | None) -> None:
        serving.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    lifecycle.begin("scheduler")
    try:
        serving.run()
    finally:
        lifecycle.end()


@main.group()
def stubs() -> None:
    """The stand-in vendors of the demo."""


@stubs.command("serve")
def stubs_serve() -> None:
    """Serve the stand-ins on the ports that ``up`` chose."""
    from ipaas.catalog.stand_ins import StandIns
    from ipaas.sdk.stubs.__main__ import main as serve

    place = StandIns.load()
    sys.exit(serve(place.arguments()))


@main.group()
def demo() -> None:
    """The demo workspace."""


@demo.command("install")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for programs.")
def demo_install(as_json: bool) -> None:
    """Make the demo workspace with its people, connections and flow; what is there stays."""
    _set_up()
    from ipaas.cli.demo import install, introduce

    signs = install()
    click.echo(introduce(signs, as_json=as_json))


@demo.command("orders")
@click.option("--count", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--fault", "faults", multiple=True, help="vendor:what:percent%, e.g. payments:503:30% (repeatable).")
@click.option("--seed", default=1, show_default=True, help="The same seed places the same orders.")
@click.option("--wait", default=120, show_default=True, help="Seconds to wait for every order to end.")
def demo_orders(count: int, faults: tuple[str, ...], seed: int, wait: int) -> None:
    """Place signed orders through the ingress and compare the outcome with the vendors' ledger."""
    _set_up()
    from ipaas.cli.demo_orders import place_orders

    sys.exit(place_orders(count=count, faults=faults, seed=seed, wait_s=wait, say=click.echo))


main.add_command(vault)
main.add_command(audit)


def _set_up() -> None:
    django.setup()
    from ipaas.runtime.lifecycle import begin_logging

    begin_logging()


if __name__ == "__main__":
    main()
