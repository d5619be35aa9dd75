"""``doctor``: looks at everything an instance needs, changes nothing, and says how to mend what is wrong."""

import argparse
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ipaas.launcher import requirements
from ipaas.launcher.bootstrap import MINIMUM, VENV, has_own_packages
from ipaas.launcher.console import say
from ipaas.launcher.docs_site import docs_are_built
from ipaas.launcher.environment import product_environment
from ipaas.launcher.frontend import is_built, static_digest
from ipaas.launcher.layout import ROOT, default_home
from ipaas.launcher.ports import holder_of, is_free
from ipaas.launcher.processes import Options
from ipaas.launcher.state import State, running
from ipaas.launcher.valkey import ping

DISK_NEEDED = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``remedy`` is set when it is wrong."""

    subject: str
    text: str
    remedy: str | None = None


def doctor(_arguments: argparse.Namespace) -> int:
    """Print every finding; 0 when nothing is wrong."""
    findings = list(examine(default_home()))
    for finding in findings:
        say(f"  {'✗' if finding.remedy else '✓'} {finding.subject:<14} {finding.text}")
        if finding.remedy:
            say(f"      → {finding.remedy}")
    wrong = sum(finding.remedy is not None for finding in findings)
    say(f"{wrong} of {len(findings)} checks found something to mend." if wrong else "Nothing to mend.")
    return 1 if wrong else 0


def examine(home: Path) -> Iterator[Finding]:
    state = running(home / "state.json")
    yield _python()
    yield _packages()
    yield _frontend()
    yield _static()
    yield _docs()
    yield _disk(home)
    yield from _keys(home / "keys")
    yield from _ports(state)
    yield from _processes(state)
    yield from _servers(state)


def _python() -> Finding:
    version = sys.version.split()[0]
    if sys.version_info < MINIMUM:
        return Finding("python", f"{version} is too old", "Start manage.py with Python 3.11 or newer.")
    return Finding("python", f"{version} ({sys.executable})")


def _packages() -> Finding:
    if has_own_packages():
        return Finding("packages", "brought by the running interpreter")
    if not (VENV / "bin" / "python").exists():
        return Finding("packages", f"{VENV} is not there", "python3 manage.py up makes it.")
    lacking = requirements.missing(VENV, requirements.lock_path("embedded"))
    if lacking:
        text = f"{len(lacking)} differ from the lock: {', '.join(lacking[:4])}"
        return Finding("packages", text, "python3 manage.py up installs them; or remove .venv and start again.")
    return Finding("packages", f"as locked in requirements/embedded.txt ({VENV})")


def _frontend() -> Finding:
    if not (ROOT / "package.json").exists():
        return Finding("front end", "no package.json: nothing to build")
    if not is_built():
        return Finding("front end", "not built from the present sources", "python3 manage.py up builds it.")
    return Finding("front end", "built")


def _static() -> Finding:
    record = ROOT / "staticfiles" / ".inputs"
    if not record.exists() or record.read_text() != static_digest():
        return Finding("static files", "not collected from the present sources", "python3 manage.py up collects them.")
    return Finding("static files", "collected")


def _docs() -> Finding:
    if not docs_are_built():
        return Finding("documentation", "not built from the present sources", "python3 manage.py up builds it.")
    return Finding("documentation", "built")


def _disk(home: Path) -> Finding:
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free in {place}"
    return Finding("disk", text, "Free some space: at least 1 GB is needed." if free < DISK_NEEDED else None)


def _keys(folder: Path) -> Iterator[Finding]:
    for name in ("kek.json", "secret_key"):
        path = folder / name
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            yield Finding(
                f"keys/{name}", "not there yet", "python3 manage.py up makes it; restore it if secrets exist."
            )
            continue
        except PermissionError:
            yield Finding(f"keys/{name}", "belongs to another user", "Act as the user that started the instance.")
            continue
        wide = f"chmod 600 {path}" if mode & 0o077 else None
        yield Finding(f"keys/{name}", f"mode {mode:03o}", wide)


def _ports(state: State | None) -> Iterator[Finding]:
    options = Options.from_environment(state.environment if state else os.environ)
    for name, port in (("IPAAS_PORT", options.port), ("IPAAS_INGRESS_PORT", options.ingress_port)):
        if is_free(options.host, port):
            remedy = f"See the logs in {default_home() / 'logs'}." if state else None
            yield Finding("port", f"{port} is free" + (", though the instance runs" if state else ""), remedy)
        elif state is not None:
            yield Finding("port", f"{port} is served by this instance")
        else:
            holder = holder_of(port) or "another program"
            yield Finding("port", f"{port} is used by {holder}", f"Stop it, or set {name} to another port.")


def _processes(state: State | None) -> Iterator[Finding]:
    if state is None:
        yield Finding("processes", "no instance runs", "python3 manage.py up starts it.")
        return
    for name, process in state.processes.items():
        if process.alive:
            yield Finding(name, f"runs as pid {process.pid}, started again {process.restarts} times")
        else:
            remedy = f"See {default_home() / 'logs' / (name + '.log')}."
            yield Finding(name, f"{process.state}: {process.last_exit or 'no reason known'}", remedy)


def _servers(state: State | None) -> Iterator[Finding]:
    environment = {**(state.environment if state else {}), **os.environ}
    database, redis = environment.get("DATABASE_URL"), environment.get("REDIS_URL")
    if redis:
        yield _redis(redis)
    if database:
        yield _database(product_environment(environment))


def _redis(url: str) -> Finding:
    parts = urlsplit(url)
    password = unquote(parts.password) if parts.password else None
    if parts.scheme != "redis":
        return Finding("redis", f"a {parts.scheme} address is not examined here")
    place = f"{parts.hostname}:{parts.port or 6379}"
    if ping(parts.hostname or "127.0.0.1", parts.port or 6379, password):
        return Finding("redis", f"answers at {place}")
    return Finding("redis", f"does not answer at {place}", "Start it, or correct REDIS_URL (address and password).")


def _database(environment: dict[str, str]) -> Finding:
    python = VENV / "bin" / "python" if not has_own_packages() else Path(sys.executable)
    if not python.exists():
        return Finding("database", "cannot be asked without the packages", "python3 manage.py up installs them.")
    argv = [str(python), "-m", "django", "migrate", "--check"]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Finding("database", "answers; all migrations are applied")
    if "OperationalError" in done.stderr:
        return Finding("database", "does not answer", "Start it, or correct DATABASE_URL (address, user, password).")
    if done.stderr.strip():
        return Finding("database", done.stderr.strip().splitlines()[-1], "Mend what the message names.")
    return Finding("database", "migrations are pending", "python3 manage.py up applies them; or: manage.py migrate")
