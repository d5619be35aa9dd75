"""Commands of connections."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ipaas.cli.client import part
from ipaas.cli.given import fields_of, from_file, merged, said
from ipaas.cli.shell import Shell, Told, command, environment, flag, limit, reason, sure

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Told)
def connections() -> None:
    """Connections to services, and their breakers."""


def _fields(function: F) -> F:
    for option in (
        from_file,
        click.option("--config", "config", multiple=True, help="name=value of the connector (repeatable)."),
        click.option("--secret", help="The slug of a secret; empty for none. A value is never an argument."),
        click.option("--auth-scheme", help="One of the connector's."),
        click.option("--base-url", help="The address of the service."),
        click.option("--title"),
    ):
        function = option(function)
    return function


@command(connections, "list")
@click.option("--environment", "-e")
@click.option("--connector")
@limit
def list_connections(shell: Shell, limit: int, **query: Any) -> None:
    """All connections."""
    columns = ["environment", "slug", "connector", "base_url", "secret", "state", "forced_breaker", "test_ok"]
    shell.table(shell.api.pages("connections", most=limit, **query), columns)


@command(connections, "show")
@click.argument("slug")
@environment
def show_connection(shell: Shell, slug: str, environment: str) -> None:
    """One connection with its breaker and limits."""
    found = _connection(shell, slug, environment)
    health = shell.api.get(f"connections/{found['id']}/health")
    names = ("breaker", "in_use", "tokens", "ok", "failed", "quota_used")
    shown = {**found, "health": health if shell.as_json else {name: health[name] for name in names}}
    columns = [
        "environment",
        "slug",
        "title",
        "connector",
        "connector_version",
        "base_url",
        "auth_scheme",
        "secret",
        "owner",
        "state",
        "health",
    ]
    shell.details(shown, columns)


@command(connections, "test")
@click.argument("slug")
@environment
def test_connection(shell: Shell, slug: str, environment: str) -> None:
    """Send the test call, once. Exit code 1 when it fails."""
    found = shell.api.post(f"connections/{_connection(shell, slug, environment)['id']}/test")
    answer = "works" if found["ok"] else f"fails: {found['message']} [{found['code']}]"
    shell.give(found, f"{slug} in {environment} {answer} ({found['duration_ms']:.0f} ms)")
    sys.exit(0 if found["ok"] else 1)


test_connection.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever a collector thinks


@command(connections, "breaker")
@click.argument("slug")
@click.argument("state", type=click.Choice(["open", "closed", "auto"]))
@environment
@reason
def force_breaker(shell: Shell, slug: str, state: str, environment: str, reason: str) -> None:
    """Hold the breaker open or closed, or leave it to itself (auto)."""
    place = f"connections/{_connection(shell, slug, environment)['id']}/breaker"
    body = {"state": "" if state == "auto" else state, "reason": reason}
    shell.give(shell.api.post(place, body), f"the breaker of {slug} in {environment} is {state}")


def _connection(shell: Shell, slug: str, environment: str) -> Any:
    return shell.api.one("connections", "connection", slug=slug, environment=environment)


@command(connections, "create")
@click.argument("slug")
@click.option("--connector", help="Which connector it uses; needed here or in the file.")
@environment
@_fields
def create_connection(
    shell: Shell, slug: str, environment: str, file: Path | None, config: tuple[str, ...], **options: Any
) -> None:
    """Make a connection; its secret is named, never given."""
    fields = {**fields_of(file), **said(options)}
    fields["config"] = merged(fields.get("config"), config)
    made = shell.api.post("connections", {"environment": environment, "slug": slug, **fields})
    shell.give(made, f"connection {slug} in {environment} is made")


@command(connections, "update")
@click.argument("slug")
@click.option("--connector")
@click.option("--owner", help="Address of the member who looks after it from now on; empty for nobody.")
@environment
@_fields
def update_connection(
    shell: Shell, slug: str, environment: str, file: Path | None, config: tuple[str, ...], **options: Any
) -> None:
    """Change what is named; --config changes single members, null takes one out.

    A new address, connector or scheme detaches the secret unless --secret names it again.
    """
    found = _connection(shell, slug, environment)
    changes = {**fields_of(file), **said(options)}
    if config:
        changes["config"] = merged(changes.get("config", found["config"]), config)
    if not changes:
        message = "name what is to change"
        raise click.UsageError(message)
    made = shell.api.patch(f"connections/{found['id']}", changes)
    shell.give(made, f"connection {slug} in {environment} is changed")


@command(connections, "move")
@click.argument("slug")
@environment
@click.option("--version", required=True, help="Of its connector, such as 2.0.0.")
@flag("--yes", help="Do not ask, even if it breaks what uses the connection.")
def move_connection(shell: Shell, slug: str, environment: str, version: str, yes: bool) -> None:
    """Move a connection to another version of its connector; what breaks is shown before."""
    found = _connection(shell, slug, environment)
    number, present = version.partition(".")[0], found["connector_version"]
    if not number.isascii() or not number.isdigit():
        message = f"{version!r} is not a version, such as 2.0.0"
        raise click.UsageError(message)
    place = f"connectors/{part(found['connector'])}"
    if shell.api.get(place)["origin"] == "imported":
        changes = shell.api.get(f"{place}/versions/{number}/changes", since=present.partition(".")[0])
        version = changes["version"]
    else:
        changes = shell.api.get(f"{place}/changes", since=present)
    breaking = [one for one in changes["changes"] if one["breaking"]]
    for one in changes["changes"]:
        if one["breaking"] or one["path"].startswith("migration."):
            level = "BREAKING" if one["breaking"] else "note"
            shell.say(f"  {level:8}  {one['path']}  {'. '.join(filter(None, [one['message'], one.get('hint')]))}")
    if breaking:
        sure(f"Move {slug} in {environment} to {version} all the same?", yes=yes)
    made = shell.api.patch(f"connections/{found['id']}", {"connector_version": version})
    shell.give(made, f"connection {slug} in {environment} uses {made['connector']} {made['connector_version']}")


@command(connections, "try")
@click.argument("slug")
@click.argument("operation")
@environment
@click.option("--param", "params", multiple=True, help="name=value of the operation (repeatable).")
@from_file
@flag("--effects", help="Needed where the operation changes something at the other side.")
@flag("--curl", help="Print the request as a command for a shell, with variables in place of secrets.")
def try_operation(
    shell: Shell,
    slug: str,
    operation: str,
    environment: str,
    params: tuple[str, ...],
    file: Path | None,
    effects: bool,
    curl: bool,
) -> None:
    """Call one operation, once, outside any flow. Exit code 1 when it fails."""
    body = {"action": operation, "params": merged(fields_of(file), params), "effects": effects}
    found = shell.api.post(f"connections/{_connection(shell, slug, environment)['id']}/try", body)
    answer = "works" if found["ok"] else f"fails: {found['message']} [{found['code']}]"
    shell.give(found, f"{operation} over {slug} in {environment} {answer} ({found['duration_ms']:.0f} ms)")
    if curl:
        shell.say(found["curl"])
    elif found["response"] is not None:
        shell.say(shell.json_text(found["response"].get("body")))
    sys.exit(0 if found["ok"] else 1)


@command(connections, "enable")
@click.argument("slug")
@environment
@click.option("--reason", default="", help="Why; written into the audit trail.")
def enable_connection(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Let calls go over a connection again."""
    _turn(shell, slug, environment, "enable", reason)


@command(connections, "disable")
@click.argument("slug")
@environment
@reason
def disable_connection(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Have every call over a connection fail as a matter of configuration."""
    _turn(shell, slug, environment, "disable", reason)


@command(connections, "delete")
@click.argument("slug")
@environment
@flag("--yes", help="Do not ask.")
def delete_connection(shell: Shell, slug: str, environment: str, yes: bool) -> None:
    """Delete a connection that nothing uses; its secret stays."""
    found = _connection(shell, slug, environment)
    sure(f"Delete the connection {slug} in {environment} for good?", yes=yes)
    shell.api.delete(f"connections/{found['id']}")
    shell.give({"deleted": slug, "environment": environment}, f"connection {slug} in {environment} is deleted")


def _turn(shell: Shell, slug: str, environment: str, deed: str, reason: str) -> None:
    place = f"connections/{_connection(shell, slug, environment)['id']}/{deed}"
    shell.give(shell.api.post(place, {"reason": reason}), f"connection {slug} in {environment} is {deed}d")
