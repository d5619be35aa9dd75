"""Commands of people and programs: members, invitations, service accounts."""

from typing import Any

import click

from ipaas.cli.client import ServerProblem, part
from ipaas.cli.shell import Shell, Told, command, flag, limit, sure

roles_option = click.option("--role", "roles", multiple=True, required=True, help="A role (repeatable).")
rate_option = click.option(
    "--rate", "rate_per_minute", type=click.IntRange(1), help="Requests a minute, of each of its keys."
)


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    for one in (members, service_accounts):
        main.add_command(one)


@click.group(cls=Told)
def members() -> None:
    """People of the workspace, their roles and invitations."""


@click.group(cls=Told, name="service-accounts")
def service_accounts() -> None:
    """Programs that act in their own name, by API keys."""


@command(members, "list")
@limit
def list_members(shell: Shell, limit: int) -> None:
    """All members."""
    shell.table(shell.api.pages("members", most=limit), ["email", "name", "roles", "active", "second_factor"])


@command(members, "add")
@click.argument("email")
@roles_option
@click.option("--name", default="", help="Of a person whom the platform does not know yet.")
def add_member(shell: Shell, email: str, roles: tuple[str, ...], name: str) -> None:
    """Give a person roles here; who is new has no password yet."""
    made = shell.api.post("members", {"email": email, "roles": list(roles), "name": name})
    shell.give(made, f"{made['email']} is a member: {', '.join(made['roles'])}")


@command(members, "roles")
@click.argument("email")
@roles_option
def change_roles(shell: Shell, email: str, roles: tuple[str, ...]) -> None:
    """Replace the roles of a member."""
    done = shell.api.patch(f"members/{_member(shell, email)['id']}", {"roles": list(roles)})
    shell.give(done, f"{done['email']} has now: {', '.join(done['roles'])}")


@command(members, "remove")
@click.argument("email")
@flag("--yes", help="Do not ask.")
def remove_member(shell: Shell, email: str, yes: bool) -> None:
    """End a membership, with the person's keys of this workspace."""
    found = _member(shell, email)
    sure(f"End the membership of {found['email']}?", yes=yes)
    shell.api.delete(f"members/{found['id']}")
    shell.give({"removed": found["email"]}, f"{found['email']} is no longer a member")


def _member(shell: Shell, email: str) -> Any:
    wanted = email.strip().lower()
    for one in shell.api.pages("members", most=100_000):
        if one["email"] == wanted:
            return one
    problem = {"code": "not_found", "detail": "There is no member with this address here."}
    raise ServerProblem(404, {**problem, "remedy": "See `ipaas members list`."})


@command(members, "invite")
@click.argument("email")
@roles_option
def invite_member(shell: Shell, email: str, roles: tuple[str, ...]) -> None:
    """Ask a person to join: by mail, else by the link that is printed once."""
    _tell_invitation(shell, shell.api.post("invitations", {"email": email, "roles": list(roles)}))


@command(members, "invitations")
@limit
def list_invitations(shell: Shell, limit: int) -> None:
    """All invitations, the newest first."""
    columns = ["id", "email", "state", "roles", "invited_by", "mailed_at", "expires_at"]
    shell.table(shell.api.pages("invitations", most=limit), columns)


@command(members, "reinvite")
@click.argument("email")
def renew_invitation(shell: Shell, email: str) -> None:
    """Send an invitation again with a new link; the old one ends."""
    _tell_invitation(shell, shell.api.post(f"invitations/{_invitation(shell, email)['id']}/renew"))


@command(members, "uninvite")
@click.argument("email")
def revoke_invitation(shell: Shell, email: str) -> None:
    """End the link of an invitation."""
    done = shell.api.post(f"invitations/{_invitation(shell, email)['id']}/revoke")
    shell.give(done, f"the invitation of {done['email']} is revoked")


@command(members, "deactivate")
@click.argument("email")
@flag("--yes", help="Do not ask.")
def deactivate_member(shell: Shell, email: str, yes: bool) -> None:
    """Refuse every further sign-in and request of a person."""
    found = _member(shell, email)
    sure(f"Switch the account of {found['email']} off?", yes=yes)
    done = shell.api.post(f"members/{found['id']}/deactivate")
    shell.give(done, f"the account of {done['email']} is switched off")


@command(members, "reactivate")
@click.argument("email")
def reactivate_member(shell: Shell, email: str) -> None:
    """Admit a person again who was deactivated."""
    done = shell.api.post(f"members/{_member(shell, email)['id']}/reactivate")
    shell.give(done, f"{done['email']} may sign in again")


@command(members, "password-link")
@click.argument("email")
def password_link(shell: Shell, email: str) -> None:
    """Print a link with which the person chooses a password once, within a day."""
    made = shell.api.post(f"members/{_member(shell, email)['id']}/password-link")
    shell.give(made, made["link"])


@command(members, "reset-two-factor")
@click.argument("email")
@flag("--yes", help="Do not ask.")
def reset_second_factor(shell: Shell, email: str, yes: bool) -> None:
    """Take apps, passkeys and recovery codes from a person who lost them, and end the person's sessions."""
    found = _member(shell, email)
    sure(f"Take the second factor from {found['email']}?", yes=yes)
    done = shell.api.post(f"members/{found['id']}/reset-second-factor")
    shell.give(done, f"{done['email']} signs in by password alone now")


def _invitation(shell: Shell, email: str) -> Any:
    wanted = email.strip().lower()
    for one in shell.api.pages("invitations", most=100_000):
        if one["email"] == wanted and one["state"] in ("invited", "expired"):
            return one
    problem = {"code": "not_found", "detail": "There is no open invitation of this address."}
    raise ServerProblem(404, {**problem, "remedy": "See `ipaas members invitations`."})


def _tell_invitation(shell: Shell, made: Any) -> None:
    if made["link"] is None:
        shell.give(made, f"the invitation is on its way to {made['email']}")
        return
    shell.give(made, made["link"])
    if not shell.as_json:
        click.echo(f"{made['problem']} Hand the link to {made['email']}; it is not shown again.", err=True)


# -- service accounts ----------------------------------------------------------------------------------------------


@command(service_accounts, "list")
@limit
def list_service_accounts(shell: Shell, limit: int) -> None:
    """All service accounts."""
    columns = ["slug", "name", "roles", "rate_per_minute", "disabled", "created_at"]
    shell.table(shell.api.pages("service-accounts", most=limit), columns)


@command(service_accounts, "create")
@click.argument("slug")
@click.option("--name", required=True, help="What people call it.")
@roles_option
@rate_option
def create_service_account(
    shell: Shell, slug: str, name: str, roles: tuple[str, ...], rate_per_minute: int | None
) -> None:
    """Make the account of a program; give it keys with `ipaas keys create --service-account`."""
    body = {"slug": slug, "name": name, "roles": list(roles), "rate_per_minute": rate_per_minute}
    shell.give(shell.api.post("service-accounts", body), f"service account {slug} is made")


@command(service_accounts, "change")
@click.argument("slug")
@click.option("--role", "roles", multiple=True, help="A role (repeatable); they replace those it has.")
@rate_option
@flag("--no-rate", help="As many requests as every key.")
def change_service_account(
    shell: Shell, slug: str, roles: tuple[str, ...], rate_per_minute: int | None, no_rate: bool
) -> None:
    """Replace roles or rate of a service account."""
    body: dict[str, Any] = {"roles": list(roles)} if roles else {}
    if rate_per_minute is not None or no_rate:
        body["rate_per_minute"] = None if no_rate else rate_per_minute
    if not body:
        message = "name what is to change"
        raise click.UsageError(message)
    shell.give(shell.api.patch(f"service-accounts/{part(slug)}", body), f"service account {slug} is changed")


@command(service_accounts, "enable")
@click.argument("slug")
def enable_service_account(shell: Shell, slug: str) -> None:
    """Admit all its keys again."""
    shell.give(shell.api.post(f"service-accounts/{part(slug)}/enable"), f"service account {slug} is enabled")


@command(service_accounts, "disable")
@click.argument("slug")
def disable_service_account(shell: Shell, slug: str) -> None:
    """Refuse all its keys until it is enabled again."""
    shell.give(shell.api.post(f"service-accounts/{part(slug)}/disable"), f"service account {slug} is disabled")
