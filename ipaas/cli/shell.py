"""What all commands share: where to, how to answer, which exit code.

Exit codes: 0 done; 1 refused, or not as asked for; 2 wrong words or documents; 3 there are differences; 4 not found;
5 the server does not answer, or has a defect; 6 not signed in, or not permitted.
"""

import functools
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from ipaas.cli.client import Client, ServerProblem
from ipaas.cli.places import find_place, forget_local_key
from ipaas.core import jsonio
from ipaas.core.errors import IpaasError

EXIT_INVALID, EXIT_DIFFERENT, EXIT_NOT_PERMITTED, EXIT_IN_REVIEW = 2, 3, 6, 7
EXIT_CODES = {
    0: "done, or nothing to do",
    1: "refused by the server, or the outcome is not the one asked for",
    EXIT_INVALID: "the words of the command, or the documents given, are wrong",
    EXIT_DIFFERENT: "there are differences: `diff`, or something to do: `--plan`",
    4: "there is no such thing",
    5: "the server does not answer, or has a defect",
    EXIT_NOT_PERMITTED: "not signed in, or not permitted",
    EXIT_IN_REVIEW: "`apply`: something waits for a review before it is published",
}


def exit_code(status: int) -> int:
    """The exit code of an error, by its HTTP status."""
    return {401: EXIT_NOT_PERMITTED, 403: EXIT_NOT_PERMITTED, 404: 4}.get(status, 5 if status >= 500 else 1)


class Refusal(click.ClickException):
    """An error of the product, as the command line tells it."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # click reads it from the instance


class Told(click.Group):
    """A group whose commands say errors of the product in a line, with what to do, instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except IpaasError as error:
            raise Refusal(_line(error), exit_code(error.status)) from None
        except BrokenPipeError:
            raise  # the reader has enough: click ends quietly
        except Exception as error:
            line = _foreseen(error)
            if line is None:
                raise
            raise Refusal(line, 5 if _of_a_server(error) else 1) from None


def _foreseen(error: Exception) -> str | None:
    """What to say of errors of the surroundings; None for defects, which deserve their traceback."""
    from pydantic import ValidationError

    if _of_a_server(error):
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        return f"A server of the instance does not answer: {reason} Run `python3 manage.py up`, or see `doctor`."
    if isinstance(error, ValidationError):
        faults = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors())
        return f"A setting is not valid: {faults}. See docs/reference/settings.md."
    if isinstance(error, OSError):
        return f"{error.filename or 'The system'}: {error.strerror or error}."
    return None


def _of_a_server(error: Exception) -> bool:
    """Whether the database or Redis does not answer; imported late, as it happens seldom."""
    from django.db.utils import InterfaceError, OperationalError
    from psycopg import OperationalError as PlainOperationalError
    from redis.exceptions import ConnectionError as RedisGone
    from redis.exceptions import TimeoutError as RedisLate

    gone = (OperationalError, InterfaceError, PlainOperationalError, RedisGone, RedisLate, ConnectionError)
    return isinstance(error, gone)


def _line(error: IpaasError) -> str:
    places = getattr(error, "errors", [])[1:20]
    more = [f"  {one.get('path') or 'document'}: {one.get('message')}" for one in places]
    detail = error.detail if error.detail.endswith((".", "?", "!")) else f"{error.detail}."
    return "\n".join([" ".join(filter(None, (detail, error.advice))), *more])


@dataclass
class Options:
    """What stands before the command."""

    server: str | None = None
    workspace: str | None = None
    profile: str | None = None


class Shell:
    """One command's way to the server and to its reader."""

    def __init__(self, options: Options, *, as_json: bool) -> None:
        self.options, self.as_json = options, as_json
        self._client: Client | None = None

    @property
    def api(self) -> Client:
        """The client, signed in; a local key that is no longer live is made anew once."""
        if self._client is None:
            chosen = self.options
            place = find_place(server=chosen.server, workspace=chosen.workspace, profile=chosen.profile)
            self._client = Client(place)
            if place.local and not _accepted(self._client):
                forget_local_key(self.options.workspace)
                self._client = Client(find_place(server=None, workspace=self.options.workspace))
        return self._client

    def say(self, text: str) -> None:
        """A line for a person; programs get the JSON alone."""
        if not self.as_json:
            click.echo(text)

    def progress(self, text: str) -> None:
        """How far long work is, over the line before, for a person at a terminal alone."""
        if not self.as_json and sys.stderr.isatty():
            click.echo(f"\r\x1b[2K{text}", err=True, nl=False)

    def give(self, answer: Any, text: str = "") -> None:
        """The answer as JSON, or the text for a person."""
        click.echo(_json(answer) if self.as_json else text)

    def json_text(self, value: Any) -> str:
        """JSON for people's eyes."""
        return _json(value)

    def table(self, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """Rows as an aligned table, or all their members as JSON."""
        rows = list(rows)
        if self.as_json:
            click.echo(_json(rows))
            return
        cells = [[column.rpartition(".")[2].replace("_", " ") for column in columns]]
        cells += [[_cell(_member(row, column)) for column in columns] for row in rows]
        widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
        for line in cells:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

    def details(self, answer: Mapping[str, Any], columns: Sequence[str]) -> None:
        """One thing, member by member, or all of it as JSON."""
        width = max(len(column) for column in columns)
        lines = [f"{column.replace('_', ' ').ljust(width)}  {_cell(_member(answer, column))}" for column in columns]
        self.give(answer, "\n".join(lines))


Command = Callable[..., Any]


def command(group: click.Group, name: str | None = None, **settings: Any) -> Callable[[Command], click.Command]:
    """A command of the REST API: its function gets a Shell first, and it takes ``--json``."""

    def wrap(function: Command) -> click.Command:
        @click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
        @functools.wraps(function)
        def run(*, as_json: bool, **given: Any) -> Any:
            options = click.get_current_context().find_root().obj
            return function(Shell(options or Options(), as_json=as_json), **given)

        made: click.Command = group.command(name or function.__name__.replace("_", "-"), **settings)(run)
        return made

    return wrap


F = TypeVar("F", bound=Callable[..., Any])


def flag(*names: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, is_flag=True, **settings)


reason = click.option("--reason", required=True, help="Why; written into the audit trail.")
limit = click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many.")
environment = click.option("--environment", "-e", default="production", show_default=True, help="By its slug.")


def sure(question: str, *, yes: bool) -> None:
    """Ask before something that can not be undone; a program must say ``--yes``."""
    if yes:
        return
    if not sys.stdin.isatty():
        message = "this can not be undone: say --yes"
        raise click.UsageError(message)
    click.confirm(question, abort=True, err=True)


def _accepted(client: Client) -> bool:
    try:
        client.get("me")
    except ServerProblem as problem:
        if problem.status == 401:
            return False
        raise
    return True


def _json(value: Any) -> str:
    return json.dumps(json.loads(jsonio.dumps(value)), indent=2, ensure_ascii=False)


def _member(row: Mapping[str, Any], column: str) -> Any:
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_cell(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_cell(one) for one in value)
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return text if len(text) <= 120 else text[:119] + "…"
