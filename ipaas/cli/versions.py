"""Commands of published versions: their end."""

from typing import Any

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
    done = shell.api.post(f"{_path(version)}/deprecate", body)
    users = f"; still used by {', '.join(done['used_by'])}" if done["used_by"] else ""
    shell.give(done, f"{version} is deprecated{users}")


@command(versions, "retire")
@version
@reason
def retire_version(shell: Shell, version: str, reason: str) -> None:
    """End a version that nothing uses: it is neither deployed nor pinned any more."""
    shell.give(shell.api.post(f"{_path(version)}/retire", {"reason": reason}), f"{version} is retired")


@command(versions, "users")
@click.argument("document", metavar="KIND/SLUG")
def list_users(shell: Shell, document: str) -> None:
    """The mappings and functions that name a lookup or a function, with the versions that they pin."""
    found = shell.api.get(f"{_named(document)}/users")["users"]
    shell.table(found, ["kind", "slug", "numbers", "behind", "fixed", "other_changes"])


@command(versions, "bring-along")
@click.argument("document", metavar="KIND/SLUG")
@click.option("--to", multiple=True, metavar="KIND/SLUG", help="One that is meant (repeatable); else all behind.")
def bring_along(shell: Shell, document: str, to: tuple[str, ...]) -> None:
    """Have the mappings and functions that pin a lookup or a function use its newest version.

    Each gets a version that differs in nothing else, through its own tests and its own review. Exit code 1 when one
    of them got no further than a draft.
    """
    found = shell.api.post(f"{_named(document)}/bring-along", {"to": list(to)} if to else {})["brought"]
    shell.give(found, "\n".join(_told(one) for one in found) or "nothing to bring along")
    if any(one["problem"] for one in found):
        raise click.exceptions.Exit(1)


def _named(document: str) -> str:
    if document.partition("/")[0] not in ("lookup", "function"):
        message = "name a lookup or a function, such as lookup/vat-rates"
        raise click.UsageError(message)
    return _path(f"{document}@0").rpartition("/versions/")[0]


def _told(one: dict[str, Any]) -> str:
    words = {
        "published": f"version {one['version']} uses it",
        "review": f"waits for review {one['review']}",
        "draft": "drafted, not published",
        "left": "left as it is",
    }[one["outcome"]]
    return f"{one['kind']}/{one['slug']}: {words}" + (f": {one['problem']}" if one["problem"] else "")
