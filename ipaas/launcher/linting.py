"""``lint``: every static check, as one command."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ipaas.launcher.catalogs import ensure_catalogs
from ipaas.launcher.console import say
from ipaas.launcher.frontend import ensure_frontend
from ipaas.launcher.layout import ROOT

# What Django's checks read, none of it real: a deployment behind https with keys of its own.
DEPLOYMENT = {
    "IPAAS_PUBLIC_URL": "https://ipaas.example.org",
    "IPAAS_ALLOWED_HOSTS": '["ipaas.example.org"]',
    "IPAAS_SECRET_KEY": "check-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "DJANGO_SETTINGS_MODULE": "ipaas.settings",
}
_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
_NEEDS_SITE = "tests/architecture/test_documented.py"  # the documentation built; `test` sees to that


def checks() -> dict[str, list[str]]:
    """Name → command, quickest first."""
    templates = [str(path) for folder in ("templates", "ipaas") for path in sorted((ROOT / folder).rglob("*.html"))]
    html = {"djhtml": ["-m", "djhtml", "--check", "--tabwidth", "2", *templates]} if templates else {}
    return {
        "ruff check": ["-m", "ruff", "check", "."],
        "ruff format": ["-m", "ruff", "format", "--check", "."],
        **html,
        "import-linter": ["-c", "from importlinter.cli import lint_imports_command as run; run()"],
        "architecture": [*_PYTEST, "-m", "not django_db", "--ignore", _NEEDS_SITE, "tests/architecture"],
        "check --deploy": ["manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        "makemigrations --check": ["manage.py", "makemigrations", "--check", "--dry-run"],
        "mypy": ["-m", "mypy", "ipaas"],
    }


def lint(_arguments: argparse.Namespace) -> int:
    """Run all checks, whether or not an earlier one failed; 1 when any did."""
    ensure_frontend()
    ensure_catalogs()
    with tempfile.TemporaryDirectory(prefix="ipaas-lint-") as home:
        environment = {**os.environ, **DEPLOYMENT, "IPAAS_HOME": home}
        failed = [name for name, words in checks().items() if not _passes(name, words, environment)]
    say(f"lint: {', '.join(failed)} failed" if failed else "lint: all checks passed")
    return 1 if failed else 0


def _passes(name: str, words: Sequence[str], environment: dict[str, str], root: Path = ROOT) -> bool:
    done = subprocess.run(
        [sys.executable, *words], cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    say(f"  {'✓' if done.returncode == 0 else '✗'} {name}")
    if done.returncode:
        say("\n".join(f"      {line}" for line in (done.stdout + done.stderr).rstrip().splitlines()))
    return done.returncode == 0
