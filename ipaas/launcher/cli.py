"""The words after ``manage.py``: the launcher's own, and Django's commands for all others."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from ipaas.launcher.bootstrap import ensure_environment, ensure_python
from ipaas.launcher.console import complain
from ipaas.launcher.environment import adopt_instance, product_environment
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.keys import ensure_keys
from ipaas.launcher.layout import ROOT, default_home

Command = Callable[[argparse.Namespace], int]


def main(argv: list[str]) -> int:
    try:
        ensure_python()
        return _dispatch(argv)
    except LauncherError as error:
        complain(f"Error: {error}")
        return 1
    except PermissionError as error:
        complain(
            f"Error: no permission for {error.filename}. It belongs to another user: act as that user, or see doctor."
        )
        return 1
    except BrokenPipeError:  # whoever read, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130


def _dispatch(argv: list[str]) -> int:
    words = argv[1:]
    parser = build_parser()
    if not words or words[0] in {"-h", "--help"}:
        parser.print_help()
        return 0
    if words[0] not in COMMANDS:
        return _django(argv)
    if words[0] == "doctor":  # looks at things as they are: nothing is set up first
        return _own("doctor", parser.parse_args(words))
    arguments, rest = parser.parse_known_args(words)
    arguments.rest = rest
    if rest and words[0] not in PASS_ON:
        parser.parse_args(words)  # names the word that it does not know, and ends
    ensure_environment(_lock_for(words[0], arguments), argv)
    return _own(words[0], arguments)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py",
        description="Start, watch and test the product. Any other word is one of Django's commands.",
        epilog="Settings: IPAAS_HOME, IPAAS_PORT, IPAAS_INGRESS_PORT, DATABASE_URL and REDIS_URL.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="command", dest="command")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name == "up":
            command.add_argument("--no-demo", action="store_true", help="without the demo workspace and its vendors")
        if name == "status":
            command.add_argument("--json", action="store_true", help="for programs")
        if name == "test":
            command.add_argument("--full", action="store_true", help="also the long tests")
        if name == "run":
            command.add_argument("process", help="web, ingress, worker, scheduler, stubs or migrate")
            only = command.add_mutually_exclusive_group()
            only.add_argument("--check", action="store_true", help="only load what the process loads, then end")
            only.add_argument(
                "--healthy", action="store_true", help="only ask the one that runs here whether it is well"
            )
    return parser


COMMANDS = {
    "up": "start everything on this machine, in the foreground",
    "down": "stop what up started",
    "status": "show processes, memory, addresses and versions",
    "doctor": "say what is wrong and how to mend it",
    "run": "run one process in the foreground, with servers from DATABASE_URL and REDIS_URL",
    "test": "run the test suite; other arguments go to pytest",
    "lint": "run all static checks",
    "docs": "write the generated pages of the documentation and build its site",
    "bench": "measure; other arguments go to the benchmark",
}
PASS_ON = {"test", "bench"}


def _lock_for(command: str, _arguments: argparse.Namespace) -> str:
    return {"test": "e2e", "lint": "dev"}.get(command, "embedded")


def _own(command: str, arguments: argparse.Namespace) -> int:
    """Import late: a command loads only what it needs."""
    from ipaas.launcher import control, docs_site, doctor, linting, testing, up

    table: dict[str, Command] = {
        "up": up.up,
        "down": control.down,
        "status": control.status,
        "doctor": doctor.doctor,
        "run": run_process,
        "test": testing.run_tests,
        "lint": linting.lint,
        "docs": docs_site.docs,
        "bench": bench,
    }
    return table[command](arguments)


def run_process(arguments: argparse.Namespace) -> int:
    """Become one process of the product; the way of containers and of hosts with a service manager."""
    from ipaas.launcher.processes import Options, process_named

    process, options = process_named(arguments.process), Options.from_environment()
    if arguments.healthy:
        return 0 if process.is_healthy(options) else 1
    environment = product_environment({"IPAAS_HOME": str(default_home())})
    if process.name == "migrate":
        default_home().mkdir(mode=0o700, parents=True, exist_ok=True)
        ensure_keys(default_home() / "keys")
    argv = process.argv(options)
    if arguments.check:
        argv = [sys.executable, "-c", f"import django; django.setup(); import {process.module}"]
    return _become(argv, environment)


def bench(arguments: argparse.Namespace) -> int:
    environment = product_environment({})
    argv = [sys.executable, "-m", "bench", *arguments.rest]
    return _become(argv, environment)


def _become(argv: list[str], environment: dict[str, str]) -> NoReturn:
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(argv[0], argv, environment)  # noqa: S606 - our own interpreter


def _django(argv: list[str]) -> int:
    ensure_environment("embedded", argv)
    adopt_instance()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")
    from django.core.management import execute_from_command_line  # not before the packages are there

    execute_from_command_line(argv)
    return 0
