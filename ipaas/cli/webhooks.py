"""Commands of webhooks and of their deliveries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click

from ipaas.cli.given import fields_of, from_file, said
from ipaas.cli.shell import Shell, Told, command, flag, limit, reason, sure

COLUMNS = ["slug", "title", "url", "environment", "state", "failing_since", "delivered_at"]
DELIVERY = ["id", "event_type", "happened_at", "state", "attempts", "due_at", "last_status", "last_error"]
F = TypeVar("F", bound=Callable[..., Any])


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(webhooks)


@click.group(cls=Told)
def webhooks() -> None:
    """Webhooks: addresses outside that are told of events."""


def _fields(function: F) -> F:
    for option in (
        from_file,
        click.option("--environment", "-e", help="Only what happens there; without it everywhere."),
        click.option("--event", "events", multiple=True, help="A type of event, such as ipaas.run.dead_lettered."),
        click.option("--url", help="Where it leads; https."),
        click.option("--title"),
    ):
        function = option(function)
    return function


@command(webhooks, "types")
def list_types(shell: Shell) -> None:
    """The types of events that a webhook can be told of."""
    shell.table(shell.api.get("webhooks/types")["items"], ["name", "title", "doc"])


@command(webhooks, "list")
@click.option("--state", type=click.Choice(["active", "paused", "disabled"]))
@limit
def list_webhooks(shell: Shell, limit: int, **query: Any) -> None:
    """All webhooks."""
    shell.table(shell.api.pages("webhooks", most=limit, **query), COLUMNS)


@command(webhooks, "show")
@click.argument("slug")
def show_webhook(shell: Shell, slug: str) -> None:
    """One webhook, with what it is told of."""
    shell.details(_webhook(shell, slug), [*COLUMNS, "events", "secret_slug", "state_reason", "created_at"])


@command(webhooks, "create")
@click.argument("slug")
@_fields
def create_webhook(shell: Shell, slug: str, file: Path | None, **options: Any) -> None:
    """Add an address that is told of events; its signing secret is shown this once."""
    fields = {"title": slug, **fields_of(file), **_said(options)}
    made = shell.api.post("webhooks", {"slug": slug, **fields})
    shell.give(made, f"webhook {slug} is made; its signing secret, shown this once: {made['secret']}")


@command(webhooks, "edit")
@click.argument("slug")
@_fields
def edit_webhook(shell: Shell, slug: str, file: Path | None, **options: Any) -> None:
    """Change what is named; the slug stays."""
    found, changes = _webhook(shell, slug), {**fields_of(file), **_said(options)}
    if not changes:
        message = "name what is to change"
        raise click.UsageError(message)
    shell.give(shell.api.patch(f"webhooks/{found['id']}", changes), f"webhook {slug} is changed")


@command(webhooks, "pause")
@click.argument("slug")
@reason
def pause_webhook(shell: Shell, slug: str, reason: str) -> None:
    """Send nothing for a while; what happens meanwhile waits."""
    shell.give(_deed(shell, slug, "pause", {"reason": reason}), f"webhook {slug} is paused")


@command(webhooks, "resume")
@click.argument("slug")
@click.option("--reason", default="", help="Why; written into the audit trail.")
def resume_webhook(shell: Shell, slug: str, reason: str) -> None:
    """Take a paused or disabled webhook up again; what waited is sent at once."""
    shell.give(_deed(shell, slug, "resume", {"reason": reason}), f"webhook {slug} is told of events again")


@command(webhooks, "rotate")
@click.argument("slug")
@click.option("--overlap-hours", default=24, show_default=True, type=click.IntRange(0, 168))
def rotate_webhook(shell: Shell, slug: str, overlap_hours: int) -> None:
    """Make a new signing secret, shown this once; the old one signs too for the overlap."""
    made = _deed(shell, slug, "rotate", {"overlap_hours": overlap_hours})
    shell.give(made, f"webhook {slug} has a new signing secret, shown this once: {made['secret']}")


@command(webhooks, "delete")
@click.argument("slug")
@flag("--yes", help="Do not ask.")
def delete_webhook(shell: Shell, slug: str, yes: bool) -> None:
    """Delete a webhook with its deliveries and its signing secret."""
    found = _webhook(shell, slug)
    sure(f"Delete the webhook {slug} with its deliveries for good?", yes=yes)
    shell.api.delete(f"webhooks/{found['id']}")
    shell.give({"deleted": slug}, f"webhook {slug} is deleted")


@command(webhooks, "test")
@click.argument("slug")
def test_webhook(shell: Shell, slug: str) -> None:
    """Send a test event."""
    made = _deed(shell, slug, "test", {})
    shell.give(made, f"delivery {made['id']} of a test event is on its way")


@command(webhooks, "deliveries")
@click.argument("slug")
@click.option("--state", type=click.Choice(["waiting", "delivered", "failed"]))
@click.option("--event-type")
@limit
def list_deliveries(shell: Shell, slug: str, limit: int, **query: Any) -> None:
    """Deliveries of a webhook, the newest first."""
    found = _webhook(shell, slug)
    shell.table(shell.api.pages(f"webhooks/{found['id']}/deliveries", most=limit, **query), DELIVERY)


@command(webhooks, "delivery")
@click.argument("delivery", type=click.UUID)
def show_delivery(shell: Shell, delivery: UUID) -> None:
    """One delivery with each of its tries."""
    shell.details(shell.api.get(f"webhook-deliveries/{delivery}"), [*DELIVERY, "event_id", "ended_at", "tries"])


@command(webhooks, "redeliver")
@click.argument("slug", required=False)
@click.option("--delivery", type=click.UUID, help="This one alone.")
@click.option("--failed-since", help="Every failed one of events since then: a time with its zone.")
def redeliver(shell: Shell, slug: str | None, delivery: UUID | None, failed_since: str | None) -> None:
    """Send one delivery, or every failed one since a moment, again, with the same webhook-id."""
    if delivery is not None and slug is None and failed_since is None:
        done = shell.api.post(f"webhook-deliveries/{delivery}/redeliver", {})
        shell.give(done, f"delivery {delivery} is queued again")
    elif slug is not None and failed_since is not None and delivery is None:
        done = _deed(shell, slug, "redeliver", {"since": failed_since})
        shell.give(done, f"{done['count']} deliveries are queued again")
    else:
        message = "give either --delivery, or a webhook with --failed-since"
        raise click.UsageError(message)


def _said(options: dict[str, Any]) -> dict[str, Any]:
    given = said(options)
    return {name: list(value) if name == "events" else value for name, value in given.items() if value != ()}


def _webhook(shell: Shell, slug: str) -> Any:
    return shell.api.one("webhooks", "webhook", slug=slug)


def _deed(shell: Shell, slug: str, deed: str, body: dict[str, Any]) -> Any:
    return shell.api.post(f"webhooks/{_webhook(shell, slug)['id']}/{deed}", body)
