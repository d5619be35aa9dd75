"""Commands of secrets and stand-in vendors."""

import re
from typing import Any

import click

from ipaas.cli.client import part
from ipaas.cli.given import entered
from ipaas.cli.shell import Shell, Told, command, flag, limit, reason, sure

KIND = re.compile(r"(reject|reset|half|drift|[345]\d\d|\d+ms)\Z")


def register(main: click.Group, stubs: click.Group) -> None:
    """Add the commands to ``ipaas``, those of the stand-ins to their group."""
    main.add_command(secrets)
    for name, one in _stubs.commands.items():
        stubs.add_command(one, name)


_stubs = click.Group()


@click.group(cls=Told)
def secrets() -> None:
    """Secrets: values can be entered, never read."""


# -- secrets -------------------------------------------------------------------------------------------------------


@command(secrets, "list")
@limit
def list_secrets(shell: Shell, limit: int) -> None:
    """Which secrets there are; never a value."""
    columns = ["slug", "kind", "store", "current_version", "expires_at", "rotation_due_at", "description"]
    shell.table(shell.api.pages("secrets", most=limit), columns)


@command(secrets, "show")
@click.argument("slug")
def show_secret(shell: Shell, slug: str) -> None:
    """Versions of a secret and what uses it; never a value."""
    found = shell.api.get(f"secrets/{part(slug)}")
    shown = {**found, "versions": [f"{one['number']} {one['state']}" for one in found["versions"]]}
    columns = ["slug", "kind", "store", "description", "expires_at", "every_days", "rotation", "rotation_due_at"]
    columns += ["rotator", "versions", "used_by"]
    shell.details(found if shell.as_json else shown, columns)


@command(secrets, "set")
@click.argument("slug")
@click.option("--field", "names", multiple=True, help="A field's name, asked for or read line by line (repeatable).")
@flag("--stdin-json", help="Read a JSON object of fields from standard input.")
@click.option("--kind", type=click.Choice(["credential", "signing"]), default="credential", show_default=True)
@click.option("--overlap", "overlap_s", default=0, type=click.IntRange(0), help="Seconds the old version is accepted.")
def set_secret(shell: Shell, slug: str, names: tuple[str, ...], stdin_json: bool, kind: str, overlap_s: int) -> None:
    """Enter a secret, or a new version of it. Values come from a prompt or standard input, never from arguments."""
    values = entered(names, stdin_json=stdin_json)
    known = {row["slug"] for row in shell.api.pages("secrets", most=100_000)}
    if slug in known:
        made = shell.api.post(f"secrets/{part(slug)}/versions", {"values": values, "overlap_s": overlap_s})
        shell.give(made, f"secret {slug}: version {made['number']} is live")
        return
    made = shell.api.post("secrets", {"slug": slug, "kind": kind, "values": values})
    shell.give(made, f"secret {slug} is made")


@command(secrets, "revoke")
@click.argument("slug")
@click.argument("version", type=click.IntRange(1))
@reason
@flag("--yes", help="Do not ask.")
def revoke_secret(shell: Shell, slug: str, version: int, reason: str, yes: bool) -> None:
    """Wipe a version for good."""
    sure(f"Wipe version {version} of {slug} for good?", yes=yes)
    done = shell.api.post(f"secrets/{part(slug)}/versions/{version}/revoke", {"reason": reason})
    shell.give(done, f"secret {slug}: version {version} is wiped")


@command(secrets, "delete")
@click.argument("slug")
@flag("--yes", help="Do not ask.")
def delete_secret(shell: Shell, slug: str, yes: bool) -> None:
    """Delete a secret that nothing uses, with all versions."""
    sure(f"Delete the secret {slug} for good?", yes=yes)
    shell.api.delete(f"secrets/{part(slug)}")
    shell.give({"deleted": slug}, f"secret {slug} is deleted")


# -- stand-ins -----------------------------------------------------------------------------------------------------


@command(_stubs, "list")
def list_stubs(shell: Shell) -> None:
    """The stand-in vendors, with what arrived and which faults are in force."""
    found = shell.api.get("stubs")["items"]
    rows = [
        {
            **one,
            "faults": one["faults"] if shell.as_json else [f"{fault['id']} {fault['kind']}" for fault in one["faults"]],
            "received": sum(count["count"] for count in one["counts"]),
        }
        for one in found
    ]
    shell.table(rows, ["vendor", "url", "received", "entities", "faults"])


@command(_stubs, "start")
@click.argument("connector")
@click.option("--version", help="One version; without it the newest.")
def start_stub(shell: Shell, connector: str, version: str | None) -> None:
    """Start the stand-in of an imported connector, made of its description."""
    made = shell.api.post("stubs/running", {"connector": connector, **({"version": version} if version else {})})
    shell.give(made, f"the stand-in of {made['vendor']} answers at {made['url']}")


@command(_stubs, "stop")
@click.argument("connector")
@flag("--yes", help="Do not ask.")
def stop_stub(shell: Shell, connector: str, yes: bool) -> None:
    """Take the stand-in of an imported connector away, with its ledger."""
    sure(f"Take the stand-in of {connector} away, with what reached it?", yes=yes)
    shell.api.delete(f"stubs/running/{part(connector)}")
    shell.give({"stopped": connector}, f"the stand-in of {connector} is gone")


@command(_stubs, "fault")
@click.argument("vendor")
@click.argument("what")
@click.option("--action", help="One action; else all.")
@click.option("--percent", default=100.0, show_default=True, type=click.FloatRange(0, 100))
@click.option("--times", type=click.IntRange(1), help="Ends after so many.")
@click.option("--after", "when", flag_value="after", help="After the effect: the answer is lost.")
@click.option("--retry-after", help="The header's value.")
@click.option("--seed", type=int, help="The same seed gives the same sequence.")
def set_fault(shell: Shell, vendor: str, what: str, **given: Any) -> None:
    """Put a fault in force: WHAT is a status (503), a delay (250ms), or reject, reset, half, drift."""
    if not KIND.match(what):
        message = "WHAT is a status such as 503, a delay such as 250ms, or reject, reset, half, drift"
        raise click.UsageError(message)
    body: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if what.isdigit():
        body |= {"kind": "status", "status": int(what)}
    elif what.endswith("ms"):
        body |= {"kind": "delay", "delay_ms": int(what[:-2])}
    else:
        body |= {"kind": what}
    made = shell.api.post("stubs/faults", {"vendor": vendor, **body})
    shell.give(made, f"fault {made['id']} of {vendor} is in force")


@command(_stubs, "clear")
@click.argument("vendor", default="")
@click.option("--fault", "fault_id", default="", help="One fault, by its id.")
def clear_faults(shell: Shell, vendor: str, fault_id: str) -> None:
    """Lift faults: all, those of a vendor, or one."""
    done = shell.api.post("stubs/faults/clear", {"vendor": vendor, "fault_id": fault_id})
    shell.give(done, f"{done['cleared']} faults are lifted")


@command(_stubs, "reset")
@flag("--yes", help="Do not ask.")
def reset_stubs(shell: Shell, yes: bool) -> None:
    """Make all stand-ins forget state, ledger and faults."""
    sure("Make all stand-ins forget everything?", yes=yes)
    shell.api.post("stubs/reset")
    shell.give({"reset": True}, "the stand-ins have forgotten everything")


@command(_stubs, "ledger")
@click.option("--vendor")
@click.option("--action")
@click.option("--reference")
@limit
def show_ledger(shell: Shell, limit: int, **query: Any) -> None:
    """What really arrived, the newest first, by the stand-ins' own book."""
    columns = ["at", "vendor", "action", "outcome", "reference", "key", "status"]
    shell.table(shell.api.pages("stubs/ledger", most=limit, **query), columns)


@command(_stubs, "send")
@click.argument("vendor")
@click.argument("endpoint")
@click.option("--environment", "-e", default="production", show_default=True, help="Of the endpoint, by its slug.")
@click.option("--event", help="The kind of webhook; else the vendor's first.")
@click.option("--count", type=click.IntRange(1), help="How many different webhooks.")
@click.option("--seed", type=int, help="The same seed sends the same webhooks.")
@click.option("--duplicates", "duplicate_percent", type=click.FloatRange(0, 100), help="Percent that is sent twice.")
@click.option("--out-of-order", is_flag=True, default=None, help="Neighbours change places.")
def send_webhooks(shell: Shell, vendor: str, endpoint: str, **given: Any) -> None:
    """Have a stand-in send signed webhooks to an endpoint that shares its signing secret."""
    body = {name: value for name, value in given.items() if value is not None}
    sent = shell.api.post("stubs/webhooks", {"vendor": vendor, "endpoint": endpoint, **body})
    answers = ", ".join(f"{count} × {status}" for status, count in sorted(sent["statuses"].items()))
    shell.give(sent, f"{sent['sent']} sent, answered {answers or 'nothing'}")
