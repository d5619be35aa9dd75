"""Commands of the tests of mappings: in files, which needs no server; and with what runs on a server have seen."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from ipaas.cli.client import part
from ipaas.cli.shell import EXIT_INVALID, Refusal, Shell, Told, command, flag
from ipaas.core import jsonio, yamlio
from ipaas.core.clock import now
from ipaas.core.document_forms import errors_of, refuse
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.core.phrases import sentences
from ipaas.mapping import engine
from ipaas.mapping.case_files import Document, Folder, read_folder
from ipaas.mapping.case_making import accepting, generated, with_tests
from ipaas.mapping.case_report import junit
from ipaas.mapping.cases import CaseResult, CasesResult, run_cases
from ipaas.mapping.coverage import KINDS, Coverage, coverage
from ipaas.mapping.form import form_findings
from ipaas.mapping.formats.applying import convert, with_formats

paths = click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH…")
one_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
MOST_MISSED = 40
MOST_FAULTS = 10


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(mapping)


@click.group(cls=Told)
def mapping() -> None:
    """Test mappings: in files without a server, and with what their runs have seen."""


@dataclass(frozen=True, slots=True)
class _Tested:
    document: Document
    result: CasesResult
    seconds: float
    reached: Coverage | None


@command(mapping, "test")
@paths
@click.option("--junit", "report", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML here.")
@flag("--coverage", "with_coverage", help="Say which fields, branches and rows of lookups no test reaches.")
@click.option("--min-coverage", type=click.IntRange(0, 100), help="Fail below so many percent.")
def test_mappings(
    shell: Shell, paths: tuple[Path, ...], report: Path | None, with_coverage: bool, min_coverage: int | None
) -> None:
    """Run the tests of mappings in files and folders; what they refer to is found beside them.

    Exit code 1 when a test fails, 2 when a document is wrong or there is no mapping.
    """
    folder, meant = _read(paths)
    documents = folder.mappings(meant)
    if not documents:
        message = "there is no mapping among these files"
        raise click.UsageError(message)
    wanted = with_coverage or min_coverage is not None
    tested = [_test(one, folder, with_coverage=wanted) for one in documents]
    for one in tested:
        _tell(shell, one)
    low = [one for one in tested if min_coverage and one.reached is not None and one.reached.percent < min_coverage]
    for one in low:
        shell.say(f"{one.document.path}: less than {min_coverage} % is reached")
    passed = sum(len(one.result.results) - one.result.failed for one in tested)
    failed = sum(one.result.failed for one in tested)
    broken = [one for one in tested if one.result.problem]
    shell.say(
        f"{len(tested)} mappings: {passed} passed, {failed} failed" + (f", {len(broken)} wrong" if broken else "")
    )
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(junit([(_shown(one.document.path), one.result, one.seconds) for one in tested]), "utf-8")
    if shell.as_json:
        shell.give([_as_json(one) for one in tested])
    raise click.exceptions.Exit(EXIT_INVALID if broken else int(bool(failed or low)))


@command(mapping, "generate")
@one_file
@flag("--write", help="Write them into the file; else they are printed.")
def generate_tests(shell: Shell, file: Path, write: bool) -> None:
    """Make a test for each edge of the source's schema that none of the file has, with what comes out now."""
    document, folder = _only(file)
    made = generated(document.content, folder.resolve)
    if write and made:
        _write(file, [*document.content.get("tests", ()), *made])
        shell.say(f"{file}: {len(made)} tests are added; read what they expect before you trust it")
    elif not shell.as_json:
        click.echo(yamlio.dump({"tests": made}) if made else f"{file}: every edge has its test", nl=not made)
    if shell.as_json:
        shell.give(made)


@command(mapping, "accept")
@one_file
@click.option("--test", "names", multiple=True, help="Only this test, by its name; may be given several times.")
def accept_outputs(shell: Shell, file: Path, names: tuple[str, ...]) -> None:
    """Let the failing tests of a file expect what comes out now, and write the file."""
    document, folder = _only(file)
    wanted = names or tuple(
        one.name for one in run_cases(document.content, resolve=folder.resolve).results if not one.passed
    )
    if wanted:
        _write(file, accepting(wanted, folder.resolve)(document.content))
    shell.give({"accepted": list(wanted)}, "\n".join(f"accepted: {name}" for name in wanted) or "nothing to accept")


# -- with a server ---------------------------------------------------------------------------------------------------


@command(mapping, "samples")
@click.argument("slug")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 50), help="How many.")
def samples(shell: Shell, slug: str, limit: int) -> None:
    """What recent runs gave to a mapping, newest first; with --json all of it. Sensitive values are made up."""
    found = shell.api.get(f"mappings/{part(slug)}/samples", limit=limit)["samples"]
    shell.table(found, ["run_id", "flow", "step", "item", "at", "failed"])


@command(mapping, "add-test")
@click.argument("slug")
@click.option("--run", "run_id", required=True, help="A run that used the mapping.")
@click.option("--step", help="Path of the step; else its first use.")
@click.option("--item", help="The element of a for-each.")
def add_test(shell: Shell, slug: str, run_id: str, step: str | None, item: str | None) -> None:
    """Add a test of what a run gave to a mapping, its sensitive values replaced by made-up ones of their form."""
    body = {"run_id": run_id, **({"step": step} if step else {}), **({"item": item} if item else {})}
    done = shell.api.post(f"mappings/{part(slug)}/tests/from-run", body)
    shell.give(done, f"{slug}: {done['names'][-1]} is added; read what it expects before you trust it")


@command(mapping, "drift")
@click.argument("slug")
@click.option("--test", "to_test", help="Make a test of this one, by its id.")
@click.option("--ignore", "to_ignore", help="Tell of this one no more, by its id.")
def drift(shell: Shell, slug: str, to_test: str | None, to_ignore: str | None) -> None:
    """How data of recent runs differs from the schema of a mapping's source."""
    place = f"mappings/{part(slug)}/drift"
    if to_test:
        done = shell.api.post(f"{place}/{part(to_test)}/test", {})
        shell.give(done, f"{slug}: {done['names'][-1]} is added")
    elif to_ignore:
        done = shell.api.post(f"{place}/{part(to_ignore)}/ignore", {})
        shell.give(done, f"{done['path']}: told of no more")
    else:
        shell.table(shell.api.get(place)["drift"], ["id", "words", "count", "first_seen_at", "last_seen_at"])


@command(mapping, "convert")
@one_file
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="INPUT")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path), metavar="OUTPUT", required=False)
@click.option("--vars", "variables", default="{}", help="What vars is, as JSON.")
@click.option("--now", "moment", type=click.DateTime(), help="What now is, in UTC; the present where nothing is said.")
def convert_file(
    shell: Shell, file: Path, source: Path, target: Path | None, variables: str, moment: datetime | None
) -> None:
    """Make OUTPUT (else print it) of INPUT by the mapping in FILE, in the formats that it says.

    With records under its input, one record is in memory at a time. OUTPUT is replaced when all is done, never before.
    Lookups and functions are found beside FILE. Exit code 2 when a record can not be mapped.
    """
    document, folder = _only(file)
    try:
        compiled = with_formats(engine.compile(document.content, resolve=folder.resolve), document.content)
        scope = {
            "vars": jsonio.loads(variables),
            "run": {"id": "", "flow": ""},
            "now": (f"{moment.isoformat()}Z" if moment else now().isoformat()),
        }
        with source.open("rb") as given:
            if target is None:
                count = convert(compiled, given, sys.stdout.buffer, scope)
                sys.stdout.buffer.flush()
                return
            count = _replaced(target, lambda made: convert(compiled, given, made, scope))
    except IpaasError as error:
        raise Refusal(sentences(error.detail, error.advice), EXIT_INVALID) from None
    words = f"{count} record{'' if count == 1 else 's'}: {target}"
    shell.give({"records": count, "file": str(target)}, words)


def _replaced(target: Path, work: Callable[[BinaryIO], int]) -> int:
    """A file that is there whole or as it was before."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as made:
            count = work(made)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return count


def _test(document: Document, folder: Folder, *, with_coverage: bool) -> _Tested:
    started = time.perf_counter()
    wrong = errors_of(form_findings(document.content))
    if wrong:
        told = "; ".join(f"{one.path or '/'}: {one.message}" for one in wrong[:MOST_FAULTS])
        return _Tested(document, CasesResult(_slug(document), problem=told), 0.0, None)
    result = run_cases(document.content, resolve=folder.resolve)
    seconds = time.perf_counter() - started
    wanted = with_coverage and not result.problem
    return _Tested(document, result, seconds, coverage(document.content, resolve=folder.resolve) if wanted else None)


def _read(paths: Iterable[Path]) -> tuple[Folder, list[Path]]:
    try:
        return read_folder(paths)
    except InvalidInput as error:
        raise Refusal(error.detail, EXIT_INVALID) from None


def _only(file: Path) -> tuple[Document, Folder]:
    folder, meant = _read([file])
    documents = folder.mappings(meant)
    if not documents:
        message = f"{file} is no mapping"
        raise click.UsageError(message)
    refuse(errors_of(form_findings(documents[0].content)))
    return documents[0], folder


def _write(file: Path, tests: list[Any]) -> None:
    file.write_text(with_tests(file.read_text("utf-8"), tests), "utf-8")


def _slug(document: Document) -> str:
    return str(document.content.get("slug", ""))


def _shown(path: Path) -> str:
    """Below the current folder where it is."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


# -- telling ---------------------------------------------------------------------------------------------------------


def _tell(shell: Shell, one: _Tested) -> None:
    for line in (*_lines(one.result.results), *_summary(one)):
        shell.say(line)


def _lines(results: Sequence[CaseResult]) -> Iterator[str]:
    for case in results:
        yield click.style(f"{'ok    ' if case.passed else 'FAILED'}  {case.name}", fg=None if case.passed else "red")
        yield from (f"          {one.path or '/'}: {one.message}" for one in case.differences)
        yield from (f"          note: {note}" for note in case.notes)


def _summary(one: _Tested) -> Iterator[str]:
    where, result = _shown(one.document.path), one.result
    if result.problem:
        yield click.style(f"{where}: {result.problem}", fg="red")
        return
    counts = f"{len(result.results) - result.failed} passed, {result.failed} failed" if result.results else "no tests"
    yield f"{where}: {counts}"
    if one.reached is None:
        return
    parts = [f"{reached} of {total} {name}" for name, (reached, total) in _counted(one.reached) if total]
    yield f"  reached: {one.reached.percent} % ({', '.join(parts)})" if parts else f"  {one.reached.note}"
    missed = one.reached.missed
    yield from (f"  not reached: {point.words}" for point in missed[:MOST_MISSED])
    if len(missed) > MOST_MISSED:
        yield f"  not reached: {len(missed) - MOST_MISSED} more"


def _counted(reached: Coverage) -> Iterator[tuple[str, tuple[int, int]]]:
    names = {"field": "fields", "branch": "branches", "row": "rows"}
    return ((names[kind], reached.of(kind)) for kind in KINDS)


def _as_json(one: _Tested) -> dict[str, Any]:
    found = {"file": _shown(one.document.path), **one.result.as_json()}
    return found | ({"coverage": one.reached.as_json()} if one.reached is not None else {})
