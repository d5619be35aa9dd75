"""Commands of contracts: what partners and their programs read."""

import click

from ipaas.cli.client import part
from ipaas.cli.shell import Shell, Told, command, flag, limit
from ipaas.core import jsonio

COLUMNS = ["slug", "title", "latest_version", "public_url", "updated_at"]


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(contracts)


@click.group(cls=Told)
def contracts() -> None:
    """Contracts: what integrations promise."""


@command(contracts, "list")
@flag("--archived", help="Archived ones instead.")
@limit
def list_contracts(shell: Shell, archived: bool, limit: int) -> None:
    """All contracts."""
    shell.table(shell.api.pages("contracts", most=limit, archived=archived), COLUMNS)


@command(contracts, "published")
@click.argument("slug")
@click.option(
    "--as", "form", type=click.Choice(["contract", "openapi", "asyncapi"]), default="contract", show_default=True,
    help="The document with its schemas in full, OpenAPI 3.1 or AsyncAPI 3.0.",
)  # fmt: skip
def published(shell: Shell, slug: str, form: str) -> None:
    """Print the newest version of a contract as JSON, for programs."""
    found = shell.api.get(f"contracts/{part(slug)}/published", form=form)
    click.echo(jsonio.dumps(found["content"]).decode())


@command(contracts, "share")
@click.argument("slug")
def share(shell: Shell, slug: str) -> None:
    """Make the link by which everybody who has it reads what is published."""
    shell.details(shell.api.post(f"contracts/{part(slug)}/share"), COLUMNS)


@command(contracts, "unshare")
@click.argument("slug")
def unshare(shell: Shell, slug: str) -> None:
    """End that link at once."""
    shell.details(shell.api.post(f"contracts/{part(slug)}/unshare"), COLUMNS)
