"""``ipaas``: the command line. Commands of the server itself run beside the database; see docs/reference/cli.md."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")

import click
from click.shell_completion import get_completion_class

from ipaas import __version__
from ipaas.cli import (
    access,
    connecting,
    connector_kit,
    connectors,
    contracts,
    documents,
    endpoints,
    flows,
    function_kit,
    jobs,
    lookups,
    mapping_kit,
    outside,
    people,
    reviews,
    runs,
    schemas,
    secret_rules,
    versions,
    webhooks,
    workspace,
)
from ipaas.cli.demo_commands import demo
from ipaas.cli.instance import set_up
from ipaas.cli.shell import Options, Told
from ipaas.cli.trust import audit, vault
from ipaas.launcher.environment import adopt_instance


@click.group(cls=Told)
@click.version_option(__version__, message="%(version)s")
@click.option("--server", help="Address of a server; its key comes from IPAAS_API_KEY or `ipaas login`.")
@click.option("--profile", help="A server and its key, as `ipaas login --profile` has kept them.")
@click.option("--workspace", help="Of this machine's instance, where there are several.")
@click.pass_context
def main(context: click.Context, server: str | None, profile: str | None, workspace: str | None) -> None:
    """Run and drive the integration platform."""
    adopt_instance()
    context.obj = Options(server, workspace, profile)


@main.command()
def scheduler() -> None:
    """Serve the scheduler until it is asked to stop."""
    set_up()
    import ipaas.celery  # noqa: F401 - the app that rings the workers
    from ipaas.runtime import lifecycle
    from ipaas.runtime.scheduler import Scheduler

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


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell, as in eval "$(ipaas completion bash)" or ipaas completion fish."""
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 - click knows the three
    click.echo(made(main, {}, "ipaas", "_IPAAS_COMPLETE").source())


def _as_manage(name: str, text: str) -> None:
    """What ``manage.py`` does on this machine, under the name of the product as well."""

    @main.command(name, help=text, context_settings={"ignore_unknown_options": True})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def become(words: tuple[str, ...]) -> None:
        sys.stdout.flush()
        manage = Path(__file__).parents[2] / "manage.py"
        os.execv(sys.executable, [sys.executable, str(manage), name, *words])  # noqa: S606 - our own interpreter


_as_manage("doctor", "Look for what is wrong with the instance of this machine; as `manage.py doctor`.")
_as_manage("bench", "Measure on this machine; -- and what follows goes to the benchmark, as with `manage.py bench`.")


@main.group()
def stubs() -> None:
    """The stand-in vendors of the demo."""


@stubs.command("serve")
def stubs_serve() -> None:
    """Serve the stand-ins on the ports that ``up`` chose."""
    from ipaas.catalog.stand_in_place import StandIns
    from ipaas.sdk.stubs.__main__ import main as serve

    place = StandIns.load()
    sys.exit(serve(place.arguments()))


documents.register(main)
contracts.register(main)
flows.register(main)
lookups.register(main)
runs.register(main)
outside.register(main, stubs)
for area in (
    secret_rules,
    connecting,
    connector_kit,
    function_kit,
    mapping_kit,
    schemas,
    connectors,
    endpoints,
    webhooks,
    jobs,
    people,
    reviews,
    versions,
    workspace,
):
    area.register(main)
access.register(main, audit)
for own in (audit, demo, vault):
    main.add_command(own)


if __name__ == "__main__":
    main()
