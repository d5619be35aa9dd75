"""Commands of secrets beyond entering them: rotation, reading on record, the backend, migration."""

import sys
from typing import Any

import click

from ipaas.cli.client import part
from ipaas.cli.given import entered, pairs
from ipaas.cli.outside import secrets
from ipaas.cli.shell import EXIT_DIFFERENT, Shell, Told, command, flag, limit, reason, sure

_rules = click.Group()
STORES = click.Choice(["builtin", "transit", "openbao", "environment", "file"])


def register(main: click.Group) -> None:
    """Add the commands to those of secrets."""
    del main
    for name, one in _rules.commands.items():
        secrets.add_command(one, name)


@command(_rules, "reads")
@click.argument("slug")
@limit
def list_reads(shell: Shell, slug: str, limit: int) -> None:
    """Who read a secret, when and what for, the newest first: one line per version, process and minute."""
    columns = ["minute", "version", "reads", "purposes", "flows", "process"]
    shell.table(shell.api.pages(f"secrets/{part(slug)}/reads", most=limit), columns)


@command(_rules, "register")
@click.argument("slug")
@click.option("--kind", type=click.Choice(["credential", "signing"]), default="credential", show_default=True)
@click.option("--description", default="")
def register_secret(shell: Shell, slug: str, kind: str, description: str) -> None:
    """Make a secret of a value that the workspace's backend holds already."""
    made = shell.api.post("vault/register", {"slug": slug, "kind": kind, "description": description})
    shell.give(made, f"secret {slug} is registered, with {', '.join(made['versions'][0]['field_names'])}")


@command(_rules, "rotation")
@click.argument("slug")
@click.option("--every", "every_days", type=click.IntRange(1), help="Days.")
@flag("--none", help="No rule any more.")
@flag("--automatic", help="The platform does it; else people are reminded.")
@click.option("--overlap", "overlap_s", type=click.IntRange(0), default=86_400, show_default=True, help="Seconds.")
def set_rotation(shell: Shell, slug: str, every_days: int | None, none: bool, automatic: bool, overlap_s: int) -> None:
    """Say how often a secret is to be rotated, by whom, and how long two values are good."""
    if none == (every_days is not None):
        message = "give --every or --none"
        raise click.UsageError(message)
    rule = {
        "every_days": every_days,
        "rotation": "automatic" if automatic else "remind",
        "overlap_s": overlap_s,
    }
    done = shell.api.put(f"secrets/{part(slug)}/rotation", rule)
    due = done["rotation_due_at"]
    shell.give(done, f"secret {slug}: to be rotated by {due}" if due else f"secret {slug}: no rule any more")


@command(_rules, "rotate")
@click.argument("slug")
@click.option("--overlap", "overlap_s", type=click.IntRange(0), help="Seconds; else that of the secret's rule.")
@click.option("--after", type=click.IntRange(1), help="Only where this is still the newest version.")
def rotate_secret(shell: Shell, slug: str, overlap_s: int | None, after: int | None) -> None:
    """Have the platform make the next value now, where it can."""
    given = {"overlap_s": overlap_s, "after_version": after}
    body = {name: value for name, value in given.items() if value is not None}
    made = shell.api.post(f"secrets/{part(slug)}/rotate", body)
    waits = f"; collect it with: ipaas secrets collect {slug} {made['number']}" if made["handover"] else ""
    shell.give(made, f"secret {slug}: version {made['number']} is live{waits}")


@command(_rules, "collect")
@click.argument("slug")
@click.argument("version", type=click.IntRange(1))
def collect_secret(shell: Shell, slug: str, version: int) -> None:
    """Show a value that the platform made up, once, for whoever must be told it."""
    found = shell.api.post(f"secrets/{part(slug)}/versions/{version}/collect")
    shell.give(found, _lines(found))


@command(_rules, "reveal")
@click.argument("slug")
@reason
@flag("--yes", help="Do not ask.")
def reveal_secret(shell: Shell, slug: str, reason: str, yes: bool) -> None:
    """Show the live value in an emergency: on record, told to all administrators, and only where it is switched on."""
    sure(f"Read {slug}? All administrators are told who did, and why.", yes=yes)
    found = shell.api.post(f"secrets/{part(slug)}/reveal", {"reason": reason})
    shell.give(found, _lines(found))


@_rules.group(cls=Told)
def backend() -> None:
    """Where the workspace keeps its secrets."""


@command(backend, "show")
def show_backend(shell: Shell) -> None:
    """The store that keeps what is entered, and how it is reached."""
    found = shell.api.get("vault/backend")
    rows = {name: value for name, value in found["config"].items() if value and name != "ca_pem"}
    shell.details(found if shell.as_json else {**found, **rows}, ["kind", *rows, "login", "down_since", "problem"])


@command(backend, "set")
@click.argument("kind", type=STORES)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting, such as address=https://….")
@click.option("--login", "login", multiple=True, metavar="FIELD", help="A field of the login, asked for (repeatable).")
@flag("--stdin-json", help="Read the login as a JSON object from standard input.")
def set_backend(shell: Shell, kind: str, settings: tuple[str, ...], login: tuple[str, ...], stdin_json: bool) -> None:
    """Choose the store for what is entered from now on; it is tried first. Secrets elsewhere stay until migrated."""
    body: dict[str, Any] = {"kind": kind, "config": pairs(settings)}
    if login or stdin_json:
        body["login"] = entered(login, stdin_json=stdin_json)
    done = shell.api.put("vault/backend", body)
    shell.give(done, f"{done['kind']}: {done['found']}")


@command(backend, "check")
@click.argument("kind", type=STORES)
def check_backend(shell: Shell, kind: str) -> None:
    """Try a store as it is set up."""
    done = shell.api.post("vault/backend/check", {"kind": kind})
    shell.give(done, f"{done['kind']}: {done['found']}")


@command(_rules, "migrate")
@click.option("--to", required=True, type=STORES, help="The store that is to have them.")
@flag("--plan", help="Show what would be moved; exit code 3 when there is something.")
@flag("--yes", help="Do not ask.")
def migrate(shell: Shell, to: str, plan: bool, yes: bool) -> None:
    """Move all secrets to a store, each checked there before it is used from there; may be stopped and run again."""
    moves = shell.api.post("vault/migration/plan", {"kind": to})["moves"]
    columns = ["slug", "store", "versions", "problem"]
    if plan:
        shell.table(moves, columns)
        sys.exit(EXIT_DIFFERENT if moves else 0)
    sure(f"Move {len(moves)} secrets to {to}?", yes=yes or not moves)
    moved: list[str] = []
    while True:
        done = shell.api.post("vault/migration", {"to": to})
        moved += done["moved"]
        shell.progress(f"{len(moved)} moved, {done['left']} left")
        if not done["moved"]:
            break
    shell.give({**done, "moved": moved}, f"{len(moved)} secrets are kept by {to} now; {done['left']} left")
    for one in () if shell.as_json else done["problems"]:
        click.echo(f"  {one['slug']}: {one['problem']}")
    sys.exit(1 if done["left"] else 0)


def _lines(found: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in found["values"].items())
