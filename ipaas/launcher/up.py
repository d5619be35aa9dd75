"""``up``: everything on one machine, in the foreground."""

import argparse
import importlib.metadata
import importlib.util
import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from ipaas.launcher.bootstrap import exclusive
from ipaas.launcher.catalogs import ensure_catalogs
from ipaas.launcher.console import complain, say, tail_of, task
from ipaas.launcher.docs_site import ensure_docs
from ipaas.launcher.embedded import Servers, start_servers
from ipaas.launcher.environment import product_environment
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.frontend import ensure_frontend, static_digest
from ipaas.launcher.kernel import start_ticks
from ipaas.launcher.keys import ensure_keys
from ipaas.launcher.layout import ROOT, Layout, default_home, open_layout
from ipaas.launcher.lock import InstanceLock
from ipaas.launcher.ports import holder_of, is_free, reachable_host
from ipaas.launcher.processes import PROCESSES, Options, Process, preloading, services
from ipaas.launcher.state import ProcessState, State, running
from ipaas.launcher.supervisor import StopRequested, Supervisor

PRELOAD_S = 30.0  # without it the services are started in the usual way
SERVICES_READY_S = 60.0
LOCK_S = 60.0


def up(arguments: argparse.Namespace) -> int:
    begun = time.monotonic()
    layout, options = open_layout(default_home()), Options.from_environment()
    lock = InstanceLock(layout.lock_file)
    lock.take(timeout_s=LOCK_S, running=lambda: running(layout.state_file) is not None)
    _check_ports(options)
    try:
        with Supervisor() as supervisor:
            try:
                instance = Instance(layout, options, supervisor, demo=not arguments.no_demo)
                instance.start()
                _say_ready(supervisor, time.monotonic() - begun)
                supervisor.serve()
            except StopRequested:
                pass
            say("Stopping …")
    finally:
        layout.state_file.unlink(missing_ok=True)
        lock.release()
    say("Stopped.")
    return 0


class Instance:
    """One start of the product, step by step."""

    def __init__(self, layout: Layout, options: Options, supervisor: Supervisor, *, demo: bool) -> None:
        self.layout, self.options, self.supervisor, self.demo = layout, options, supervisor, demo
        self.state = State(ProcessState(os.getpid(), start_ticks(os.getpid()), "running"))
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        say(f"Starting in {self.layout.home}")
        ensure_keys(self.layout.keys)
        ensure_frontend()
        ensure_docs()
        ensure_catalogs()
        with task("Starting PostgreSQL and Valkey"):
            servers = start_servers(self.supervisor, self.layout, warehouse=self.demo)
        self._adopt(servers)
        self._collect_static()
        preload = preloading(self.layout, self.environment, lambda: self.supervisor.has_preloaded)
        self.supervisor.start(preload)
        with task("Migrating the database"):
            self._run_once("migrate", PROCESSES["migrate"].argv(self.options))
        with task("Starting pages, ingress, workers and scheduler"):
            self.supervisor.wait_ready([preload.name], PRELOAD_S)
            late = self._start_services(services(demo=self.demo))
        for name in late:
            complain(f"  ! {name} is not ready yet; see {self.layout.log_of(name)}")
        if self.demo:
            self._install_demo()
        self._greet()

    def _adopt(self, servers: Servers) -> None:
        settings = {
            "IPAAS_HOME": str(self.layout.home),
            "IPAAS_HOST": self.options.host,
            "IPAAS_PORT": str(self.options.port),
            "IPAAS_INGRESS_PORT": str(self.options.ingress_port),
            **servers.settings,
        }
        host = reachable_host(self.options.host)
        self.environment = product_environment(settings)
        self.state.environment = settings
        self.state.versions = {**servers.versions, "python": sys.version.split()[0], "django": _version("django")}
        self.state.addresses = {
            "pages": f"http://{host}:{self.options.port}/",
            "hooks": f"http://{host}:{self.options.ingress_port}/hooks/",
        }
        self.supervisor.on_change = self._write_state
        self._write_state()

    def _write_state(self) -> None:
        self.state.processes = {name: child.state for name, child in self.supervisor.children.items()}
        self.state.write(self.layout.state_file)

    def _run_once(self, name: str, argv: Sequence[str]) -> Path:
        log = self.layout.log_of(name)
        log.unlink(missing_ok=True)
        forked = "-m" in argv
        self.supervisor.run_once(list(argv), cwd=ROOT, env=self.environment, log=log, forked=forked)
        return log

    def _collect_static(self) -> None:
        record, inputs = ROOT / "staticfiles" / ".inputs", static_digest()
        manifest = record.with_name("staticfiles.json")
        if manifest.exists() and record.exists() and record.read_text() == inputs:
            return
        with exclusive(), task("Collecting static files"):
            self._run_once("collectstatic", [sys.executable, "manage.py", "collectstatic", "--noinput"])
            record.write_text(inputs)

    def _start_services(self, wanted: Iterable[Process]) -> list[str]:
        names = []
        for process in wanted:
            self.supervisor.start(process.program(self.layout, self.options, self.environment))
            names.append(process.name)
        return self.supervisor.wait_ready(names, SERVICES_READY_S)

    def _install_demo(self) -> None:
        """Make the demo workspace; without it the product still runs, so that its failure is told and no more."""
        if importlib.util.find_spec("ipaas.cli.main") is None:
            complain("  - this tree has no command line: no demo workspace")
            return
        try:
            with task("Installing the demo workspace"):
                log = self._run_once("demo", [sys.executable, "-m", "ipaas.cli.main", "demo", "install"])
        except LauncherError as error:
            complain(f"  ! the demo workspace is not installed: {error}")
            return
        say("\n" + "\n".join(f"  {line}" for line in tail_of(log, 40)))
        log.unlink()  # it tells the password: that is kept among the keys only

    def _greet(self) -> None:
        say(f"\n  Pages and API   {self.state.addresses['pages']}")
        say(f"  Webhooks        {self.state.addresses['hooks']}")
        say(f"  Logs            {self.layout.logs}\n")


def _say_ready(supervisor: Supervisor, seconds: float) -> None:
    down = [name for name, child in supervisor.children.items() if child.state.state != "running"]
    if down:
        complain(f"Running after {seconds:.1f} s, but without {', '.join(down)}: manage.py doctor says more.")
    else:
        say(f"Ready after {seconds:.1f} s. Ctrl-C stops everything.")


def _check_ports(options: Options) -> None:
    for name, port in (("IPAAS_PORT", options.port), ("IPAAS_INGRESS_PORT", options.ingress_port)):
        if not is_free(options.host, port):
            holder = holder_of(port) or "another program"
            raise LauncherError(f"Port {port} is used by {holder}. Stop it, or set {name} to another port.")
    if options.port == options.ingress_port:
        raise LauncherError(f"IPAAS_PORT and IPAAS_INGRESS_PORT are both {options.port}; they must differ.")


def _version(distribution: str) -> str:
    return importlib.metadata.version(distribution)
