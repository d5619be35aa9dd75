"""What ``lint`` runs."""

import os
import subprocess
import sys
from pathlib import Path

from ipaas.launcher.layout import ROOT
from ipaas.launcher.linting import DEPLOYMENT, checks


def test_lint_checks_a_deployment(tmp_path: Path) -> None:
    environment = {**os.environ, **DEPLOYMENT, "IPAAS_HOME": str(tmp_path)}
    argv = [sys.executable, *checks()["check --deploy"]]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_lint_runs_the_architecture_tests() -> None:
    assert "tests/architecture" in checks()["architecture"]
