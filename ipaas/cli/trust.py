"""Commands of the vault's keys and of the audit trail."""

import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import django

from ipaas.core.errors import IpaasError


class Told(click.Group):
    """A group whose commands say errors of the product in a line, with what to do, instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except IpaasError as error:
            raise click.ClickException(" ".join(filter(None, (error.detail, error.advice)))) from None


@click.group(cls=Told)
def vault() -> None:
    """The key-encryption key of the vault; values of secrets are never shown."""


@vault.command("status")
def vault_status() -> None:
    """Show every version of the key, how many data keys it wraps, and whether the present key opens them."""
    django.setup()
    from ipaas.vault.rotation import check_keys, key_versions

    for row in key_versions():
        words = ["current"] * row.current + ["not held: restore it"] * (not row.held)
        click.echo(f"version {row.version}: {row.data_keys} data keys{''.join(f', {word}' for word in words)}")
    check_keys()
    click.echo("every version in use opens")


@vault.command("add-key")
def vault_add_key() -> None:
    """Add a version to the key file and use it for everything new; then copy the file and run `rewrap`."""
    django.setup()
    from ipaas.core.actor import SYSTEM
    from ipaas.vault.keys import key_file
    from ipaas.vault.rotation import add_key

    version = add_key(actor=SYSTEM)
    click.echo(f"version {version} is current; keep a copy of {key_file()} away from the database")


@vault.command("rewrap")
def vault_rewrap() -> None:
    """Wrap anew whatever an older version wraps; may be interrupted and run again at any time."""
    django.setup()
    from ipaas.core.actor import SYSTEM
    from ipaas.vault.rotation import rewrap

    done = rewrap(actor=SYSTEM, progress=lambda moved, left: click.echo(f"{moved} done, {left} left"))
    click.echo(f"version {done.version} now wraps {done.moved} more data keys; {done.left} left")
    sys.exit(1 if done.left else 0)


@vault.command("retire-key")
@click.argument("version", type=click.IntRange(1))
def vault_retire_key(version: int) -> None:
    """Remove a version that wraps nothing any more from the key file."""
    django.setup()
    from ipaas.core.actor import SYSTEM
    from ipaas.vault.rotation import retire_key

    retire_key(version=version, actor=SYSTEM)
    click.echo(f"version {version} is removed")


@click.group(cls=Told)
def audit() -> None:
    """The audit trail."""


@audit.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--public-key", help="The key to trust, in base64; else the one in the file is used.")
@click.option("--checkpoints", type=click.Path(exists=True, dir_okay=False), help="Checkpoints kept apart.")
def audit_verify(file: Path, public_key: str | None, checkpoints: str | None) -> None:
    """Check an exported trail offline: numbers, chain and signatures."""
    from ipaas.audit.verifier import main

    options = [("--public-key", public_key), ("--checkpoints", checkpoints)]
    sys.exit(main([str(file), *(word for name, value in options if value for word in (name, value))]))


@audit.command("export")
@click.argument("workspace")
@click.option("--format", "fmt", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--filter", "filters", multiple=True, help="name=value: who, action, flow, since, until … (repeatable).")
def audit_export(workspace: str, fmt: Any, filters: tuple[str, ...]) -> None:
    """Write the trail of a workspace to standard output."""
    django.setup()
    from ipaas.audit.querysets import AuditFilters
    from ipaas.audit.services import export_entries
    from ipaas.core.actor import SYSTEM

    chosen = AuditFilters.from_query({name: value for name, _, value in (text.partition("=") for text in filters)})
    for part in export_entries(workspace_id=_workspace(workspace), filters=chosen, fmt=fmt, actor=SYSTEM):
        sys.stdout.buffer.write(part)


@audit.command("checkpoints")
@click.argument("workspace")
def audit_checkpoints(workspace: str) -> None:
    """Write all signed checkpoints of a workspace, to be kept outside."""
    django.setup()
    from ipaas.audit.exports import export_checkpoints

    for line in export_checkpoints(_workspace(workspace)):
        sys.stdout.buffer.write(line)


@audit.command("public-keys")
def audit_public_keys() -> None:
    """Show the public keys that verify checkpoints and exports, by their ids."""
    django.setup()
    from ipaas.audit.signing import public_keys

    for name, key in public_keys().items():
        click.echo(f"{name} {key}")


def _workspace(slug: str) -> UUID:
    from ipaas.accounts.models import Workspace
    from ipaas.core.errors import NotFound

    found = Workspace.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound(what="workspace")
    return found.id
