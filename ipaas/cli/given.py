"""What people give to commands: files of fields, and name=value on the command line."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ipaas.core import yamlio
from ipaas.core.errors import IpaasError

from_file = click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="YAML or JSON object of the API's fields, - for standard input; options go before it.",
)


def fields_of(file: Path | None) -> dict[str, Any]:
    """The fields in a file; none without one."""
    if file is None:
        return {}
    try:
        with click.open_file(str(file), encoding="utf-8") as handle:
            found = yamlio.load(handle.read())
    except UnicodeDecodeError:
        found = None
    except IpaasError as error:
        message = f"{file}: {error.detail}"
        raise click.UsageError(message) from None
    if not isinstance(found, dict):
        message = f"{file} does not hold one YAML or JSON object"
        raise click.UsageError(message)
    return found


def pairs(words: Sequence[str]) -> dict[str, Any]:
    """name=value words; a value is read as JSON where it is JSON, else it is a text."""
    found: dict[str, Any] = {}
    for word in words:
        name, mark, text = word.partition("=")
        if not mark or not name:
            message = f"{word!r} is not of the form name=value"
            raise click.UsageError(message)
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def merged(before: Any, words: Sequence[str]) -> dict[str, Any]:
    """Members of an object with some replaced; a value of null takes one out."""
    base = dict(before) if isinstance(before, Mapping) else {}
    return {name: value for name, value in {**base, **pairs(words)}.items() if value is not None}


def said(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were used."""
    return {name: value for name, value in options.items() if value is not None}


def entered(names: Sequence[str], *, stdin_json: bool) -> dict[str, str]:
    """Values of secrets: from a prompt or from standard input, never from arguments."""
    if stdin_json:
        try:
            found = json.load(sys.stdin)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            message = "standard input does not hold one JSON object"
            raise click.UsageError(message)
        return found
    if not names:
        message = "name the fields with --field, or use --stdin-json"
        raise click.UsageError(message)
    if sys.stdin.isatty():
        return {name: click.prompt(name, hide_input=True, err=True) for name in names}
    lines = [line.rstrip("\r\n") for line in sys.stdin]
    if len(lines) != len(names):
        message = f"standard input has {len(lines)} lines for {len(names)} fields"
        raise click.UsageError(message)
    return dict(zip(names, lines, strict=True))
