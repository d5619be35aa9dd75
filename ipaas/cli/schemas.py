"""Commands of schemas: whether a change fits what is published, and a first schema from samples."""

import sys
from typing import Any

import click

from ipaas.cli.client import part
from ipaas.cli.shell import EXIT_INVALID, Shell, Told, command, flag
from ipaas.core import yamlio

file = click.argument("file", type=click.File("r", encoding="utf-8"))


@click.group(cls=Told)
def schemas() -> None:
    """Check changes of schemas, infer schemas from samples."""


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(schemas)


@command(schemas)
@file
def check(shell: Shell, file: Any) -> None:
    """Say whether a schema document may follow what is published. Exit code 2 when that is not proven.

    FILE is the document (YAML or JSON, - for standard input). Nothing is stored.
    """
    text = file.read()
    content = yamlio.load(text)
    slug = content.get("slug") if isinstance(content, dict) else None
    if not isinstance(slug, str):
        message = "the document names no slug"
        raise click.UsageError(message)
    found = shell.api.post(f"schemas/{part(slug)}/compatibility", {"text": text})
    for version in found["versions"]:
        shell.say(f"version {version['version']}: {version['state']} ({found['mode']})")
        for problem in version["problems"]:
            shell.say(f"  {problem['place'] or '(all)'}: {problem['message']}\n    {problem['advice']}")
        if version["relied_on"]:
            shell.say(f"  counts on writers not sending undeclared properties: {', '.join(version['relied_on'])}")
    if not found["versions"]:
        shell.say(f"nothing to compare with ({found['mode']})")
    _give(shell, found)
    sys.exit(0 if found["state"] == "compatible" or found["accepted"] else EXIT_INVALID)


@command(schemas)
@click.argument("slug")
@click.option("--reason", required=True, help="Goes into the audit trail.")
def force(shell: Shell, slug: str, reason: str) -> None:
    """Let the draft of a schema be published although it may break readers or writers; a steward's decision."""
    done = shell.api.post(f"schemas/{part(slug)}/accept-break", {"reason": reason})
    shell.say(f"The draft of {slug} may be published as it is now.")
    _give(shell, done)


@command(schemas)
@click.argument("file", type=click.File("r", encoding="utf-8"), required=False)
@click.option("--flow", default="", help="Take the samples from the newest runs of this flow instead of a file.")
@click.option("--step", default="", help="What this step of the flow gave, instead of what the flow got.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, help="How many runs count.")
@click.option("--slug", default="my-schema", help="Of the document that is printed.")
@flag("--unmarked", help="Mark no place as sensitive; guesses are told only.")
def infer(shell: Shell, file: Any, flow: str, step: str, limit: int, slug: str, unmarked: bool) -> None:
    """Print a schema document that accepts every sample of FILE (JSON, or JSON Lines; - for standard input).

    With --flow the samples are what its runs got, or what a step of them gave. Places that look sensitive are marked
    and told on standard error, to be looked at.
    """
    if (file is None) == (not flow):
        raise click.UsageError("Give either a FILE or --flow.")
    body: dict[str, Any] = {"flow": flow, "limit": limit} if flow else {"text": file.read()}
    body |= ({"step": step} if step else {}) | ({"confirmed": []} if unmarked else {})
    found = shell.api.post("schemas/-infer", body)
    for guess in found["guesses"]:
        click.echo(f"{guess['place'] or '(all)'}: {guess['sensitive']}, as {guess['why']}", err=True)
    document = {"kind": "schema", "slug": slug, "title": slug, "schema": found["schema"]}
    if not shell.as_json:
        click.echo(yamlio.dump(document), nl=False)
    _give(shell, found)


def _give(shell: Shell, answer: Any) -> None:
    if shell.as_json:
        shell.give(answer)
