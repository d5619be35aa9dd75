import os
import select
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ipaas.launcher.kernel import group_members, signal_group


@pytest.fixture
def home() -> Iterator[Path]:
    """A state folder that the servers' unprivileged user can enter, unlike pytest's own folders."""
    folder = Path(tempfile.mkdtemp(prefix="ipaas-it-"))
    folder.chmod(0o711)
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture
def own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the servers of the test run, so that embedded ones are started."""
    for name in ("DATABASE_URL", "REDIS_URL", "IPAAS_DATABASE_URL", "IPAAS_REDIS_URL", "IPAAS_DEMO_WAREHOUSE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def groups() -> Iterator[list[int]]:
    """Process groups that a test started; whatever is left of them is killed."""
    started: list[int] = []
    yield started
    for pgid in started:
        if group_members(pgid):
            signal_group(pgid, 9)


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        select.select([], [], [], 0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def clean_environment(**settings: str) -> dict[str, str]:
    """The caller's environment without a single setting of the product, then these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("IPAAS_", "PYTEST_", "COV_")) and name not in {"DATABASE_URL", "REDIS_URL"}
    }
    return {**kept, **settings}
