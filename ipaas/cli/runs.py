"""Commands of runs and of what waits for a person."""

import sys
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import click

from ipaas.cli.client import part
from ipaas.cli.run_lists import conditions, previewed, register_lists, run_job, tell_impact
from ipaas.cli.shell import Shell, Told, command, environment, flag, limit, reason, sure
from ipaas.core import jsonio

UNENDED = ("queued", "running", "waiting", "compensating")
COLUMNS = ["id", "flow", "environment", "status", "business_key", "started_at", "error.message"]
identity = click.argument("run", type=click.UUID)


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    register_lists(runs, dead_letters)
    for one in (trigger, runs, dead_letters, approvals):
        main.add_command(one)


_top = click.Group()


@click.group(cls=Told)
def runs() -> None:
    """Runs: find, look into, act."""


@click.group("dead-letters", cls=Told)
def dead_letters() -> None:
    """What failed for good and needs a person."""


@click.group(cls=Told)
def approvals() -> None:
    """Questions of flows to people."""


@command(_top)
@click.argument("flow")
@click.argument("body", default="-", metavar="[JSON]")
@environment
@click.option("--key", default="", help="The same key and body never start a second run.")
@flag("--wait", help="Until the run has ended; exit code 1 unless it succeeded.")
@click.option("--timeout", default=300, show_default=True, type=click.IntRange(1), help="Seconds to wait at most.")
def trigger(shell: Shell, flow: str, body: str, environment: str, key: str, wait: bool, timeout: int) -> None:
    """Start a run with a JSON body (an argument, @FILE, or standard input)."""
    given = {"environment": environment, "body": json_of(body)}
    run = shell.api.post(f"flows/{part(flow)}/trigger", given, key=key)
    if wait:
        run = ended(shell, run["id"], timeout)
    shell.give(run, f"run {run['id']} is {run['status']}")
    if wait and run["status"] != "succeeded":
        sys.exit(1)


@command(runs, "list")
@conditions
@limit
def list_runs(shell: Shell, limit: int, **query: Any) -> None:
    """Runs, the newest first."""
    shell.table(shell.api.pages("runs", most=limit, **query), COLUMNS)


@command(runs, "show")
@identity
@flag("--values", help="With what came in, redacted.")
@click.option("--step", "seq", type=click.IntRange(0), help="What this step was given, sent and got, redacted.")
@flag("--watch", help="Tell each step as it goes, until the run has ended; exit code 1 unless it succeeded.")
@click.option("--timeout", default=3600, show_default=True, type=click.IntRange(1), help="Seconds to watch at most.")
def show_run(shell: Shell, run: UUID, values: bool, seq: int | None, watch: bool, timeout: int) -> None:
    """One run with its steps."""
    if watch:
        _watch(shell, str(run), timeout)
        return
    if values or seq is not None:
        shown = shell.api.get(f"runs/{run}/values", seq=seq)
        shell.give(shown, jsonio.dumps(shown).decode())
        return
    found = shell.api.get(f"runs/{run}")
    if shell.as_json:
        shell.give(found)
        return
    shell.details(found, [*COLUMNS, "business_ids", "finished_at", "error_step", "replay_of", "trace_id"])
    click.echo()
    shell.table(found["steps"]["items"], ["seq", "path", "item", "kind", "status", "reason", "error.message"])


@command(runs, "replay")
@identity
@click.option("--from", "from_step", help="Path of a step: results before it are taken from the records.")
@click.option("--item", type=click.IntRange(0), help="One item of the for-each named by --from.")
@flag("--new-effects", help="Effects happen again, under new keys.")
@click.option("--input", "body", help="A corrected body: JSON, @FILE or -.")
@flag("--preview", help="Say what it would do, and do nothing.")
@click.option("--reason", help="Why; written into the audit trail.")
@flag("--wait", help="Until the new run has ended.")
def replay_run(
    shell: Shell, run: UUID, body: str | None, preview: bool, reason: str | None, wait: bool, **wish: Any
) -> None:
    """Run an ended run again from its records; what happened does not happen twice."""
    wish = {name: value for name, value in wish.items() if value is not None}
    if preview:
        found = shell.api.post(f"runs/{run}/replay/preview", wish)
        shell.details(found, ["taken", "recorded", "repeated", "unknown"])
        return
    _finish(shell, f"runs/{run}/replay", {**wish, **_reasoned(reason), **_corrected(body)}, wait=wait)


@command(runs, "resume")
@identity
@click.option("--reason", default="")
@previewed
def resume_run(shell: Shell, run: UUID, reason: str, preview: bool) -> None:
    """Take a stopped run up again at the step that failed."""
    if preview:
        tell_impact(shell, run, "resume")
        return
    _deed(shell, f"runs/{run}/resume", {"reason": reason})


@command(runs, "cancel")
@identity
@click.option("--reason", help="Why; written into the audit trail.")
@previewed
def cancel_run(shell: Shell, run: UUID, reason: str | None, preview: bool) -> None:
    """Stop a run before its next block; what is done stays done."""
    if preview:
        tell_impact(shell, run, "cancel")
        return
    _deed(shell, f"runs/{run}/cancel", _reasoned(reason))


@command(runs, "skip")
@identity
@click.option("--reason", help="Why; written into the audit trail.")
@previewed
def skip_step(shell: Shell, run: UUID, reason: str | None, preview: bool) -> None:
    """Leave out the step at which a run stopped, and go on after it."""
    if preview:
        tell_impact(shell, run, "skip")
        return
    _deed(shell, f"runs/{run}/skip", _reasoned(reason))


@command(runs, "settle")
@identity
@click.argument("step")
@click.option("--item", default="")
@click.option("--happened/--did-not-happen", required=True, default=None, help="Whether the effect took place.")
@click.option("--result", help="What it gave: JSON, @FILE or -.")
@reason
def settle_effect(
    shell: Shell, run: UUID, step: str, item: str, happened: bool, result: str | None, reason: str
) -> None:
    """Say whether an effect of unknown outcome happened, and take the run up again."""
    given = {"step": step, "item": item, "happened": happened, "reason": reason}
    _deed(shell, f"runs/{run}/settle", given if result is None else {**given, "result": json_of(result)})


# -- dead letters --------------------------------------------------------------------------------------------------

letter_id = click.argument("letter", type=click.UUID)


@command(dead_letters, "list")
@click.option("--state", default="open", show_default=True)
@click.option("--flow")
@click.option("--cause")
@click.option("--error-class")
@flag("--groups", help="By cause, the most frequent first.")
@limit
def list_letters(shell: Shell, groups: bool, limit: int, **query: Any) -> None:
    """Dead letters, the newest first."""
    if groups:
        named = {name: query[name] for name in ("state", "flow")}
        found = shell.api.get("dead-letters/groups", **named)["items"]
        shown = found if shell.as_json else [{**one, "at_stake": _worth(one["at_stake"])} for one in found]
        shell.table(shown, ["count", "at_stake", "error_class", "cause", "flows"])
        return
    columns = ["id", "run_id", "flow", "environment", "state", "business_key", "cause"]
    shell.table(shell.api.pages("dead-letters", most=limit, **query), columns)


def _worth(sums: Sequence[Mapping[str, str]]) -> str:
    return ", ".join(f"{Decimal(one['amount']):,.2f} {one['currency']}" for one in sums)


@command(dead_letters, "replay")
@letter_id
@flag("--new-effects", help="Effects happen again, under new keys.")
@reason
@flag("--wait", help="Until the new run has ended.")
def replay_letter(shell: Shell, letter: UUID, new_effects: bool, reason: str, wait: bool) -> None:
    """Replay the run of a dead letter."""
    _finish(shell, f"dead-letters/{letter}/replay", {"reason": reason, "new_effects": new_effects}, wait=wait)


@command(dead_letters, "correct")
@letter_id
@click.argument("body", default="-", metavar="[JSON]")
@reason
@flag("--wait", help="Until the new run has ended.")
def correct_letter(shell: Shell, letter: UUID, body: str, reason: str, wait: bool) -> None:
    """Replay the run of a dead letter with a corrected body (an argument, @FILE, or standard input)."""
    _finish(shell, f"dead-letters/{letter}/correct", {"reason": reason, "input": json_of(body)}, wait=wait)


@command(dead_letters, "discard")
@letter_id
@reason
def discard_letter(shell: Shell, letter: UUID, reason: str) -> None:
    """Close a dead letter for good, without another try."""
    done = shell.api.post(f"dead-letters/{letter}/discard", {"reason": reason})
    shell.give(done, f"dead letter {letter} is {done['state']}")


@command(dead_letters, "replay-all")
@click.option("--flow")
@click.option("--environment", "-e")
@click.option("--cause")
@click.option("--error-class")
@click.option("--step")
@click.option("--since", help="A time with its zone, inclusive.")
@click.option("--until", help="A time with its zone, exclusive.")
@click.option("--rate", "rate_per_s", default=10.0, show_default=True, help="Replays a second.")
@flag("--discard", help="Discard them instead.")
@flag("--preview", help="Say how many, and do nothing.")
@click.option("--reason", help="Why; written into the audit trail.")
@flag("--yes", help="Do not ask.")
@flag("--wait", help="Until all are handled; exit code 1 when some were refused.")
def replay_all(
    shell: Shell,
    rate_per_s: float,
    discard: bool,
    preview: bool,
    reason: str | None,
    yes: bool,
    wait: bool,
    **query: Any,
) -> None:
    """Replay (or discard) every open dead letter that matches, at a rate."""
    deed = "discard" if discard else "replay"
    body = {"deed": deed, "filter": {name: value for name, value in query.items() if value is not None}}
    count = shell.api.post("bulk-jobs/preview", body)["count"]
    if preview:
        shell.give({"count": count}, f"{count} dead letters match")
        return
    given = {**body, **_reasoned(reason), "rate_per_s": rate_per_s}
    sure(f"{deed.title()} {count} dead letters?", yes=yes)
    run_job(shell, given, wait=wait)


# -- approvals -----------------------------------------------------------------------------------------------------


@command(approvals, "list")
@click.option("--state", default="pending", show_default=True)
@click.option("--flow")
@limit
def list_approvals(shell: Shell, limit: int, **query: Any) -> None:
    """Questions that wait for a decision."""
    columns = ["id", "flow", "title", "role", "state", "expires_at"]
    shell.table(shell.api.pages("approvals", most=limit, **query), columns)


@command(approvals, "show")
@click.argument("approval", type=click.UUID)
def show_approval(shell: Shell, approval: UUID) -> None:
    """One question with its evidence, redacted."""
    columns = ["id", "flow", "run_id", "title", "role", "state", "quorum", "four_eyes", "decisions", "checklist"]
    columns += ["evidence", "evidence_sha256"]
    shell.details(shell.api.get(f"approvals/{approval}"), columns)


@command(approvals, "decide")
@click.argument("approval", type=click.UUID)
@click.argument("decision", type=click.Choice(["approve", "reject"]))
@click.option("--evidence", "shown", required=True, help="evidence_sha256 of what `approvals show` has shown.")
@click.option(
    "--check",
    "checked",
    multiple=True,
    type=click.IntRange(0),
    help="A point of the checklist, from 0; each is needed to approve.",
)
@click.option("--reason", default="", help="Needed to reject; written into the audit trail.")
def decide_approval(
    shell: Shell, approval: UUID, decision: str, shown: str, checked: tuple[int, ...], reason: str
) -> None:
    """Approve or reject; the decision is bound to the evidence that was shown."""
    word = {"approve": "approved", "reject": "rejected"}[decision]
    body = {"decision": word, "evidence_sha256": shown, "checked": list(checked), "reason": reason}
    decided = shell.api.post(f"approvals/{approval}/decide", body)
    more = "; others have to approve too" if decided["state"] == "pending" else ""
    shell.give(decided, f"approval {approval} is {word}{more}")


@command(approvals, "delegate")
@click.argument("approval", type=click.UUID)
@click.argument("to")
@reason
def delegate_approval(shell: Shell, approval: UUID, to: str, reason: str) -> None:
    """Hand your say to another member (an address); you have none any more."""
    done = shell.api.post(f"approvals/{approval}/delegate", {"to": to, "reason": reason})
    shell.give(done, f"approval {approval} is handed to {to}")


def _watch(shell: Shell, run_id: str, timeout_s: int) -> None:
    """Lines as steps change, and the end."""
    seen: dict[tuple[str, str], str] = {}
    deadline = time.monotonic() + timeout_s
    while True:
        run = shell.api.get(f"runs/{run_id}")
        for step in run["steps"]["items"]:
            place = (step["path"], step["item"])
            if seen.get(place) != step["status"]:
                seen[place] = step["status"]
                shell.say(_progress(step))
        if run["status"] not in UNENDED or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    shell.give(run, f"run {run_id} is {run['status']}")
    if run["status"] != "succeeded":
        sys.exit(1)


def _progress(step: dict[str, Any]) -> str:
    item = f"#{step['item']}" if step["item"] else ""
    why = (step["error"] or {}).get("message") or step["reason"] or ""
    return f"{step['status']:10}{step['path']}{item}{f': {why}' if why else ''}"


# -- shared --------------------------------------------------------------------------------------------------------


def json_of(text: str) -> Any:
    """JSON of an argument: itself, ``@file``, or ``-`` for standard input. Raises JsonInvalid."""
    if text == "-":
        return jsonio.loads(sys.stdin.buffer.read())
    if text.startswith("@"):
        try:
            with open(text[1:], "rb") as file:
                return jsonio.loads(file.read())
        except OSError as error:
            message = f"{text[1:]} can not be read: {error.strerror}"
            raise click.UsageError(message) from None
    return jsonio.loads(text)


def _corrected(body: str | None) -> dict[str, Any]:
    return {} if body is None else {"input": json_of(body)}


def _reasoned(reason: str | None) -> dict[str, str]:
    if not reason:
        message = "a reason is needed: --reason"
        raise click.UsageError(message)
    return {"reason": reason}


def _deed(shell: Shell, path: str, body: dict[str, Any]) -> None:
    run = shell.api.post(path, body)
    shell.give(run, f"run {run['id']} is {run['status']}")


def _finish(shell: Shell, path: str, body: dict[str, Any], *, wait: bool) -> None:
    run = shell.api.post(path, body)
    if wait:
        run = ended(shell, run["id"], 300)
    shell.give(run, f"run {run['id']} is {run['status']}")
    if wait and run["status"] != "succeeded":
        sys.exit(1)


def ended(shell: Shell, run_id: str, timeout_s: int) -> Any:
    """The run when it has ended, or as it is when the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        run = shell.api.get(f"runs/{run_id}")
        if run["status"] not in UNENDED or time.monotonic() > deadline:
            return run
        time.sleep(0.3)
