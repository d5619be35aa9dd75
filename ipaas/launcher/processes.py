"""The product's processes: the one table that ``up``, ``run``, the image and compose.yaml share."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ipaas.launcher.errors import LauncherError
from ipaas.launcher.layout import ROOT, Layout
from ipaas.launcher.ports import answers_http, is_healthy
from ipaas.launcher.program import Program


@dataclass(frozen=True)
class Options:
    """Settings that decide how processes are started; the same names as in ``ipaas.config``."""

    host: str = "127.0.0.1"
    port: int = 8000
    ingress_port: int = 8001
    concurrency: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Options":
        return cls(
            host=environment.get("IPAAS_HOST") or "127.0.0.1",
            port=_port(environment, "IPAAS_PORT", 8000),
            ingress_port=_port(environment, "IPAAS_INGRESS_PORT", 8001),
            concurrency=_number(environment, "IPAAS_WORKER_PROCESSES", len(os.sched_getaffinity(0)), 1, 256),
        )


@dataclass(frozen=True)
class Process:
    """One kind of process. ``module`` is what it loads; ``arguments`` follow the interpreter; ``port`` serves HTTP.

    ``service`` processes belong to a running instance; the others do one thing and end.
    """

    name: str
    title: str
    module: str
    arguments: Callable[[Options], list[str]]
    stage: int = 1
    stop_timeout_s: float = 20.0
    service: bool = True
    demo: bool = False
    port: Callable[[Options], int] | None = None

    def argv(self, options: Options) -> list[str]:
        return [sys.executable, *self.arguments(options)]

    def is_healthy(self, options: Options) -> bool:
        """What the process that runs here says of itself."""
        if self.port is None:
            raise LauncherError(f"{self.name} has no address to ask; its service manager sees whether it runs.")
        return is_healthy(options.host, self.port(options))

    def program(self, layout: Layout, options: Options, env: Mapping[str, str]) -> Program:
        port = None if self.port is None else self.port(options)
        return Program(
            name=self.name,
            argv=tuple(self.argv(options)),
            log=layout.log_of(self.name),
            cwd=ROOT,
            stage=self.stage,
            env=env,
            stop_timeout_s=self.stop_timeout_s,
            probe=None if port is None else lambda: answers_http(options.host, port),
            forked=True,
        )


# What every process needs most of; none of these may start a thread when it is loaded.
SHARED = (
    "django:setup",
    "celery.bin.celery",
    "granian.cli",
    "ipaas.ingress.app",
    "ipaas.ingress.server",
    "ipaas.runtime.scheduler",
    "ipaas.runtime.tasks",
    "ipaas.urls",
)


def preloading(layout: Layout, env: Mapping[str, str], is_ready: Callable[[], bool]) -> Program:
    """The process that the services are forked from."""
    argv = (sys.executable, "-m", "ipaas.launcher.preload", *SHARED)
    log = layout.log_of("preload")
    return Program("preload", argv, log, ROOT, stage=1, env=env, probe=is_ready, stop_timeout_s=5.0, preloads=True)


def _web(options: Options) -> list[str]:
    server = ["-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "1"]
    log = ["--log-config", str(ROOT / "ipaas" / "web" / "granian-log.json")]
    threads = [
        "--blocking-threads",
        "8",
        "--blocking-threads-idle-timeout",
        "10",
        "--respawn-failed-workers",
        "--workers-kill-timeout",
        "10",
    ]
    return [*server, *log, *threads, "--host", options.host, "--port", str(options.port), "ipaas.wsgi:application"]


def _worker(options: Options) -> list[str]:
    pool = ["worker", "--pool", "prefork", "--concurrency", str(options.concurrency), "--loglevel", "WARNING"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return ["-m", "celery", "-A", "ipaas.celery", "--quiet", *pool, "--queues", "interactive,default,bulk", *quiet]


def _cli(*words: str) -> Callable[[Options], list[str]]:
    return lambda _options: ["-m", "ipaas.cli.main", *words]


def _manage(*words: str) -> Callable[[Options], list[str]]:
    return lambda _options: [str(ROOT / "manage.py"), *words]


PROCESSES: dict[str, Process] = {
    process.name: process
    for process in (
        Process("migrate", "database migrations", "ipaas.settings", _manage("migrate", "--noinput"), service=False),
        Process(
            "stubs", "demo vendors", "ipaas.cli.main", _cli("stubs", "serve"), stage=3, stop_timeout_s=5.0, demo=True
        ),
        Process(
            "web",
            "pages and API",
            "ipaas.wsgi",
            _web,
            port=lambda options: options.port,
        ),
        Process(
            "ingress",
            "webhook ingress",
            "ipaas.ingress.__main__",
            lambda _options: ["-m", "ipaas.ingress"],
            port=lambda options: options.ingress_port,
        ),
        Process("worker", "workers", "ipaas.celery", _worker, stage=2, stop_timeout_s=30.0),
        Process("scheduler", "scheduler", "ipaas.cli.main", _cli("scheduler")),
    )
}


def process_named(name: str) -> Process:
    try:
        return PROCESSES[name]
    except KeyError:
        raise LauncherError(f"There is no process {name!r}; there are: {', '.join(PROCESSES)}.") from None


def services(*, demo: bool) -> list[Process]:
    return [process for process in PROCESSES.values() if process.service and (demo or not process.demo)]


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    return _number(environment, name, default, 0, 65535)


def _number(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise LauncherError(f"{name} must be a number from {low} to {high}; it is {text!r}.")
    return int(text)
