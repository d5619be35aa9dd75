"""Commands of connectors: what there is, and versions made of vendors' descriptions."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from ipaas.cli.client import part
from ipaas.cli.shell import EXIT_IN_REVIEW, Shell, Told, command, flag, limit, sure

VERSION = ["version", "state", "api_version", "operations", "dialect", "created_at", "created_by", "used_by"]
CHANGE = ["breaking", "path", "message"]
KINDS = ["openapi", "curl", "postman", "har", "graphql"]
POLL_S = 0.5
MOST_SHOWN = 50
"""Findings and changes that are printed for a person; programs get all."""


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(connectors)


@click.group(cls=Told)
def connectors() -> None:
    """Connectors: of the installation, and made of vendors' descriptions."""


@command(connectors, "list")
@click.option("--q", help="A part of slug, title or summary.")
@click.option("--category")
@click.option("--origin", type=click.Choice(["installed", "imported"]))
@limit
def list_connectors(shell: Shell, limit: int, **query: Any) -> None:
    """Every connector that the workspace can use."""
    columns = ["slug", "title", "category", "version", "origin", "operations", "quality"]
    shell.table(shell.api.pages("connectors", most=limit, **query), columns)


@command(connectors, "show")
@click.argument("slug")
@click.option("--version", help="Of an imported connector; without it the newest.")
def show_connector(shell: Shell, slug: str, version: str | None) -> None:
    """One connector with its operations; --json has the whole manifest."""
    found = shell.api.get(f"connectors/{part(slug)}", **({"version": version} if version else {}))
    columns = ["slug", "title", "summary", "category", "version", "api_version", "origin", "quality", "auth_schemes"]
    shell.details(found, columns)
    for name, action in () if shell.as_json else found["manifest"].get("actions", {}).items():
        shell.say(f"  {name}  {action.get('title', '')}".rstrip())


@command(connectors, "import")
@click.argument("source", metavar="FILE|URL")
@click.option("--slug", help="Name of the connector; usually the file's name. The same again makes a new version.")
@click.option("--category", default="generic", show_default=True)
@click.option("--kind", type=click.Choice(KINDS), help="Of the description; without it, it is recognised.")
@click.option("--note", default="", help="What changes and why, for the review and with the version.")
@flag("--preview", help="Only show what it would become.")
@flag("--yes", help="Do not ask, even if it breaks what uses the present version.")
def import_connector(
    shell: Shell, source: str, slug: str | None, category: str, kind: str | None, note: str, preview: bool, yes: bool
) -> None:
    """Make a connector of a vendor's description; - reads standard input.

    An OpenAPI or Swagger document, a cURL command, a Postman collection, a HAR file, a GraphQL schema, or with --kind
    graphql the URL of an endpoint. Shows what would break whom and what was not understood before it asks. Connections
    stay at their version. Where the policy asks for a review it is sent there; then the exit code is 7.
    """
    body = {**_source(source), "slug": slug or _slug(source), "category": category, **({"kind": kind} if kind else {})}
    if preview:
        found = shell.api.post("imports/preview", body)
        shell.give(found, _summary(found))
        return
    draft = _read(shell, shell.api.post("imports", {**body, "wait": False}))
    found = draft["preview"]
    shell.say(_summary(found))
    if found["known"]:
        shell.api.delete(f"imports/{draft['id']}")
        shell.give(found, f"nothing new: {found['slug']} {found['known']} was made of this very description")
        return
    try:
        if found["breaking"]:
            sure(f"Keep it as the next version of {found['slug']}, although it breaks what uses it?", yes=yes)
    except (click.Abort, click.UsageError):
        shell.api.delete(f"imports/{draft['id']}")
        raise
    made = shell.api.post(f"imports/{draft['id']}/keep", {"note": note})
    if "rule" in made:
        shell.give(made, f"connector {made['slug']}: review {made['id']} waits; nothing calls over it until then")
        sys.exit(EXIT_IN_REVIEW)
    shell.give(
        made, f"connector {made['slug']}: version {made['version']} with {made['operations']} operations is kept"
    )


@command(connectors, "versions")
@click.argument("slug")
@click.option("--changes", "number", type=click.IntRange(1), help="Show what this version changes.")
@click.option("--since", type=click.IntRange(1), help="With --changes: against this version, not the one before.")
@limit
def list_versions(shell: Shell, slug: str, number: int | None, since: int | None, limit: int) -> None:
    """The versions of an imported connector, and the connections that are pinned to each."""
    place = f"connectors/{part(slug)}/versions"
    if number is None:
        shell.table(shell.api.pages(place, most=limit), VERSION)
        return
    found = shell.api.get(f"{place}/{number}/changes", **({"since": since} if since else {}))
    if shell.as_json:
        shell.give(found)
    else:
        shell.table(found["changes"], CHANGE)


def _read(shell: Shell, draft: dict[str, Any]) -> dict[str, Any]:
    """The draft when it is read; how far that is goes to the error output of a terminal."""
    while draft["state"] == "reading":
        if sys.stderr.isatty():
            share = f" {draft['done']} of {draft['total']}" if draft["total"] else ""
            click.echo(f"\r{draft['phase'] or 'waiting'}{share}".ljust(40), err=True, nl=False)
        time.sleep(POLL_S)
        draft = shell.api.get(f"imports/{draft['id']}")
    if draft["state"] == "failed":
        shell.api.delete(f"imports/{draft['id']}")
        raise click.ClickException(draft["problem"])
    return draft


def _source(source: str) -> dict[str, str]:
    if source.startswith(("http://", "https://")):
        return {"url": source}
    try:
        with click.open_file(source, encoding="utf-8") as handle:
            return {"text": handle.read()}
    except UnicodeDecodeError:
        message = f"{source} is not text in UTF-8"
        raise click.UsageError(message) from None


def _slug(source: str) -> str:
    name = Path(source.partition("?")[0]).name.lower()
    stem = name.partition(".")[0]
    found = "-".join(filter(None, "".join(one if one.isascii() and one.isalnum() else " " for one in stem).split()))
    if source == "-" or not found or not found[0].isalpha():
        message = "name the connector with --slug"
        raise click.UsageError(message)
    return found[:60].rstrip("-")


def _summary(found: dict[str, Any]) -> str:
    dropped = [one for one in found["findings"] if one["level"] == "dropped"]
    said = f"{len(dropped)} left out, {len(found['findings']) - len(dropped)} notes"
    lines = [
        f"{found['title']}: {found['operations']} operations, {_notation(found['dialect'])}, {said}",
        *(f"  left out  {one['path'] or '/'}  {one['message']}" for one in dropped[:MOST_SHOWN]),
    ]
    if len(dropped) > MOST_SHOWN:
        lines.append(f"  and {len(dropped) - MOST_SHOWN} more, see --json")
    if found["previous"]:
        lines.append(f"against {found['previous']}: {len(found['changes'])} changes")
    shown = found["changes"][:MOST_SHOWN]
    lines += [f"  {'BREAKING' if one['breaking'] else 'fine':8}  {one['path']}  {_change(one)}" for one in shown]
    return "\n".join(lines)


def _change(one: dict[str, Any]) -> str:
    used = f"; used by {', '.join(one['users'])}" if one["users"] else ""
    return f"{one['message']}{used}"


def _notation(dialect: str) -> str:
    return f"OpenAPI {dialect}" if dialect[:1].isdigit() else dialect
