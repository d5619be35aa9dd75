"""Programs forked from a process that has loaded something: ``python preloaded.py FOLDER``, for tests to kill.

With a further word it is such a program: it tells of itself, and waits.
"""

import json
import os
import signal
import sys
from pathlib import Path

from ipaas.launcher.program import Program
from ipaas.launcher.supervisor import Supervisor

SHARED = "colorsys"  # loaded by nothing else here


def supervise(folder: Path) -> None:
    with Supervisor() as supervisor:
        argv = (sys.executable, "-m", "ipaas.launcher.preload", SHARED)
        loader = Program("preload", argv, folder / "preload.log", Path.cwd(), 1, os.environ, preloads=True)
        supervisor.start(loader)
        while not supervisor.has_preloaded:
            supervisor.pause(0.05)
        argv = (sys.executable, "-m", "tests.integration.launcher.preloaded", str(folder), "told")
        supervisor.start(Program("one", argv, folder / "one.log", Path.cwd(), 1, os.environ, forked=True))
        supervisor.on_change = lambda: tell(
            folder / "pids", {name: child.state.pid for name, child in supervisor.children.items()}
        )
        supervisor.on_change()
        supervisor.serve()


def tell(path: Path, what: object) -> None:
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(what))
    draft.rename(path)


def be_told(folder: Path) -> None:
    sys.stdout.write("hello from a program\n")
    sys.stdout.flush()
    facts = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "shares": SHARED in sys.modules,
        "name": Path("/proc/self/comm").read_text().strip(),
        "stdin": os.readlink("/proc/self/fd/0"),
    }
    tell(folder / "facts", facts)
    signal.pause()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    be_told(place) if sys.argv[2:] else supervise(place)
