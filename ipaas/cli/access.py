"""Commands of signing in, keys and the audit trail."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from ipaas.cli import places
from ipaas.cli.client import Client
from ipaas.cli.places import Place, private_draft
from ipaas.cli.shell import Shell, Told, command, flag, limit, sure
from ipaas.core.net import parse_url


def register(main: click.Group, audit: click.Group) -> None:
    """Add the commands to ``ipaas``, those of the audit trail to their group."""
    for one in (login, logout, profiles, whoami, keys):
        main.add_command(one)
    for name, made in _audit.commands.items():
        audit.add_command(made, name)


_top = click.Group()
_audit = click.Group()


@click.group(cls=Told)
def profiles() -> None:
    """Servers with their keys, as `login` keeps them."""


@click.group(cls=Told)
def keys() -> None:
    """API keys of the workspace."""


@command(_top)
@click.option("--server", required=True, help="Its address, such as https://ipaas.example.com.")
@click.option("--profile", "name", help="A name for it, where there are several; else the server's own name.")
def login(shell: Shell, server: str, name: str | None) -> None:
    """Keep a server and an API key, asked for or read from standard input, for all further commands."""
    address = places.checked_server(server)
    asked = click.prompt("API key", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    key = asked.strip()
    found = Client(Place(address, key)).get("me")
    file = places.keep(address, key, name or parse_url(address).host)
    shell.give(found, f"{found['name']} in {found['workspace']}; kept in {file}")


@command(_top)
@click.option("--profile", "name", help="Else the current one.")
def logout(shell: Shell, name: str | None) -> None:
    """Forget the server and key that `login` has kept; the key stays live until it is revoked."""
    server = places.forget(name)
    shell.give({"forgotten": server}, f"{server} is forgotten" if server else "nothing was kept")


@command(profiles, "list")
def list_profiles(shell: Shell) -> None:
    """The servers that are kept; never a key."""
    kept = places.kept_profiles()
    rows = [
        {"profile": name, "server": one["server"], "current": name == kept.current}
        for name, one in sorted(kept.profiles.items())
    ]
    shell.table(rows, ["profile", "server", "current"])


@command(profiles, "use")
@click.argument("name")
def use_profile(shell: Shell, name: str) -> None:
    """Make a profile the one that commands use without --profile."""
    places.use(name)
    shell.give({"current": name}, f"{name} is used from now on")


@command(_top)
def whoami(shell: Shell) -> None:
    """Say who acts, where, and what they may do."""
    found = shell.api.get("me")
    shell.details(found, ["name", "kind", "workspace", "permissions"])


@command(keys, "list")
@limit
def list_keys(shell: Shell, limit: int) -> None:
    """All API keys; never a key itself."""
    columns = ["id", "name", "prefix", "service_account", "owner", "last_used_at", "expires_at", "revoked_at"]
    shell.table(shell.api.pages("api-keys", most=limit), columns)


@command(keys, "create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="A permission (repeatable).")
@click.option("--flow", "flows", multiple=True, help="Bind the key to this flow (repeatable).")
@click.option("--service-account", default="", help="Whose key it is; else that of who asks.")
@click.option("--expires", "expires_at", help="A time with its zone.")
def create_key(shell: Shell, name: str, scopes: tuple[str, ...], flows: tuple[str, ...], **given: Any) -> None:
    """Make a key; it is shown once."""
    body = {"name": name, "scopes": list(scopes), "flows": list(flows) or None, **given}
    _show_new(shell, shell.api.post("api-keys", body))


@command(keys, "rotate")
@click.argument("key", type=click.UUID)
@click.option("--overlap", default=86_400, show_default=True, type=click.IntRange(0), help="Seconds the old one lives.")
def rotate_key(shell: Shell, key: Any, overlap: int) -> None:
    """Make the successor of a key; it is shown once."""
    _show_new(shell, shell.api.post(f"api-keys/{key}/rotate", {"overlap_s": overlap}))


@command(keys, "revoke")
@click.argument("key", type=click.UUID)
@flag("--yes", help="Do not ask.")
def revoke_key(shell: Shell, key: Any, yes: bool) -> None:
    """End a key at once."""
    sure(f"End the key {key} for good?", yes=yes)
    shell.give(shell.api.post(f"api-keys/{key}/revoke"), f"key {key} is revoked")


def _show_new(shell: Shell, made: Any) -> None:
    shell.give(made, made["key"])
    if not shell.as_json:
        click.echo(f"key {made['id']} is live; it is not shown again", err=True)


# -- audit ---------------------------------------------------------------------------------------------------------


to_file = click.option(
    "--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="A file, readable by its owner only."
)


@command(_audit, "list")
@click.option("--filter", "filters", multiple=True, help="name=value: who, action, flow, since, until … (repeatable).")
@limit
def list_entries(shell: Shell, filters: tuple[str, ...], limit: int) -> None:
    """Entries, the newest first."""
    columns = ["created_at", "actor_label", "action", "subject_type", "subject_label", "outcome"]
    shell.table(shell.api.pages("audit/entries", most=limit, **_filters(filters)), columns)


@command(_audit, "export")
@click.option("--format", "fmt", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--filter", "filters", multiple=True, help="name=value: who, action, flow, since, until … (repeatable).")
@to_file
@flag("--background", help="Let the workers write it; wait with progress, then fetch the file.")
def export_entries(shell: Shell, fmt: str, filters: tuple[str, ...], target: Path | None, background: bool) -> None:
    """Write the trail with its proof to standard output or a file, as it comes."""
    if background:
        job = _finished(shell, {"kind": "export", "format": fmt, "filters": _filters(filters)})
        _download(shell, f"audit/jobs/{job['id']}/file", target)
        return
    _download(shell, "audit/export", target, format=fmt, **_filters(filters))


@command(_audit, "check")
def check_chain(shell: Shell) -> None:
    """Let the workers recompute the whole chain; exit code 1 when something speaks against it."""
    job = _finished(shell, {"kind": "verify"})
    found = job["result"]
    lines = "\n".join(["intact" if found["ok"] else "NOT INTACT", *found["problems"]])
    shell.give(job, f"{lines}: up to entry {found['to_seq']}" if found["ok"] else lines)
    if not found["ok"]:
        sys.exit(1)


@command(_audit, "jobs")
@limit
def list_jobs(shell: Shell, limit: int) -> None:
    """Exports and verifications in the background, the newest first."""
    columns = ["id", "kind", "format", "state", "done", "total", "started_by", "created_at", "error"]
    shell.table(shell.api.pages("audit/jobs", most=limit), columns)


def _finished(shell: Shell, body: dict[str, Any]) -> Any:
    """Begin a job and wait for its end, with progress for a person."""
    job = shell.api.post("audit/jobs", body)
    quiet = shell.as_json or not sys.stderr.isatty()
    while job["state"] == "running":
        if not quiet:
            click.echo(f"\r{job['done']:,} of {job['total']:,} entries", nl=False, err=True)
        time.sleep(0.5)
        job = shell.api.get(f"audit/jobs/{job['id']}")
    if not quiet:
        click.echo(err=True)
    if job["state"] != "done":
        raise click.ClickException(job["error"] or f"the job is {job['state']}")
    return job


@command(_audit, "checkpoints")
@to_file
def export_checkpoints(shell: Shell, target: Path | None) -> None:
    """Write all signed checkpoints, one JSON object a line, to be kept outside."""
    _download(shell, "audit/checkpoints", target)


def _download(shell: Shell, path: str, target: Path | None, **query: str) -> None:
    """Piece by piece; a file appears only when it is whole."""
    if target is None:
        shell.api.download(path, sys.stdout.buffer.write, **query)
        return
    size = 0

    def count(piece: bytes) -> None:
        nonlocal size
        size += handle.write(piece)

    with private_draft(target) as handle:
        shell.api.download(path, count, **query)
    shell.give({"file": str(target), "bytes": size}, f"{size} bytes are in {target}")


@command(_audit, "verify")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--public-key", help="The key to trust, in base64; else the one in the file is used.")
@click.option("--checkpoints", type=click.Path(exists=True, dir_okay=False), help="Checkpoints kept apart.")
def verify(shell: Shell, file: Path | None, public_key: str | None, checkpoints: str | None) -> None:
    """Check the whole trail on the server, or offline an exported FILE. Exit code 1 unless intact."""
    if file is not None:
        from ipaas.audit.verifier import main

        options = [("--public-key", public_key), ("--checkpoints", checkpoints)]
        sys.exit(main([str(file), *(word for name, value in options if value for word in (name, value))]))
    report = shell.api.post("audit/verify")
    lines = [f"{'Intact' if report['ok'] else 'NOT INTACT'}: {report['entries']} entries"]
    lines += [f"  entry {one['seq'] or '-'}: {one['message']} [{one['code']}]" for one in report["problems"]]
    shell.give(report, "\n".join(lines))
    sys.exit(0 if report["ok"] else 1)


def _filters(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name:
            message = f"{text!r} is not of the form name=value"
            raise click.UsageError(message)
        found[name] = value
    return found
