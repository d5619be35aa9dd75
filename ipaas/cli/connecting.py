"""Commands that connect connections."""

import json
import sys
from typing import Any

import click

from ipaas.cli.client import part
from ipaas.cli.connections import connections
from ipaas.cli.shell import Shell, command, environment, flag, reason


def register(main: click.Group) -> None:
    """Add the commands of connections to ``ipaas``."""
    main.add_command(connections)


@command(connections, "connect")
@click.argument("slug")
@environment
@click.option("--field", "names", multiple=True, help="A field to be asked for, without its value (repeatable).")
@flag("--stdin-json", help="Read a JSON object of fields from standard input.")
def connect_connection(shell: Shell, slug: str, environment: str, names: tuple[str, ...], stdin_json: bool) -> None:
    """Enter what the connection's authentication asks for; values are never arguments."""
    if stdin_json:
        try:
            fields = json.load(sys.stdin)
        except json.JSONDecodeError as error:
            message = f"standard input is not JSON: {error.msg}"
            raise click.UsageError(message) from error
    else:
        fields = {name: click.prompt(name, hide_input=True, err=True) for name in names}
    if not isinstance(fields, dict) or not fields:
        message = "name the fields with --field, or give them with --stdin-json"
        raise click.UsageError(message)
    found = _found(shell, slug, environment)
    made = shell.api.post(f"connections/{found['id']}/credential", {"values": fields})
    shell.give(made, f"the credential of {slug} in {environment} is stored in the secret {made['secret']}")


@command(connections, "share")
@click.argument("slug")
@environment
@click.option("--note", default="", help="For whom; only you see it.")
@click.option("--hours", "valid_hours", type=click.IntRange(1, 720), default=168, show_default=True)
def share_connection(shell: Shell, slug: str, environment: str, note: str, valid_hours: int) -> None:
    """Print a link that connects the connection, once, from any browser and without an account."""
    place = f"connections/{_found(shell, slug, environment)['id']}/share-links"
    made = shell.api.post(place, {"note": note, "valid_hours": valid_hours})
    shell.give(made, made["url"])


@command(connections, "shares")
@click.argument("slug")
@environment
@click.option("--revoke", help="End the link with this id.")
def list_shares(shell: Shell, slug: str, environment: str, revoke: str | None) -> None:
    """The links of a connection; with --revoke, end one."""
    place = f"connections/{_found(shell, slug, environment)['id']}/share-links"
    if revoke:
        shell.give(shell.api.post(f"{place}/{revoke}/revoke"), "the link is revoked")
        return
    shell.table(shell.api.pages(place, most=100), ["id", "note", "state", "created_by", "expires_at"])


@command(connections, "revocations")
@click.argument("slug")
@environment
@click.option("--retry", help="Have the old credential with this id ended now.")
@click.option("--settle", help="Try the one with this id no more: it is ended at the vendor already. Needs --reason.")
@click.option("--reason", default="", help="Why; it goes into the audit trail.")
def list_revocations(
    shell: Shell, slug: str, environment: str, retry: str | None, settle: str | None, reason: str
) -> None:
    """Old credentials that are to be ended at the vendor, and what stood in the way; end one, or say that it is."""
    place = f"connections/{_found(shell, slug, environment)['id']}/revocations"
    if retry:
        shell.give(shell.api.post(f"{place}/{part(retry)}/retry"), "the old credential is ended at the vendor")
    elif settle:
        shell.give(shell.api.post(f"{place}/{part(settle)}/settle", {"reason": reason}), "it is not tried any more")
    else:
        columns = ["id", "secret", "version", "due_at", "tries", "failed_at", "problem"]
        shell.table(shell.api.pages(place, most=100), columns)


@command(connections, "clone")
@click.argument("slug")
@environment
@click.option("--to", "target", required=True, help="The environment that gets the copy.")
@click.option("--as", "new_slug", default="", help="Another slug for it.")
def clone_connection(shell: Shell, slug: str, environment: str, target: str, new_slug: str) -> None:
    """Copy a connection to another environment, without its secret."""
    place = f"connections/{_found(shell, slug, environment)['id']}/clone"
    made = shell.api.post(place, {"environment": target, **({"slug": new_slug} if new_slug else {})})
    shell.give(made, f"connection {made['slug']} in {target} is made; connect it next")


@command(connections, "access")
@click.argument("slug")
@environment
def show_access(shell: Shell, slug: str, environment: str) -> None:
    """Token, scopes (asked for, granted, used), announced rate and ends, and warnings."""
    found = shell.api.get(f"connections/{_found(shell, slug, environment)['id']}/access")
    shown = found if shell.as_json else {**found, "scopes": ", ".join(map(_scope, found["scope_uses"]))}
    shell.details(shown, ["connected", "connected_by", "token_expires_at", "reconnect", "scopes", "rate", "endings"])
    if not shell.as_json:
        for warning in found["warnings"]:
            shell.say(f"  WARNING  {warning}")


@command(connections, "pause")
@click.argument("slug")
@environment
@reason
def pause_connection(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Have calls wait, without an attempt spent, until the connection is resumed: its breaker is held open."""
    _hold(shell, slug, environment, "open", reason)


@command(connections, "resume")
@click.argument("slug")
@environment
@reason
def resume_connection(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Let the calls that wait for a paused connection go on."""
    _hold(shell, slug, environment, "", reason)


def _hold(shell: Shell, slug: str, environment: str, state: str, reason: str) -> None:
    place = f"connections/{_found(shell, slug, environment)['id']}/breaker"
    done = "paused: calls wait" if state else "resumed"
    shell.give(shell.api.post(place, {"state": state, "reason": reason}), f"{slug} in {environment} is {done}")


def _scope(scope: dict[str, Any]) -> str:
    marks = [word for word in ("requested", "granted") if scope[word]] + (["used"] if scope["used_by"] else [])
    return f"{scope['name']} ({', '.join(marks) or 'not asked for'})"


def _found(shell: Shell, slug: str, environment: str) -> Any:
    return shell.api.one("connections", "connection", slug=slug, environment=environment)
