"""Commands over many runs: conditions, saved filters, files, comparisons, stories, one correction for many."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click

from ipaas.cli.places import private_draft
from ipaas.cli.shell import Shell, command, flag, limit, sure
from ipaas.core import jsonio

F = TypeVar("F", bound=Callable[..., Any])
_CONDITIONS = (
    click.option("--status", help="E.g. dead, running, needs_operator."),
    click.option("--flow"),
    click.option("--environment", "-e"),
    click.option("--version", type=click.IntRange(1), help="Of the flow."),
    click.option("--step", help="Path of the step at which it failed or stands."),
    click.option("--error-class"),
    click.option("--longer", help="Took at least: 30s, 5min, 2h."),
    click.option("--shorter", help="Took less than: 30s, 5min, 2h."),
    click.option("--business-id", help="The value of any business id."),
    click.option("--since", help="A time with its zone, inclusive, or a span such as 24h."),
    click.option("--until", help="A time with its zone, exclusive, or a span such as 1h."),
)
_SAVED = click.option("--saved", help="Name of a saved filter; further conditions replace those it has.")
previewed = flag("--preview", help="Say what it would do outside, and do nothing.")
identity = click.argument("run", type=click.UUID)
_runs = click.Group()
_letters = click.Group()


def conditions(function: F) -> F:
    """The options that say which runs, a saved filter among them."""
    return _own_conditions(_SAVED(function))


def _own_conditions(function: F) -> F:
    for option in reversed(_CONDITIONS):
        function = option(function)
    return function


def register_lists(runs: click.Group, letters: click.Group) -> None:
    """Add the commands to the groups of runs and of dead letters."""
    for group, own in ((runs, _runs), (letters, _letters)):
        for name, made in own.commands.items():
            group.add_command(made, name)


def tell_impact(shell: Shell, run: UUID, deed: str, **query: str) -> None:
    """What a deed on a run would do outside."""
    found = shell.api.get(f"runs/{run}/impact", deed=deed, **query)
    shell.details(found, ["called", "recorded", "looked_up", "skipped", "kept", "under_way"])


@command(_runs, "export")
@conditions
@click.option("--format", "fmt", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="A file, for its owner only.")
def export_runs(shell: Shell, fmt: str, target: Path | None, **query: Any) -> None:
    """Write the runs that match to standard output or a file, without payloads."""
    given = {name: value for name, value in query.items() if value is not None}
    if target is None:
        shell.api.download("runs/export", sys.stdout.buffer.write, format=fmt, **given)
        return
    with private_draft(target) as handle:
        shell.api.download("runs/export", handle.write, format=fmt, **given)
    shell.give({"file": str(target)}, f"written to {target}")


@command(_runs, "filters")
@limit
def list_filters(shell: Shell, limit: int) -> None:
    """Saved filters: those of the key's owner, and those that are shared."""
    shell.table(shell.api.pages("run-filters", most=limit), ["name", "conditions", "shared", "owner", "id"])


@command(_runs, "save-filter")
@click.argument("name")
@_own_conditions
@flag("--shared", help="The whole workspace sees it.")
def save_filter(shell: Shell, name: str, shared: bool, **query: Any) -> None:
    """Keep conditions under a name, for `runs list --saved NAME` and the page."""
    given = {key: value for key, value in query.items() if value is not None}
    found = shell.api.post("run-filters", {"name": name, "conditions": given, "shared": shared})
    shell.give(found, f"filter {found['name']} is saved")


@command(_runs, "delete-filter")
@click.argument("filter_id", metavar="ID", type=click.UUID)
def delete_filter(shell: Shell, filter_id: UUID) -> None:
    """Forget a saved filter, by its id."""
    shell.api.delete(f"run-filters/{filter_id}")
    shell.give({"deleted": str(filter_id)}, "the filter is gone")


@command(_runs, "diff")
@identity
@click.argument("other", type=click.UUID, required=False)
@click.option("--step", "seq", type=click.IntRange(0), help="Compare two attempts of this step (its seq) instead.")
@click.option("--before", type=click.IntRange(1), help="Number of an attempt.")
@click.option("--after", type=click.IntRange(1), help="Number of an attempt.")
def diff_runs(shell: Shell, run: UUID, other: UUID | None, **query: Any) -> None:
    """What differs from another run, or between two attempts of a step; values are masked."""
    if other is None and query["seq"] is None:
        message = "name another run, or a step with --step"
        raise click.UsageError(message)
    found = shell.api.get(f"runs/{run}/diff", other=other, **query)
    rows = [{"part": part["title"], **row} for part in found["parts"] for row in part["rows"]]
    shell.table(rows, ["part", "path", "kind", "before", "after"])


@command(_runs, "story")
@click.argument("name")
@click.argument("value")
def tell_story(shell: Shell, name: str, value: str) -> None:
    """Every run with a business id, over all flows, in the order of time: `ipaas runs story order SO-10482`."""
    rows = shell.api.get("stories", name=name, value=value)["runs"]
    told = [{**row["run"], "did": [effect["step"] for effect in row["effects"]]} for row in rows]
    shell.table(told, ["started_at", "flow", "status", "did", "error.message", "id"])


@command(_runs, "replay-all")
@conditions
@click.option("--rate", "rate_per_s", default=10.0, show_default=True, help="Runs a second.")
@flag("--cancel", help="Cancel those under way instead.")
@flag("--new-effects", help="Effects happen again, under new keys.")
@previewed
@click.option("--reason", help="Why; written into the audit trail.")
@flag("--yes", help="Do not ask.")
@flag("--wait", help="Until all are handled; exit code 1 when some were refused.")
def replay_all_runs(
    shell: Shell,
    rate_per_s: float,
    cancel: bool,
    new_effects: bool,
    preview: bool,
    reason: str | None,
    yes: bool,
    wait: bool,
    **query: Any,
) -> None:
    """Replay every ended run that matches and was not replayed yet (or cancel those under way), at a rate."""
    deed = "cancel" if cancel else "replay_runs"
    body = {"deed": deed, "filter": {name: value for name, value in query.items() if value is not None}}
    found = shell.api.post("bulk-jobs/preview", body)
    count = f"{'at least ' if found['more'] else ''}{found['count']:,}"
    if preview:
        shell.give(found, f"{count} runs match")
        return
    _require(reason)
    sure(f"{'Cancel' if cancel else 'Replay'} {count} runs?", yes=yes)
    run_job(shell, {**body, "reason": reason, "rate_per_s": rate_per_s, "new_effects": new_effects}, wait=wait)


@command(_letters, "correct-all")
@click.option("--flow", required=True)
@click.option("--cause", required=True, help="As `dead-letters list --groups` shows it.")
@click.option("--environment", "-e")
@click.option("--set", "sets", multiple=True, metavar="POINTER=JSON", help="Replace a value (repeatable).")
@click.option("--add", "adds", multiple=True, metavar="POINTER=JSON", help="Add a value (repeatable).")
@click.option("--remove", "removes", multiple=True, metavar="POINTER", help="Remove a value (repeatable).")
@click.option("--rate", "rate_per_s", default=10.0, show_default=True, help="Replays a second.")
@flag("--preview", help="Show what it does to the newest of them, and do nothing.")
@click.option("--reason", help="Why; written into the audit trail.")
@flag("--yes", help="Do not ask.")
@flag("--wait", help="Until all are handled; exit code 1 when some were refused.")
def correct_all(
    shell: Shell,
    sets: tuple[str, ...],
    adds: tuple[str, ...],
    removes: tuple[str, ...],
    rate_per_s: float,
    preview: bool,
    reason: str | None,
    yes: bool,
    wait: bool,
    **query: Any,
) -> None:
    """Make the same changes to the input of every dead letter of a cause, and replay them."""
    changes = [_change("replace", one) for one in sets] + [_change("add", one) for one in adds]
    changes += [{"op": "remove", "path": one} for one in removes]
    wanted = {name: value for name, value in query.items() if value is not None}
    body = {"deed": "correct", "filter": wanted, "changes": changes}
    found = shell.api.post("bulk-jobs/preview", body)
    if preview:
        rows = [
            {"run": sample["business_key"], "problem": sample["problem"], **row}
            for sample in found["samples"]
            for row in sample["rows"] or [{}]
        ]
        shell.table(rows, ["run", "path", "kind", "before", "after", "problem"])
        return
    _require(reason)
    sure(f"Correct and replay {found['count']:,} dead letters?", yes=yes)
    run_job(shell, {**body, "reason": reason, "rate_per_s": rate_per_s}, wait=wait)


def _change(op: str, text: str) -> dict[str, Any]:
    path, mark, value = text.partition("=")
    if not mark:
        message = f"{text!r} is not POINTER=JSON, such as /order/country='\"DE\"'"
        raise click.UsageError(message)
    return {"op": op, "path": path, "value": jsonio.loads(value)}


def _require(reason_given: str | None) -> None:
    if not reason_given:
        message = "a reason is needed: --reason"
        raise click.UsageError(message)


def run_job(shell: Shell, body: dict[str, Any], *, wait: bool) -> None:
    """Begin a bulk job and tell, or wait for, what becomes of it."""
    job = shell.api.post("bulk-jobs", body)
    while wait and job["state"] == "running":
        time.sleep(0.5)
        job = shell.api.get(f"bulk-jobs/{job['id']}")
        shell.progress(f"{job['done']} of {job['total']} done, {job['failed']} refused")
    shell.progress("")
    shell.give(job, f"job {job['id']} is {job['state']}: {job['done']} of {job['total']} done, {job['failed']} refused")
    if wait and (job["failed"] or job["state"] != "done"):
        sys.exit(1)
