"""Commands of endpoints and of what reached them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click

from ipaas.cli.given import fields_of, from_file, said
from ipaas.cli.shell import Shell, Told, command, environment, flag, limit, reason, sure

PLACES = ["delivery_header", "delivery_path", "event_header", "event_path"]
SCHEMES = [
    "standard-webhooks", "hmac", "github", "stripe", "shopify", "slack", "twilio", "square", "adyen", "basic", "token",
    "jwt", "none", "public-key", "sendgrid", "discord", "telnyx", "asana", "ebay", "paypal", "client-certificate",
]  # fmt: skip
LIMITS = ["handshake", "sources", "max_body", "rate_per_minute", "answer_status"]
COLUMNS = ["environment", "slug", "title", "path", "state", "signature_required", "secret_slug"]
F = TypeVar("F", bound=Callable[..., Any])


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(endpoints)
    main.add_command(receipts)


@click.group(cls=Told)
def endpoints() -> None:
    """Endpoints: addresses that senders post to."""


@click.group(cls=Told)
def receipts() -> None:
    """Receipts: deliveries that were accepted."""


def _number(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    return int(value) if value is not None else None


def _fields(function: F) -> F:
    for option in (
        from_file,
        click.option("--rate", "rate_per_minute", type=click.IntRange(1), help="Most deliveries a minute."),
        click.option(
            "--answer",
            "answer_status",
            type=click.Choice(["200", "201", "202", "204"]),
            callback=_number,
            help="Status of accepted deliveries, where the vendor asks for a certain one.",
        ),
        click.option("--max-body", type=click.IntRange(100), help="Most bytes of a delivery."),
        click.option("--source", "sources", multiple=True, help="A network that may send (repeatable); none: all may."),
        click.option("--event-path", help="Where the body names the event instead, such as type."),
        click.option("--event-header", help="The header that names the event; empty for none."),
        click.option("--delivery-path", help="Where the body holds the delivery's id instead, such as id."),
        click.option("--delivery-header", help="The header with the delivery's id."),
        click.option("--connector", help="The connector whose events they are."),
        click.option("--signed/--unsigned", "signature_required", default=None, help="Whether senders must sign."),
        click.option("--scheme", type=click.Choice(SCHEMES), help="How the sender signs; its details from the file."),
        click.option("--secret", "secret_slug", help="The slug of the signing secret; a value is never an argument."),
        click.option("--title"),
    ):
        function = option(function)
    return function


@command(endpoints, "list")
@click.option("--environment", "-e")
@click.option("--state", type=click.Choice(["active", "paused"]))
@limit
def list_endpoints(shell: Shell, limit: int, **query: Any) -> None:
    """All endpoints; their paths are below the address of the ingress."""
    shell.table(shell.api.pages("endpoints", most=limit, **query), COLUMNS)


@command(endpoints, "show")
@click.argument("slug")
@environment
def show_endpoint(shell: Shell, slug: str, environment: str) -> None:
    """One endpoint, with how deliveries are checked."""
    columns = [*COLUMNS, "connector", "signature", *PLACES, *LIMITS, "created_at"]
    shell.details(_endpoint(shell, slug, environment), columns)


@command(endpoints, "create")
@click.argument("slug")
@environment
@_fields
def create_endpoint(shell: Shell, slug: str, environment: str, file: Path | None, **options: Any) -> None:
    """Make an address for a sender; how it signs (``signature``) comes from the file, else Standard Webhooks."""
    fields = {"title": slug, **_given(file, options)}
    made = shell.api.post("endpoints", {"environment": environment, "slug": slug, **fields})
    shell.give(made, f"endpoint {slug} in {environment} takes POST {made['path']}")


@command(endpoints, "edit")
@click.argument("slug")
@environment
@_fields
def edit_endpoint(shell: Shell, slug: str, environment: str, file: Path | None, **options: Any) -> None:
    """Change what is named; slug and address stay."""
    found, changes = _endpoint(shell, slug, environment), _given(file, options)
    if not changes:
        message = "name what is to change"
        raise click.UsageError(message)
    shell.give(shell.api.patch(f"endpoints/{found['id']}", changes), f"endpoint {slug} in {environment} is changed")


@command(endpoints, "pause")
@click.argument("slug")
@environment
@reason
def pause_endpoint(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Take nothing more: senders are told to come back later."""
    done = _deed(shell, slug, environment, "pause", reason)
    shell.give(done, f"endpoint {slug} in {environment} is paused")


@command(endpoints, "resume")
@click.argument("slug")
@environment
@click.option("--reason", default="", help="Why; written into the audit trail.")
def resume_endpoint(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Take deliveries again."""
    done = _deed(shell, slug, environment, "resume", reason)
    shell.give(done, f"endpoint {slug} in {environment} takes deliveries again")


@command(endpoints, "rotate")
@click.argument("slug")
@environment
@reason
@flag("--yes", help="Do not ask.")
def rotate_endpoint(shell: Shell, slug: str, environment: str, reason: str, yes: bool) -> None:
    """Give an endpoint a new address; the old one is gone at once."""
    sure(f"End the address of {slug} in {environment}? Its senders must be told the new one.", yes=yes)
    done = _deed(shell, slug, environment, "rotate", reason)
    shell.give(done, f"endpoint {slug} in {environment} takes POST {done['path']}")


@command(endpoints, "subscribe")
@click.argument("slug")
@environment
@click.option("--connection", required=True, help="Over which the vendor is told; of the same environment.")
@click.option("--trigger", default="", help="Where the connector has several.")
@click.option("--event", "events", multiple=True, help="A type of events, repeatable; without it all.")
def subscribe_endpoint(shell: Shell, slug: str, environment: str, **given: Any) -> None:
    """Have the vendor deliver to an endpoint, by its connector's own action."""
    found = _endpoint(shell, slug, environment)
    made = shell.api.post(f"endpoints/{found['id']}/subscribe", {**given, "events": list(given["events"])})
    told = made["subscription"]
    shell.give(made, f"subscription {told['vendor_id'] or 'without id'} of {slug} in {environment} is {told['state']}")


@command(endpoints, "unsubscribe")
@click.argument("slug")
@environment
def unsubscribe_endpoint(shell: Shell, slug: str, environment: str) -> None:
    """Have the vendor stop delivering to an endpoint."""
    shell.api.post(f"endpoints/{_endpoint(shell, slug, environment)['id']}/unsubscribe")
    ended = {"unsubscribed": slug, "environment": environment}
    shell.give(ended, f"the vendor delivers to {slug} in {environment} no more")


@command(endpoints, "check-subscription")
@click.argument("slug")
@environment
def check_subscription(shell: Shell, slug: str, environment: str) -> None:
    """Ask the vendor whether it still delivers to an endpoint."""
    found = shell.api.post(f"endpoints/{_endpoint(shell, slug, environment)['id']}/check-subscription")
    shell.give(found, f"the subscription of {slug} in {environment} is {found['subscription']['state']}")


@command(endpoints, "delete")
@click.argument("slug")
@environment
@flag("--yes", help="Do not ask.")
def delete_endpoint(shell: Shell, slug: str, environment: str, yes: bool) -> None:
    """Delete an endpoint that starts no deployed flow; its receipts stay."""
    found = _endpoint(shell, slug, environment)
    sure(f"Delete the endpoint {slug} in {environment} for good?", yes=yes)
    shell.api.delete(f"endpoints/{found['id']}")
    shell.give({"deleted": slug, "environment": environment}, f"endpoint {slug} in {environment} is deleted")


@command(endpoints, "test")
@click.argument("slug")
@environment
@click.option(
    "--body", "body", type=click.File("rb"), help="A file with the JSON document to send; - for standard input."
)
@click.option("--event", default="", help="Its type, where the endpoint reads one.")
def test_endpoint(shell: Shell, slug: str, environment: str, body: Any, event: str) -> None:
    """Send a signed document through the ingress; what it starts is real."""
    document = _document(body.read()) if body is not None else {}
    found = _endpoint(shell, slug, environment)
    done = shell.api.post(f"endpoints/{found['id']}/test", {"body": document, "event": event})
    led = f"receipt {done['receipt_id']}" if done["receipt_id"] else f"{done['code']}: {done['detail']}"
    shell.give(done, f"endpoint {slug} in {environment} answered {done['status']}, {led}")


@command(endpoints, "arrivals")
@click.argument("slug")
@environment
@click.option("--verdict", type=click.Choice(["refused", "repeated", "challenge"]))
@click.option("--code", help="Why it was refused, such as signature_invalid.")
@limit
def list_arrivals(shell: Shell, slug: str, environment: str, limit: int, **query: Any) -> None:
    """What came lately and became no receipt, the newest first."""
    found = _endpoint(shell, slug, environment)
    columns = ["id", "came_at", "verdict", "status", "code", "peer", "size", "detail", "receipt_id"]
    shell.table(shell.api.pages(f"endpoints/{found['id']}/arrivals", most=limit, **query), columns)


@command(endpoints, "arrival")
@click.argument("slug")
@click.argument("arrival", type=click.UUID)
@environment
def show_arrival(shell: Shell, slug: str, arrival: UUID, environment: str) -> None:
    """One of these with its content, redacted."""
    found = _endpoint(shell, slug, environment)
    shown = shell.api.get(f"endpoints/{found['id']}/arrivals/{arrival}")
    shell.details(
        shown if shell.as_json else {**shown["note"], **shown["content"]}, [*shown["note"], *shown["content"]]
    )


def _document(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        message = "the body is not one JSON document"
        raise click.UsageError(message) from None


def _given(file: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    """The fields of the file, and those named; a scheme alone stands for a whole signature."""
    named = {name: list(value) if name == "sources" else value for name, value in said(options).items() if value != ()}
    scheme = named.pop("scheme", None)
    fields = {**fields_of(file), **named}
    return fields if scheme is None else {**fields, "signature": {**fields.get("signature", {}), "scheme": scheme}}


def _endpoint(shell: Shell, slug: str, environment: str) -> Any:
    return shell.api.one("endpoints", "endpoint", slug=slug, environment=environment)


def _deed(shell: Shell, slug: str, environment: str, deed: str, reason: str) -> Any:
    return shell.api.post(f"endpoints/{_endpoint(shell, slug, environment)['id']}/{deed}", {"reason": reason})


# -- receipts ------------------------------------------------------------------------------------------------------


@command(receipts, "list")
@click.option("--state", help="E.g. processed, unmatched, conflict, rejected.")
@click.option("--delivery-id", help="The sender's id.")
@limit
def list_receipts(shell: Shell, limit: int, **query: Any) -> None:
    """Accepted deliveries, the newest first."""
    columns = ["id", "received_at", "event", "state", "delivery_id", "run_ids", "note"]
    shell.table(shell.api.pages("receipts", most=limit, **query), columns)


@command(receipts, "show")
@click.argument("receipt", type=click.UUID)
def show_receipt(shell: Shell, receipt: UUID) -> None:
    """One delivery, with the runs that it started."""
    columns = ["id", "endpoint_id", "delivery_id", "event", "state", "received_at", "run_ids", "note", "trace_id",
               "redelivery_of"]  # fmt: skip
    shell.details(shell.api.get(f"receipts/{receipt}"), columns)


@command(receipts, "content")
@click.argument("receipt", type=click.UUID)
def show_content(shell: Shell, receipt: UUID) -> None:
    """Headers and body of one delivery, redacted."""
    shell.details(shell.api.get(f"receipts/{receipt}/content"), ["headers", "body"])


@command(receipts, "redeliver")
@click.argument("receipt", type=click.UUID)
@reason
@flag("--yes", help="Do not ask.")
def redeliver(shell: Shell, receipt: UUID, reason: str, yes: bool) -> None:
    """Take one delivery once more, as a new receipt: flows start again and their effects happen again."""
    sure(f"Start every flow that listens once more with receipt {receipt}?", yes=yes)
    made = shell.api.post(f"receipts/{receipt}/redeliver", {"reason": reason})
    shell.give(made, f"receipt {receipt} is taken once more as {made['id']}")
