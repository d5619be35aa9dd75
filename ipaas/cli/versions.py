"""Commands of published versions: their end."""

import click

from ipaas.cli.client import part
from ipaas.cli.documents import PLURALS
from ipaas.cli.shell import Shell, command


@click.group()
def versions() -> None:
    """Published versions of documents and of the workspace's connectors, and their end."""


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(versions)


PATHS = {**PLURALS, "connector": "connectors"}

version = click.argument("version", metavar="KIND/SLUG@NUMBER")
reason = click.option("--reason", required=True, help="Goes into the audit trail, and is shown.")


def _path(name: str) -> str:
    kind, _, rest = name.partition("/")
    slug, _, number = rest.partition("@")
    if kind not in PATHS or not slug or not number.isdigit():
        message = "name the version as KIND/SLUG@NUMBER, such as mapping/order-row@3"
        raise click.UsageError(message)
    return f"{PATHS[kind]}/{part(slug)}/versions/{number}"


@command(versions, "list")
@click.argument("document", metavar="KIND/SLUG")
def list_versions(shell: Shell, document: str) -> None:
    """The versions of a document, newest first, with what is said of their end."""
    columns = ["number", "state", "sunset_on", "replacement", "state_reason", "published_by", "published_at", "note"]
    path = _path(f"{document}@0").rpartition("/")[0]
    shell.table(shell.api.pages(path, most=100_000), columns)


@command(versions, "deprecate")
@version
@reason
@click.option("--until", help="The day until which it may be used, such as 2027-03-31.")
@click.option("--replacement", default="", help="What to use instead: SLUG or SLUG@NUMBER.")
def deprecate_version(shell: Shell, version: str, reason: str, until: str | None, replacement: str) -> None:
    """Warn people off a version; what uses it goes on, nothing new is deployed with it."""
    body = {"reason": reason, "replacement": replacement} | ({"sunset_on": until} if until else {})
    shell.give(shell.api.post(f"{_path(version)}/deprecate", body), f"{version} is deprecated")


@command(versions, "retire")
@version
@reason
def retire_version(shell: Shell, version: str, reason: str) -> None:
    """End a version that nothing deployed uses: it is neither deployed nor pinned any more."""
    shell.give(shell.api.post(f"{_path(version)}/retire", {"reason": reason}), f"{version} is retired")
