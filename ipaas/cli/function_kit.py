"""Commands for those who write functions: they work on folders, and need no server."""

from pathlib import Path

import click

from ipaas.cli.shell import EXIT_INVALID, Refusal, Shell, Told, command
from ipaas.core.errors import IpaasError
from ipaas.core.phrases import sentences

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(functions)


@click.group(cls=Told)
def functions() -> None:
    """Python functions of your own that flows call: list and test them. Works without a server."""


@command(functions, "list")
def list_functions(shell: Shell) -> None:
    """What is installed here, from the connector folders of the settings and from packages."""
    from ipaas.config import settings
    from ipaas.sdk.functions.folders import PROTOCOL
    from ipaas.sdk.loader import survey

    found = survey(settings().connector_folders)
    rows = [
        {"connector": slug, "version": one.manifest.version, "function": name, "title": action.title}
        for slug, one in sorted(found.connectors.items())
        if one.manifest.protocol == PROTOCOL
        for name, action in one.manifest.actions.items()
    ]
    if shell.as_json:
        shell.give(rows)
    else:
        shell.table(rows, ["connector", "version", "function", "title"])


@command(functions, "test")
@click.argument("folders", nargs=-1, required=True, type=FOLDER, metavar="FOLDER…")
def test_functions(shell: Shell, folders: tuple[Path, ...]) -> None:
    """Run the tests of folders of functions, each in a process apart as in a flow.

    Exit code 1 when a test fails, 2 when a folder is wrong.
    """
    from ipaas.sdk.functions.folders import run_tests

    rows, failed = [], 0
    for folder in folders:
        try:
            for one in run_tests(folder.resolve()):
                failed += bool(one.problem)
                rows.append({"folder": str(folder), "function": one.function, "test": one.name, "problem": one.problem})
                shell.say(f"{'FAILED' if one.problem else 'ok    '}  {one.function}: {one.name}")
                if one.problem:
                    shell.say(f"          {one.problem}")
        except IpaasError as error:
            raise Refusal(sentences(f"{folder}: {error.detail}", error.advice), EXIT_INVALID) from None
    shell.say(f"{len(rows) - failed} passed, {failed} failed")
    if shell.as_json:
        shell.give(rows)
    raise click.exceptions.Exit(int(bool(failed)))
