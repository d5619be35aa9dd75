"""Commands for those who write a connector: they work on a folder, and need no server."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from ipaas.cli.given import fields_of
from ipaas.cli.shell import EXIT_INVALID, Refusal, Shell, Told, command

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_SETTINGS_HELP = "Settings of a connection, as YAML or JSON, in place of the manifest's config_example."


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(connector)


@click.group(cls=Told)
def connector() -> None:
    """Write a connector: begin, check, test and pack a folder. Works without a server."""


@command(connector, "new")
@click.argument("slug")
@click.option("--title", help="Name shown to people; usually made of the slug.")
@click.option("--in", "below", type=FOLDER, default=".", show_default=True, help="Folder of the new folder.")
def new_connector(shell: Shell, slug: str, title: str | None, below: Path) -> None:
    """Write a folder that works, to be changed piece by piece into the vendor's connector."""
    from ipaas.sdk.scaffold import new_folder

    made = new_folder(below, slug, title or slug.replace("-", " ").title())
    shell.give({"folder": str(made)}, f"{made} is a connector; try: ipaas connector test {made}")


@command(connector, "list")
def list_here(shell: Shell) -> None:
    """What is installed here: the product's own, folders of the settings, packages; and what can not be loaded."""
    from ipaas.config import ROOT, settings
    from ipaas.sdk.loader import survey

    found = survey([ROOT / "connectors", *settings().connector_folders])
    rows = [
        {"slug": slug, "version": one.manifest.version, "quality": one.quality.level, "title": one.manifest.title}
        for slug, one in sorted(found.connectors.items())
    ]
    if shell.as_json:
        shell.give({"connectors": rows, "unloaded": [asdict(one) for one in found.unloaded]})
    else:
        shell.table(rows, ["slug", "version", "quality", "title"])
    for one in found.unloaded:
        click.echo(f"not loaded: {one.place}: {one.reason}", err=True)
    if found.unloaded:
        raise click.exceptions.Exit(1)


@command(connector, "check")
@click.argument("folders", nargs=-1, required=True, type=FOLDER, metavar="FOLDER…")
def check_connector(shell: Shell, folders: tuple[Path, ...]) -> None:
    """Read a folder and say what is wrong, where, and what to do; hints are no faults. Calls nothing."""
    from ipaas.sdk.checking import check_folder

    found = [(folder, one) for folder in folders for one in check_folder(folder.resolve())]
    faults = sum(one.level == "fault" for _, one in found)
    rows = [
        {"folder": str(folder), "level": one.level, "place": one.place, "message": one.message, "remedy": one.remedy}
        for folder, one in found
    ]
    lines = [f"{row['level']:5}  {row['folder']}/{row['place']}: {row['message']}. {row['remedy']}" for row in rows]
    lines.append(f"faults: {faults}, hints: {len(found) - faults}")
    shell.give(rows, "\n".join(lines))
    if faults:
        raise click.exceptions.Exit(EXIT_INVALID)


@command(connector, "test")
@click.argument("folders", nargs=-1, required=True, type=FOLDER, metavar="FOLDER…")
@click.option("--settings", type=click.Path(exists=True, dir_okay=False, path_type=Path), help=_SETTINGS_HELP)
@click.option("--keep/--no-keep", default=True, help="Write the outcome into quality.json beside the manifest.")
def test_connector(shell: Shell, folders: tuple[Path, ...], settings: Path | None, keep: bool) -> None:
    """Run the generated suite against the connector's own stand-in, and say which quality level it has."""
    found = []
    for folder in folders:
        found.append(_tested(folder.resolve(), fields_of(settings), keep=keep, say=shell.say))
        shell.say(found[-1].text)
    if shell.as_json:
        shell.give([one.document for one in found])
    if not all(one.passed for one in found):
        raise click.exceptions.Exit(1)


@command(connector, "pack")
@click.argument("folder", type=FOLDER)
@click.option("--settings", type=click.Path(exists=True, dir_okay=False, path_type=Path), help=_SETTINGS_HELP)
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), default="dist", show_default=True, help="For the wheel."
)
def pack_connector(shell: Shell, folder: Path, settings: Path | None, into: Path) -> None:
    """Test a connector and make a Python package of it, to be installed with pip beside the product."""
    from ipaas.sdk.packing import pack_folder

    if not _tested(folder.resolve(), fields_of(settings), keep=True, say=lambda _line: None).passed:
        message = f"{folder} does not pass its suite. Run `ipaas connector test {folder}`, and mend what it names."
        raise Refusal(message, 1)
    made = pack_folder(folder.resolve(), into)
    shell.give({"package": str(made)}, f"{made} is written; install it with: pip install {made}")


@dataclass(frozen=True)
class _Outcome:
    """Of the suite and the ladder: for programs, for people, and whether every test passed."""

    document: dict[str, Any]
    text: str
    passed: bool


def _tested(folder: Path, settings: dict[str, Any], *, keep: bool, say: Callable[[str], None]) -> _Outcome:
    from ipaas.sdk.quality import write_quality
    from ipaas.sdk.suite import quality_of, run_suite

    tested = []
    for one in run_suite(folder, settings):
        tested.append(one)
        say(f"{'ok    ' if one.passed else 'FAILED'}  {one.words}{'' if one.passed else f': {one.message}'}")
    quality = quality_of(folder, tested)
    if keep:
        write_quality(folder, quality)
    failed = [one for one in tested if not one.passed]
    lines = [
        f"{folder.name}: {len(tested) - len(failed)} passed, {len(failed)} failed; quality: {quality.level or 'none'}"
    ]
    lines += [f"  {one.level:6}  {one.name}: {one.reason}" for one in quality.missing]
    document = {
        "folder": str(folder),
        "level": quality.level,
        "tests": [{"name": one.name, "passed": one.passed, "message": one.message} for one in tested],
        "missing": [{"level": one.level, "name": one.name, "reason": one.reason} for one in quality.missing],
    }
    return _Outcome(document, "\n".join(lines), not failed)
