"""The stand-ins' process starts without the product around it."""

import os
import subprocess
import sys
from pathlib import Path

from ipaas.launcher.layout import ROOT


def test_the_stand_ins_listen_and_stop_when_asked(tmp_path: Path) -> None:
    environment = {**os.environ, "IPAAS_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "ipaas.cli.main", "stubs", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.terminate()
    assert said.startswith("stubs listen on http://127.0.0.1:")
    assert process.returncode == 0
