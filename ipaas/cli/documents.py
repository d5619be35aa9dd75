"""Commands of documents and flows."""

import difflib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ipaas.cli.client import ServerProblem, part
from ipaas.cli.shell import Shell, Told, command, environment, flag, limit, reason
from ipaas.core import yamlio
from ipaas.core.errors import InvalidInput

PLURALS = {"schema": "schemas", "mapping": "mappings", "flow": "flows"}
SUFFIXES = (".yaml", ".yml", ".json")
_KIND = re.compile(r"""^[\s{]*["']?kind["']?\s*:\s*["']?([a-z_]+)""", re.MULTILINE)

files = click.argument("files", nargs=-1, required=True)


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    for one in (apply, validate, diff, export):
        main.add_command(one)
    main.add_command(flows)


_top = click.Group()


@click.group(cls=Told)
def flows() -> None:
    """Flows: which there are, which version runs where."""


@command(_top)
@files
@click.option("--note", default="", help="What changed, kept with the version.")
@flag("--draft", help="Store drafts only, publish nothing.")
@click.option("--deploy", "target", help="An environment: run the published versions of flows there from now on.")
def apply(shell: Shell, files: tuple[str, ...], note: str, draft: bool, target: str | None) -> None:
    """Store documents (files, folders, or - for standard input) and publish them; schemas and mappings first."""
    done = []
    for name, text in _texts(files):
        applied = shell.api.post("documents/apply", {"text": text, "note": note, "publish": not draft})
        done.append({**applied, "file": name})
        _tell_findings(shell, name, applied["findings"])
        state = f"version {applied['version']}" if applied["version"] else f"draft {applied['draft_revision']}"
        shell.say(f"{applied['kind']} {applied['slug']}: {state}")
        if target and applied["kind"] == "flow" and applied["version"]:
            body = {"environment": target, "version": applied["version"], "note": note}
            shell.api.post(f"flows/{part(applied['slug'])}/deploy", body)
            shell.say(f"flow {applied['slug']}: version {applied['version']} runs in {target}")
    if shell.as_json:
        shell.give(done)


@command(_top)
@files
def validate(shell: Shell, files: tuple[str, ...]) -> None:
    """Say everything that is wrong or doubtful with documents; nothing is stored. Exit code 1 with an error."""
    found, wrong = [], 0
    for name, text in _texts(files):
        findings = shell.api.post("documents/validate", {"text": text})["findings"]
        found.append({"file": name, "findings": findings})
        wrong += sum(one["severity"] == "error" for one in findings)
        _tell_findings(shell, name, findings)
        shell.say(f"{name}: {len(findings)} findings" if findings else f"{name}: fine")
    if shell.as_json:
        shell.give(found)
    sys.exit(1 if wrong else 0)


@command(_top)
@files
def diff(shell: Shell, files: tuple[str, ...]) -> None:
    """Compare documents with the server's drafts. Exit code 1 when anything differs."""
    found = []
    for name, text in _texts(files):
        content = yamlio.load(text)
        kind, slug = _identity(name, content)
        lines = difflib.unified_diff(
            _plain(_present(shell, kind, slug)), _plain(content), f"server {kind}/{slug}", name, lineterm=""
        )
        found.append({"file": name, "kind": kind, "slug": slug, "diff": "\n".join(lines)})
        if found[-1]["diff"]:
            shell.say(found[-1]["diff"])
    if shell.as_json:
        shell.give(found)
    sys.exit(1 if any(one["diff"] for one in found) else 0)


@command(_top)
@click.argument("documents", nargs=-1, metavar="[KIND/SLUG]…")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="A folder; else it is printed.")
def export(shell: Shell, documents: tuple[str, ...], folder: Path | None) -> None:
    """Write documents as YAML files: those named (flow/orders, or flow/orders@3), else all that have a draft."""
    written = []
    for kind, slug, version in _wanted(shell, documents):
        try:
            found = shell.api.get(f"{PLURALS[kind]}/{part(slug)}/text", version=version)
        except ServerProblem as problem:
            if problem.status == 404 and not documents:
                continue  # a part of another document: it has no draft of its own
            raise
        written.append({"kind": kind, "slug": slug, **found})
        if folder is not None:
            file = folder / _inside(found["path"])
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(found["text"])
            shell.say(str(file))
        elif not shell.as_json:
            click.echo(f"---\n{found['text']}", nl=False)
    if shell.as_json:
        shell.give(written)


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


# -- files ---------------------------------------------------------------------------------------------------------


def _texts(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Name and text of every document, schemas before mappings before flows."""
    found = [(name, text) for name in names for name, text in _read(name)]
    order = list(PLURALS)

    def rank(one: tuple[str, str]) -> int:
        kind = _KIND.search(one[1])
        return order.index(kind[1]) if kind and kind[1] in order else len(order)

    return sorted(found, key=rank)


def _read(name: str) -> Iterator[tuple[str, str]]:
    if name == "-":
        yield "standard input", sys.stdin.read()
        return
    path = Path(name)
    if not path.exists():
        message = f"there is no file {name!r}"
        raise click.UsageError(message)
    inside = sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES) if path.is_dir() else [path]
    for file in inside:
        try:
            yield str(file), file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"{file} can not be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
            raise click.ClickException(message) from None


def _identity(name: str, content: Any) -> tuple[str, str]:
    kind, slug = (content.get("kind"), content.get("slug")) if isinstance(content, dict) else (None, None)
    if kind not in PLURALS or not isinstance(slug, str):
        message = "needs a kind (flow, mapping, schema) and a slug"
        raise InvalidInput([{"path": name, "code": "document.kind", "message": message}])
    return str(kind), slug


def _present(shell: Shell, kind: str, slug: str) -> Any:
    try:
        return yamlio.load(shell.api.get(f"{PLURALS[kind]}/{part(slug)}/text")["text"])
    except ServerProblem as problem:
        if problem.status == 404:
            return {}
        raise


def _plain(content: Any) -> list[str]:
    return yamlio.dump(_sorted(content)).splitlines() if content else []


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def _wanted(shell: Shell, named: tuple[str, ...]) -> Iterator[tuple[str, str, int | None]]:
    for text in named:
        match = re.fullmatch(r"(flow|mapping|schema)/([a-z0-9-]+)(?:@(\d{1,9}))?", text)
        if match is None:
            message = f"{text!r} is not of the form flow/orders or flow/orders@3"
            raise click.UsageError(message)
        yield match[1], match[2], int(match[3]) if match[3] else None
    if not named:
        for kind, plural in PLURALS.items():
            for row in shell.api.pages(plural, most=1_000_000):
                yield kind, row["slug"], None


def _inside(path: str) -> str:
    """A path that the server gave, if it leads nowhere else."""
    if not re.fullmatch(r"[a-z]+/[a-z0-9-]+\.yaml", path):
        message = "the server named a file outside of the folder"
        raise click.ClickException(message)
    return path


def _tell_findings(shell: Shell, name: str, findings: list[dict[str, Any]]) -> None:
    for one in findings:
        place = f"{name}:{one['line']}" if one.get("line") else name
        shell.say(f"{place}: {one['severity']}: {one['path'] or 'document'}: {one['message']} [{one['code']}]")
