"""Commands of flows: which there are, which version runs where."""

import sys
from typing import IO, Any
from uuid import UUID

import click

from ipaas.cli.client import part
from ipaas.cli.given import pairs, said
from ipaas.cli.runs import ended, json_of
from ipaas.cli.shell import EXIT_DIFFERENT, Shell, Told, command, environment, flag, limit, reason, sure
from ipaas.core import jsonio


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(flows)


@click.group(cls=Told)
def flows() -> None:
    """Flows: which there are, which version runs where."""


@command(flows, "list")
@flag("--archived", help="Archived ones instead.")
@click.option("--tag", help="Only those with this tag.")
@limit
def list_flows(shell: Shell, archived: bool, tag: str | None, limit: int) -> None:
    """All flows."""
    rows = shell.api.pages("flows", most=limit, archived=archived, tag=tag)
    shell.table(rows, ["slug", "title", "owner", "tags", "state", "latest_version", "updated_at"])


@command(flows, "show")
@click.argument("slug")
def show_flow(shell: Shell, slug: str) -> None:
    """One flow, with the versions that run."""
    found = shell.api.get(f"flows/{part(slug)}")
    shown = {**found, "deployed": {one["environment"]: one["version"] for one in found["deployments"] if one["active"]}}
    columns = [
        "slug",
        "title",
        "owner",
        "tags",
        "state",
        "pause_reason",
        "draft_revision",
        "latest_version",
        "deployed",
    ]
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
    done = shell.api.post(f"flows/{part(slug)}/deploy", body)
    shell.give(done, f"{slug} version {number} runs in {environment}")
    _tell_vendor(shell, done)


@command(flows, "rollback")
@click.argument("slug")
@environment
@reason
def roll_back_flow(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Run the version that was deployed before again."""
    done = shell.api.post(f"flows/{part(slug)}/rollback", {"environment": environment, "reason": reason})
    shell.give(done, f"{slug} version {done['version']} runs in {environment}")
    _tell_vendor(shell, done)


@command(flows, "undeploy")
@click.argument("slug")
@environment
@reason
def undeploy_flow(shell: Shell, slug: str, environment: str, reason: str) -> None:
    """Start no more runs in an environment."""
    done = shell.api.post(f"flows/{part(slug)}/undeploy", {"environment": environment, "reason": reason})
    shell.give(done, f"{slug} no longer runs in {environment}")
    _tell_vendor(shell, done)


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


@command(flows, "people")
@click.argument("slug")
@limit
def flow_people(shell: Shell, slug: str, limit: int) -> None:
    """Owners and stewards of a flow."""
    shell.table(shell.api.pages(f"flows/{part(slug)}/people", most=limit), ["email", "name", "role"])


@command(flows, "assign")
@click.argument("slug")
@click.argument("email")
@click.option("--role", type=click.Choice(["owner", "steward"]), default="steward", show_default=True)
def assign_flow(shell: Shell, slug: str, email: str, role: str) -> None:
    """Make a member owner or steward of a flow: they may change, publish, deploy and pause this flow."""
    done = shell.api.put(f"flows/{part(slug)}/people", {"email": email, "role": role})
    shell.give(done, f"{done['email']} is {done['role']} of {slug}")


@command(flows, "withdraw")
@click.argument("slug")
@click.argument("email")
def withdraw_flow(shell: Shell, slug: str, email: str) -> None:
    """Take from a member what they are to a flow."""
    shell.api.delete(f"flows/{part(slug)}/people/{part(email)}")
    shell.give({"flow": slug, "email": email}, f"{email} is nothing in particular to {slug} any more")


@command(flows, "promote")
@click.argument("slug")
@click.option("--from", "source", required=True, help="The environment whose version is meant.")
@click.option("--to", "target", required=True, help="The environment where it is to run.")
@flag("--plan", "plan_only", help="Say what would change and do nothing; exit code 3 when something would.")
@flag("--yes", help="Do not ask.")
@click.option("--note", default="", help="Kept with the deployment.")
def promote_flow(shell: Shell, slug: str, source: str, target: str, plan_only: bool, yes: bool, note: str) -> None:
    """Run the version of one environment in the next, once all it needs is there; the plan is shown first."""
    plan = shell.api.get(f"flows/{part(slug)}/promotion", **{"from": source, "to": target})
    _tell_promotion(shell, slug, target, plan)
    missing = any(need["state"] == "missing" for need in plan["needs"])
    changes = plan["current"] != plan["version"]
    if plan_only or not changes or missing:
        if shell.as_json:
            shell.give(plan)
        sys.exit(1 if missing and not plan_only else EXIT_DIFFERENT if changes else 0)
    sure(f"Run version {plan['version']} in {target}?", yes=yes)
    body = {"from": source, "to": target, "version": plan["version"], "note": note}
    done = shell.api.post(f"flows/{part(slug)}/promote", body)
    shell.give(done, f"{slug} version {done['version']} runs in {target}")
    _tell_vendor(shell, done)


def _tell_vendor(shell: Shell, deployed: dict[str, Any]) -> None:
    """What is left to do at the vendor of the trigger, with the command that does it."""
    notice, environment = deployed["vendor"], deployed["environment"]
    if notice is None:
        return
    place = f"{notice['endpoint']} -e {environment}"
    if notice["state"] == "missing":
        shell.say(f"the vendor does not deliver to the endpoint {notice['endpoint']} yet; tell it:")
        for way in notice["ways"]:
            over = f"--connection {way['connection']} --trigger {way['trigger']}"
            shell.say(f"  ipaas endpoints subscribe {place} {over}")
    elif notice["state"] == "doubtful":
        shell.say(f"whether the vendor delivers is in doubt; ask it:\n  ipaas endpoints check-subscription {place}")
    else:
        shell.say(f"the vendor still delivers, and no flow listens; end it:\n  ipaas endpoints unsubscribe {place}")


def _tell_promotion(shell: Shell, slug: str, target: str, plan: dict[str, Any]) -> None:
    if plan["current"] == plan["version"]:
        shell.say(f"{target} runs version {plan['version']} of {slug} already.")
    else:
        shell.say(f"{slug} in {target}: version {plan['current'] or 'none'} → {plan['version']}")
        for line in plan["diff"].splitlines()[2:] if plan["current"] else ():
            shell.say(f"    {line}")
    for need in plan["needs"]:
        note = f" ({need['note']})" if need["note"] else ""
        shell.say(f"  {need['state']:8}{need['kind']} {need['name']}{note}")


@command(flows, "test")
@click.argument("slug")
@click.option("--step", required=True, help="The id or the path of a step.")
@click.option("--environment", "-e", required=True, help="Where its calls go; production is never assumed.")
@click.option("--input", "body", help="What the flow reads as trigger.body: JSON, @FILE or -.")
@click.option("--from-run", type=click.UUID, help="Take input and results from this run.")
@click.option("--output", "outputs", multiple=True, metavar="STEP=JSON", help="Pin the result of a step (repeatable).")
@click.option("--item", type=click.IntRange(0), default=0, help="The element of a for-each around the step.")
@click.option("--version", type=click.IntRange(1), help="Else the newest.")
@flag("--draft", help="The draft as it is saved now, instead of a version.")
@click.option("--file", "document", type=click.File("rb"), help="A document of this flow, instead of a version; or -.")
@flag("--in-production", help="Try a draft or a file out even where the real systems are.")
@flag("--alone", help="Only this step, without what stands before it.")
@flag("--preview", help="Say what it would call, and do nothing.")
@click.option("--timeout", default=120, show_default=True, type=click.IntRange(1), help="Seconds to wait at most.")
def test_flow(
    shell: Shell,
    slug: str,
    body: str | None,
    from_run: UUID | None,
    outputs: tuple[str, ...],
    preview: bool,
    timeout: int,
    document: IO[bytes] | None,
    **wish: Any,
) -> None:
    """Try out one step, or everything up to it, by a real run that ends behind it. Exit code 1 when it failed.

    A draft or a file is tried out as it is: it is not published, and nothing else runs with it.
    """
    given = said(wish) | {"outputs": pairs(outputs)}
    given |= {"document": _text(document)} if document is not None else {}
    given |= {"body": json_of(body)} if body is not None else {}
    given |= {"from_run": str(from_run)} if from_run else {}
    calls = shell.api.post(f"flows/{part(slug)}/test/preview", given)["calls"]
    if preview:
        shell.table(calls, ["path", "effect", "what", "target"])
        return
    for call in calls:
        shell.say(f"{call['effect']} {call['what']} at {call['target'] or 'no such connection there'}")
    run = ended(shell, shell.api.post(f"flows/{part(slug)}/test", given)["id"], timeout)
    found = {**run, "tested": _tested(shell, run, given["step"])}
    shell.say(f"run {run['id']}: {'fine' if run['status'] == 'succeeded' else run['status']}")
    for step in run["steps"]["items"]:
        error = f": {step['error']['message']}" if step["error"] else ""
        shell.say(f"  {step['status']:10}{step['path']}{error}")
    shell.give(found, jsonio.dumps(found["tested"]).decode() if found["tested"] else "the step was not reached")
    sys.exit(0 if run["status"] == "succeeded" and found["tested"] else 1)


def _text(file: IO[bytes]) -> str:
    try:
        return file.read().decode()
    except UnicodeDecodeError:
        message = f"{file.name} is not a text in UTF-8"
        raise click.UsageError(message) from None


def _tested(shell: Shell, run: dict[str, Any], name: str) -> Any:
    """What the tested step was given and gave, redacted; None when the run did not come to it."""
    for step in reversed(run["steps"]["items"]):
        if name in (step["path"], step["path"].rpartition("/")[2]):
            return shell.api.get(f"runs/{run['id']}/values", seq=step["seq"])
    return None
