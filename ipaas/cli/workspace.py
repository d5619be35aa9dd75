"""Commands of the workspace: its environments, which private targets may be called, whether a second factor is due."""

from pathlib import Path
from typing import Any

import click

from ipaas.cli.client import ServerProblem, part
from ipaas.cli.given import fields_of, merged
from ipaas.cli.shell import Shell, Told, command, flag, limit

variables_file = click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="All variables as a YAML or JSON object, - for standard input.",
)
variable = click.option("--var", "variables", multiple=True, help="name=value (repeatable).")


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    for one in (environments, egress, two_factor):
        main.add_command(one)


@click.group(cls=Told)
def environments() -> None:
    """Environments and their variables."""


@click.group(cls=Told)
def egress() -> None:
    """Private targets that connections may call."""


@click.group(cls=Told, name="two-factor")
def two_factor() -> None:
    """Whether people need a second factor to enter the workspace."""


@command(two_factor, "show")
def show_two_factor(shell: Shell) -> None:
    """Say whether it is asked for, and which active members have none."""
    required = bool(shell.api.get("workspace")["settings"].get("require_two_factor"))
    members = shell.api.pages("members", most=100_000)
    without = [one["email"] for one in members if one["active"] and not one["second_factor"]]
    found = {"required": required, "without": without}
    shell.details(found, ["required", "without"])


@command(two_factor, "require")
@flag("--no", "no_longer", help="Require it no longer.")
def require_two_factor(shell: Shell, no_longer: bool) -> None:
    """Ask everybody for a second factor; who has none is led to setting one up."""
    after = shell.api.patch("workspace", {"require_two_factor": None if no_longer else True})["settings"]
    required = bool(after.get("require_two_factor"))
    shell.give({"required": required}, "a second factor is required" if required else "a second factor is voluntary")


# -- environments --------------------------------------------------------------------------------------------------


@command(environments, "list")
@limit
def list_environments(shell: Shell, limit: int) -> None:
    """All environments; variables are shown to those who see the settings."""
    shell.table(shell.api.pages("environments", most=limit), ["slug", "name", "position", "variables"])


@command(environments, "create")
@click.argument("slug")
@click.option("--name", required=True)
@click.option("--position", type=click.IntRange(0, 32_767), help="In the order of promotion; else before production.")
@variable
@variables_file
def create_environment(
    shell: Shell, slug: str, name: str, position: int | None, variables: tuple[str, ...], file: Path | None
) -> None:
    """Add an environment with the variables that flows read as ``vars``."""
    values = merged(fields_of(file), variables)
    body: dict[str, Any] = {"slug": slug, "name": name, "variables": values}
    body |= {} if position is None else {"position": position}
    shell.give(shell.api.post("environments", body), f"environment {slug} is made")


@command(environments, "change")
@click.argument("slug")
@click.option("--name")
@click.option("--position", type=click.IntRange(0, 32_767), help="In the order of promotion.")
@variable
@variables_file
def change_environment(
    shell: Shell, slug: str, name: str | None, position: int | None, variables: tuple[str, ...], file: Path | None
) -> None:
    """Rename an environment, or set variables: --var changes single ones (null takes one out), --file replaces all."""
    place = f"environments/{part(slug)}"
    body: dict[str, Any] = {} if name is None else {"name": name}
    body |= {} if position is None else {"position": position}
    if file is not None or variables:
        before = fields_of(file) if file is not None else shell.api.get(place)["variables"]
        if before is None:
            message = "single variables can be changed by those who may see them; give all with --file"
            raise click.UsageError(message)
        body["variables"] = merged(before, variables)
    if not body:
        message = "name what is to change"
        raise click.UsageError(message)
    shell.give(shell.api.patch(place, body), f"environment {slug} is changed")


# -- egress --------------------------------------------------------------------------------------------------------


@command(egress, "show")
def show_egress(shell: Shell) -> None:
    """The private targets that may be called; all others are refused."""
    allowed = _allowed(shell)
    shell.give(allowed, "\n".join(allowed) if allowed else "none: only public addresses are called")


@command(egress, "add")
@click.argument("targets", nargs=-1, required=True, metavar="HOST:PORT...")
def add_egress(shell: Shell, targets: tuple[str, ...]) -> None:
    """Allow private targets, each one exact host and port."""
    _set(shell, list(dict.fromkeys([*_allowed(shell), *targets])))


@command(egress, "remove")
@click.argument("targets", nargs=-1, required=True, metavar="HOST:PORT...")
def remove_egress(shell: Shell, targets: tuple[str, ...]) -> None:
    """Allow private targets no longer; connections that call them fail from then on."""
    before = _allowed(shell)
    absent = [one for one in targets if one not in before]
    if absent:
        problem = {"code": "not_found", "detail": f"The list does not hold {', '.join(absent)}; nothing was changed."}
        raise ServerProblem(404, {**problem, "remedy": "See `ipaas egress show`."})
    _set(shell, [one for one in before if one not in targets])


def _allowed(shell: Shell) -> list[str]:
    return list(shell.api.get("workspace")["settings"].get("egress_allow") or ())


def _set(shell: Shell, targets: list[str]) -> None:
    after = shell.api.patch("workspace", {"egress_allow": targets})["settings"].get("egress_allow", [])
    shell.give(after, f"{len(after)} private targets may be called")
