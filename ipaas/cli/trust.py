"""Commands of the vault's keys and of the audit trail."""

import sys

import click
import django

from ipaas.cli.shell import Told


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


@audit.command("public-keys")
def audit_public_keys() -> None:
    """Show the public keys that verify checkpoints and exports, by their ids."""
    django.setup()
    from ipaas.audit.signing import public_keys

    for name, key in public_keys().items():
        click.echo(f"{name} {key}")
