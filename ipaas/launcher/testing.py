"""``test``: the whole suite, with throw-away servers of its own."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ipaas.launcher.catalogs import ensure_catalogs
from ipaas.launcher.console import say, task
from ipaas.launcher.docs_site import ensure_docs
from ipaas.launcher.embedded import start_servers
from ipaas.launcher.environment import product_environment
from ipaas.launcher.frontend import ensure_frontend
from ipaas.launcher.kernel import signal_process
from ipaas.launcher.keys import ensure_keys
from ipaas.launcher.layout import ROOT, open_layout
from ipaas.launcher.supervisor import StopRequested, Supervisor

INTERRUPTED = 130


def run_tests(arguments: argparse.Namespace) -> int:
    """Run pytest; its exit code is ours."""
    ensure_frontend()
    ensure_docs()
    ensure_catalogs()
    folder = Path(tempfile.mkdtemp(prefix="ipaas-test-"))
    if os.geteuid() == 0:
        folder.chmod(0o711)  # ours, and the servers' user must pass through it
    try:
        return _run_in(folder, arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_arguments(*, full: bool, extra: list[str]) -> list[str]:
    """The arguments for pytest: all processors unless the caller says otherwise."""
    spread = [] if any(word.startswith(("-n", "--numprocesses", "-p no:xdist")) for word in extra) else ["-n", "2"]
    dist = ["--dist", "loadfile"] if spread else []
    return ["-p", "no:cacheprovider", *spread, *dist, *(["--full"] if full else []), *extra]


def _run_in(folder: Path, arguments: argparse.Namespace) -> int:
    layout = open_layout(folder)
    ensure_keys(layout.keys)
    with Supervisor() as supervisor:
        try:
            with task("Starting throw-away PostgreSQL and Valkey"):
                servers = start_servers(supervisor, layout, durable=False)
            settings = {"IPAAS_HOME": str(layout.home), **servers.settings}
            argv = [sys.executable, "-m", "pytest", *pytest_arguments(full=arguments.full, extra=arguments.rest)]
            say("  " + " ".join(argv[1:]))
            return _follow(supervisor, argv, product_environment(settings))
        except StopRequested:
            return INTERRUPTED


def _follow(supervisor: Supervisor, argv: list[str], environment: dict[str, str]) -> int:
    """Run pytest on our terminal while the servers are looked after."""
    process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            supervisor.pause(1.0)
    except StopRequested:
        signal_process(process.pid, 2)
        process.wait()
        raise
    return process.returncode
