"""The reference of the command line and of the errors, made from parser and classes."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import click

from ipaas.cli.main import main
from ipaas.cli.shell import EXIT_CODES
from ipaas.core.errors import IpaasError

CLI_HEAD = """# Command line

`.venv/bin/ipaas` works from any folder once `python3 manage.py up` has run here. Everything a member of a workspace
does goes over the REST API, with the permissions of the key that is used:

1. `--profile NAME` or `IPAAS_PROFILE`: a server and key that `ipaas login --profile NAME` has kept in
   `~/.config/ipaas/credentials.json`, readable by its owner only;
2. `--server URL` or `IPAAS_SERVER`, with the key in `IPAAS_API_KEY`, or the one kept for that server;
3. else the current profile: the last one signed in to, or chosen by `ipaas profiles use`;
4. else the instance that runs on this machine. Its key is made at first use, belongs to the service account
   `command-line`, and lies in `keys/` of the home folder; `--workspace` or `IPAAS_WORKSPACE` chooses among several.

`vault`, `demo`, `scheduler`, `stubs serve` and `audit public-keys` work on the machine of the instance itself. With
`--json` a command prints JSON and nothing else to standard output; errors go to standard error, in one line with what
to do next. Values of secrets and API keys are never arguments.

| exit code | meaning |
|---|---|
"""
ERRORS_HEAD = """# Errors

Every error of the API is a problem document (RFC 9457) with a stable `code`, by which programs tell errors apart; pages
and the command line say the same words. Words in braces are filled in.

"""
NOT_WALKED = ("ipaas.settings", "ipaas.urls", "ipaas.wsgi", "ipaas.celery", "ipaas.web.design", "ipaas.reference")


def cli_reference() -> str:
    """Every command with its options, as its parser knows them."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    return CLI_HEAD + codes + "".join(_commands(main, "ipaas"))


def _commands(group: click.Group, name: str) -> Iterator[str]:
    options = [one for one in group.params if isinstance(one, click.Option)]
    yield f"\n## {name}\n\n{group.help}\n" + _options(options)
    groups = []
    for word, one in sorted(group.commands.items()):
        if isinstance(one, click.Group):
            groups.append((one, f"{name} {word}"))
        else:
            arguments = " ".join(param.make_metavar(_context(one)) for param in one.params if _is_argument(param))
            head = f"{name} {word} {arguments}".rstrip()
            yield f"\n### `{head}`\n\n{_text(one.help)}\n" + _options(one.params)
    for one, word in groups:
        yield from _commands(one, word)


def _is_argument(param: click.Parameter) -> bool:
    return isinstance(param, click.Argument)


def _context(command: click.Command) -> click.Context:
    return click.Context(command)


def _options(params: Any) -> str:
    lines = []
    for one in params:
        if not isinstance(one, click.Option) or one.name == "as_json":
            continue
        record = one.get_help_record(_context(click.Command("x")))
        if record is not None:
            lines.append(f"- `{record[0]}`{': ' + record[1] if record[1] else ''}")
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def error_reference() -> str:
    """Every error by its code."""
    found: dict[str, list[type[IpaasError]]] = {}
    for one in sorted(_errors(IpaasError), key=lambda kind: kind.__name__):
        if "code" in vars(one):
            found.setdefault(one.code, []).append(one)
    return ERRORS_HEAD + "\n".join(_error(code, kinds) for code, kinds in sorted(found.items()))


def _error(code: str, kinds: list[type[IpaasError]]) -> str:
    lines = [f'<a id="{code}"></a>\n\n## `{code}`\n']
    for kind in kinds:
        meaning = _text((kind.__doc__ or "").split("\n\n")[0])
        lines.append(f"HTTP {kind.status}. {meaning}")
        if kind.remedy:
            lines.append(f"\nWhat to do: {kind.remedy.replace('{{', '{').replace('}}', '}')}")
        lines.append("")
    return "\n".join(lines)


def _errors(kind: type[IpaasError]) -> Iterator[type[IpaasError]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("ipaas."):
            yield one
            yield from _errors(one)


def load_all() -> None:
    """Import every module of the product, so that every error class is there."""
    import ipaas

    for found in pkgutil.walk_packages(ipaas.__path__, "ipaas."):
        aside = found.name.startswith(NOT_WALKED) or found.name.endswith("__main__") or "migrations" in found.name
        if not aside:
            importlib.import_module(found.name)


def _text(text: str | None) -> str:
    return " ".join((text or "").replace("\b", "").split())
