"""Commands of lookups: rows as CSV in and out."""

import csv
import io
from pathlib import Path
from typing import TextIO

import click

from ipaas.cli.client import ServerProblem, part
from ipaas.cli.shell import Shell, command


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(lookup)


@click.group()
def lookup() -> None:
    """Rows of lookups as CSV; `ipaas apply` takes the documents themselves."""


@command(lookup, "import")
@click.argument("slug")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.option("--key", default="", help="The column that is the key; of a new lookup the first column without it.")
def import_(shell: Shell, slug: str, file: TextIO, key: str) -> None:
    """Put the rows of a CSV file (- for standard input) into the draft; a lookup that is not there yet is made."""
    rows = file.read()
    try:
        saved = shell.api.put(f"lookups/{part(slug)}/rows", {"csv": rows, "key": key})
    except ServerProblem as problem:
        if problem.status != 404:
            raise
        first = next(csv.reader(io.StringIO(rows)), [""])[0].strip()
        content = {"kind": "lookup", "slug": slug, "title": slug, "key": key or first, "csv": rows}
        saved = shell.api.post("lookups", {"content": content})
    for one in saved["findings"]:
        shell.say(f"{one['path']}: {one['message']} [{one['code']}]")
    shell.say(f"lookup {slug}: draft {saved['draft_revision']}")
    if shell.as_json:
        shell.give(saved)


@command(lookup)
@click.argument("slug")
@click.option("--version", type=int, help="Of a version; else of the draft.")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="A file; else it is printed.")
def export(shell: Shell, slug: str, version: int | None, target: Path | None) -> None:
    """Write the rows of a lookup as CSV."""
    found = shell.api.get(f"lookups/{part(slug)}/rows", version=version)
    if target is not None:
        target.write_text(found["csv"], "utf-8")
        shell.say(str(target))
    elif not shell.as_json:
        click.echo(found["csv"], nl=False)
    if shell.as_json:
        shell.give(found)
