"""Commands of documents: a folder of them against the server, and back."""

import difflib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ipaas.cli.client import ServerProblem, part
from ipaas.cli.shell import EXIT_DIFFERENT, EXIT_IN_REVIEW, EXIT_INVALID, Shell, command, flag, sure
from ipaas.core import yamlio
from ipaas.core.errors import InvalidInput

PLURALS = {
    "term": "terms",
    "convention": "conventions",
    "schema": "schemas",
    "event_type": "event-types",
    "lookup": "lookups",
    "function": "functions",
    "contract": "contracts",
    "mapping": "mappings",
    "flow": "flows",
}
FILES = {"domain": "domains", **PLURALS}
"""What a folder holds: domains beside the documents that name them."""
SUFFIXES = (".yaml", ".yml", ".json")
_KIND = re.compile(r"""^[\s{]*["']?kind["']?\s*:\s*["']?([a-z_]+)""", re.MULTILINE)

files = click.argument("files", nargs=-1, required=True)


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    for one in (apply, validate, diff, export):
        main.add_command(one)


_top = click.Group()


@command(_top)
@files
@click.option("--note", default="", help="What changed, kept with the version.")
@flag("--draft", help="Store drafts only, publish nothing.")
@click.option("--deploy", "target", help="An environment: run the published versions of flows there from now on.")
@flag("--prune", help="Archive every document of the workspace that is not among these.")
@flag("--plan", "plan_only", help="Say what would be done and do nothing; exit code 3 when there is something to do.")
@flag("--yes", help="Do not ask. A program needs it with --prune only.")
def apply(
    shell: Shell,
    files: tuple[str, ...],
    note: str,
    draft: bool,
    target: str | None,
    prune: bool,
    plan_only: bool,
    yes: bool,
) -> None:
    """Store documents (files, folders, or - for standard input) and publish them, all of them or none.

    The plan is shown first. What others refer to goes before them; what is there already stays as it is. Nothing is
    removed without --prune. What needs a review is stored and sent there; then the exit code is 7.
    """
    documents = [{"name": name, "text": text} for name, text in _texts(files)]
    body: dict[str, Any] = {"documents": documents, "note": note, "publish": not draft, "prune": prune}
    body |= {"deploy": target} if target else {}
    plan = shell.api.post("documents/plan", body)["documents"]
    tell_plan(shell, plan)
    if any(step["deed"] in STOPPING for step in plan):
        _give(shell, plan)
        sys.exit(EXIT_INVALID)
    todo = [step for step in plan if step["deed"] != "unchanged"]
    if plan_only or not todo:
        _give(shell, plan)
        sys.exit(EXIT_DIFFERENT if todo else 0)
    if not yes and (prune or sys.stdin.isatty()):
        sure("Apply this?", yes=False)
    revisions = {(step["kind"], step["slug"]): step["revision"] for step in plan}
    by_name = {step["name"]: revisions[step["kind"], step["slug"]] for step in plan if step["name"]}
    for one in documents:
        one["expected_revision"] = by_name[one["name"]]
    done = shell.api.post("documents/apply-all", body)["documents"]
    for step in done:
        _tell_done(shell, step)
    _give(shell, done)
    if any(step["deed"] in WAITING for step in done):
        sys.exit(EXIT_IN_REVIEW)


@command(_top)
@files
def validate(shell: Shell, files: tuple[str, ...]) -> None:
    """Say everything that is wrong or doubtful with documents; nothing is stored. Exit code 2 with an error."""
    found, wrong = [], 0
    for name, text in _texts(files):
        findings = shell.api.post("documents/validate", {"text": text})["findings"]
        found.append({"file": name, "findings": findings})
        wrong += sum(one["severity"] == "error" for one in findings)
        _tell_findings(shell, name, findings)
        shell.say(f"{name}: {len(findings)} findings" if findings else f"{name}: fine")
    _give(shell, found)
    sys.exit(EXIT_INVALID if wrong else 0)


@command(_top)
@files
def diff(shell: Shell, files: tuple[str, ...]) -> None:
    """Compare documents, down to their comments, with the server's drafts. Exit code 3 when anything differs."""
    found = []
    for name, text in _texts(files):
        kind, slug = _identity(name, yamlio.load(text))
        present = _present(shell, kind, slug)
        if kind == "domain" and present and yamlio.load(present) == yamlio.load(text):
            present = text  # it is kept without comments
        lines = difflib.unified_diff(
            present.splitlines(), text.splitlines(), f"server {kind}/{slug}", name, lineterm=""
        )
        found.append({"file": name, "kind": kind, "slug": slug, "diff": "\n".join(lines)})
        if found[-1]["diff"]:
            shell.say(found[-1]["diff"])
    _give(shell, found)
    sys.exit(EXIT_DIFFERENT if any(one["diff"] for one in found) else 0)


@command(_top)
@click.argument("documents", nargs=-1, metavar="[KIND/SLUG]…")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="A folder; else it is printed.")
def export(shell: Shell, documents: tuple[str, ...], folder: Path | None) -> None:
    """Write documents as YAML files: those named (flow/orders, or flow/orders@3), else all that have a draft.

    One folder for each kind, domains with their owners and stewards among them. Secrets, connections and endpoints
    belong to an installation and are not exported.
    """
    written = []
    for kind, slug, version in _wanted(shell, documents):
        try:
            found = shell.api.get(f"{FILES[kind]}/{part(slug)}/text", version=version)
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
    _give(shell, written)


# -- plans ---------------------------------------------------------------------------------------------------------

STOPPING = frozenset({"invalid", "blocked"})
WAITING = frozenset({"review", "waits"})
SIGNS = {
    "create": "+",
    "change": "~",
    "text": "~",
    "deploy": ">",
    "review": "?",
    "waits": "?",
    "archive": "-",
    "invalid": "!",
    "blocked": "!",
}
COLOURS = {"+": "green", "~": "yellow", ">": "cyan", "?": "yellow", "-": "red", "!": "red"}
MOST_LINES = 40


def tell_plan(shell: Shell, plan: list[dict[str, Any]]) -> None:
    """A plan for a person: what becomes of each document, what changes in it, and the sums."""
    for step in plan:
        _tell_step(shell, step)
    counts = Counter(step["deed"] for step in plan)
    words = ", ".join(f"{counts[deed]} {word}" for deed, word in SUMS.items() if counts[deed])
    shell.say(f"Plan: {words}.")


SUMS = {
    "create": "to create",
    "change": "to change",
    "text": "with new comments only",
    "deploy": "to deploy",
    "review": "to review",
    "waits": "waiting for what is in review",
    "archive": "to archive",
    "unchanged": "unchanged",
    "invalid": "invalid",
    "blocked": "blocked",
}


def _tell_step(shell: Shell, step: dict[str, Any]) -> None:
    if step["deed"] == "unchanged":
        return
    sign = SIGNS[step["deed"]]
    shell.say(click.style(f"{sign} {step['deed']} {step['kind']} {step['slug']}{_versions(step)}", fg=COLOURS[sign]))
    if step["drafted"]:
        shell.say("    a draft on the server that nobody has published is written over")
    _tell_findings(shell, step["name"] or f"{step['kind']}/{step['slug']}", step["findings"])
    if step["deed"] not in ("change", "text", "review"):
        return
    lines = step["diff"].splitlines()[2:]
    if not lines:
        shell.say("    the draft on the server says the same: it is not published yet, or refers to newer versions")
    for line in lines[:MOST_LINES]:
        shell.say(f"    {line}")
    if len(lines) > MOST_LINES:
        shell.say(f"    … {len(lines) - MOST_LINES} more lines; `ipaas diff` shows all")


def _versions(step: dict[str, Any]) -> str:
    version = step["version"]
    if version is None or step["deed"] == "text":
        shown = ""
    elif step["before"] and version > step["before"]:
        shown = f": version {step['before']} → {version}"
    else:
        shown = f": version {version}"
    return shown + (f", runs in {step['deployed']}" if step["deployed"] else "")


def _tell_done(shell: Shell, step: dict[str, Any]) -> None:
    name = f"{step['kind']} {step['slug']}"
    if step["deed"] == "archive":
        shell.say(f"{name}: archived")
        return
    if step["kind"] == "domain":
        shell.say(f"{name}: {'as it was' if step['deed'] == 'unchanged' else 'saved'}")
        return
    if step["deed"] in WAITING:
        told = f"review {step['review']}" if step["review"] else "waits for what is in review"
        shell.say(f"{name}: draft {step['draft_revision']}, {told}")
        return
    shell.say(f"{name}: version {step['version']}" if step["version"] else f"{name}: draft {step['draft_revision']}")
    if step["deployed"]:
        shell.say(f"{name}: version {step['version']} runs in {step['deployed']}")


def _give(shell: Shell, answer: Any) -> None:
    if shell.as_json:
        shell.give(answer)


# -- files ---------------------------------------------------------------------------------------------------------


def _texts(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Name and text of every document, those that others refer to first."""
    found = [(name, text) for name in names for name, text in _read(name)]
    order = list(FILES)

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
    if kind not in FILES or not isinstance(slug, str):
        message = f"needs a kind ({', '.join(FILES)}) and a slug"
        raise InvalidInput([{"path": name, "code": "document.kind", "message": message}])
    return str(kind), slug


def _present(shell: Shell, kind: str, slug: str) -> str:
    try:
        return str(shell.api.get(f"{FILES[kind]}/{part(slug)}/text")["text"])
    except ServerProblem as problem:
        if problem.status == 404:
            return ""
        raise


def _wanted(shell: Shell, named: tuple[str, ...]) -> Iterator[tuple[str, str, int | None]]:
    for text in named:
        match = re.fullmatch(r"([a-z_]+)/([a-z0-9-]+)(?:@(\d{1,9}))?", text)
        if match is None or match[1] not in FILES or (match[1] == "domain" and match[3]):
            message = f"{text!r} is not of the form flow/orders or flow/orders@3"
            raise click.UsageError(message)
        yield match[1], match[2], int(match[3]) if match[3] else None
    if not named:
        for kind, plural in FILES.items():
            for row in sorted(shell.api.pages(plural, most=1_000_000), key=lambda one: str(one["slug"])):
                yield kind, row["slug"], None


def _inside(path: str) -> str:
    """A path that the server gave, if it leads nowhere else."""
    if not re.fullmatch(r"[a-z-]+/[a-z0-9-]+\.yaml", path):
        message = "the server named a file outside of the folder"
        raise click.ClickException(message)
    return path


def _tell_findings(shell: Shell, name: str, findings: list[dict[str, Any]]) -> None:
    for one in findings:
        place = f"{name}:{one['line']}" if one.get("line") else name
        shell.say(f"{place}: {one['severity']}: {one['path'] or 'document'}: {one['message']} [{one['code']}]")
