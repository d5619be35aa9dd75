"""Commands of flows: which there are, which version runs where."""

import click

from ipaas.cli.client import part
from ipaas.cli.shell import Shell, Told, command, environment, flag, limit, reason


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(flows)


@click.group(cls=Told)
def flows() -> None:
    """Flows: which there are, which version runs where."""


@command(flows, "list")
@flag("--archived", help="Archived ones instead.")
@limit
def list_flows(shell: Shell, archived: bool, limit: int) -> None:
    """All flows."""
    rows = shell.api.pages("flows", most=limit, archived=archived)
    shell.table(rows, ["slug", "title", "owner", "state", "latest_version", "updated_at"])


@command(flows, "show")
@click.argument("slug")
def show_flow(shell: Shell, slug: str) -> None:
    """One flow, with the versions that run."""
    found = shell.api.get(f"flows/{part(slug)}")
    shown = {**found, "deployed": {one["environment"]: one["version"] for one in found["deployments"] if one["active"]}}
    columns = ["slug", "title", "owner", "state", "pause_reason", "draft_revision", "latest_version", "deployed"]
    shell.details(found if shell.as_json else shown, columns)


@command(flows, "deploy")
@click.argument("slug")
@click.option("--version", type=click.IntRange(1), help="Else the newest.")
@environment
@click.option("--note", default="")
def deploy_flow(shell: Shell, slug: str, version: int | None, environment: str, note: str) -> None:
    """Run a version in an environment from now on."""
    number = version or shell.api.get(f"flows/{part(slug)}")["latest_version"]
    body = {"environment": environment, "version": number, "note": note}
    shell.give(shell.api.post(f"flows/{part(slug)}/deploy", body), f"{slug} version {number} runs in {environment}")


@command(flows, "rollback")
@click.argument("slug")
@environment
@reason
def roll_back_flow(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Run the version that was deployed before again."""
    done = shell.api.post(f"flows/{part(slug)}/rollback", {"environment": environment, "reason": reason})
    shell.give(done, f"{slug} version {done['version']} runs in {environment}")


@command(flows, "undeploy")
@click.argument("slug")
@environment
@reason
def undeploy_flow(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Start no more runs in an environment."""
    done = shell.api.post(f"flows/{part(slug)}/undeploy", {"environment": environment, "reason": reason})
    shell.give(done, f"{slug} no longer runs in {environment}")


@command(flows, "pause")
@click.argument("slug")
@reason
def pause_flow(shell: Shell, slug: str, reason: str) -> None:
    """Start no new runs; deliveries are kept."""
    shell.give(shell.api.post(f"flows/{part(slug)}/pause", {"reason": reason}), f"{slug} is paused")


@command(flows, "resume")
@click.argument("slug")
@click.option("--reason", default="")
def resume_flow(shell: Shell, slug: str, reason: str) -> None:
    """Let a paused flow start runs again."""
    shell.give(shell.api.post(f"flows/{part(slug)}/resume", {"reason": reason}), f"{slug} starts runs again")
