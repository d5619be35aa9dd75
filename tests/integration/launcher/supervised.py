"""A supervisor over three programs that fork, for tests to kill: ``python supervised.py FOLDER``."""

import sys
from pathlib import Path

from ipaas.launcher.program import Program, base_environment
from ipaas.launcher.supervisor import Supervisor

# A program with a child of its own; on SIGTERM it writes its name to the record and ends.
FORKING = """
import os, signal, sys
folder, name = sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: (open(folder + "/order", "a").write(name + "\\n"), os._exit(0)))
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    open(f"{folder}/{name}.pid", "w").write(str(os.getpid()))
while True:
    signal.pause()
"""


def program(folder: Path, name: str, stage: int) -> Program:
    argv = (sys.executable, "-c", FORKING, str(folder), name)
    log = folder / f"{name}.log"
    return Program(name, argv, log, folder, stage, base_environment(), stop_timeout_s=5.0)


def main(folder: Path) -> None:
    with Supervisor() as supervisor:
        for name, stage in (("server", 3), ("worker", 2), ("door", 1)):
            supervisor.start(program(folder, name, stage))
        (folder / "watchdog.pid").write_text(str(supervisor._watchdog.pid))
        supervisor.serve()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
