"""The demo as people drive it: a started instance, ``ipaas demo orders`` with faults, ``ipaas demo replay``."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bench.victim import Instance, instance
from ipaas.launcher.layout import ROOT


@pytest.fixture(scope="module")
def running() -> Iterator[Instance]:
    with instance() as found:
        yield found


def demo(running: Instance, *words: str) -> tuple[int, Any]:
    """Exit code and the JSON object of ``ipaas demo``."""
    argv = [sys.executable, "-m", "ipaas.cli.main", "demo", *words, "--json"]
    done = subprocess.run(argv, cwd=ROOT, env=running.environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_orders_end_well_replays_charge_nothing_twice_and_what_is_late_fails_the_command(running: Instance) -> None:
    faults = ["--fault", "shipping:401:40%", "--fault", "payments:503:10%", "--fault", "inventory:half:10%"]
    code, placed = demo(running, "orders", "--count", "40", "--seed", "5", *faults)

    assert (code, placed["passed"], placed["problems"], placed["twice"]) == (0, True, [], 0)
    failed = placed["ends"]["dead letter"]
    assert placed["ends"]["shipped"] + failed == 40
    assert placed["effects"]["payments.create_charge"] == 40
    assert placed["warehouse_rows"] == placed["ends"]["shipped"]
    assert len(placed["reasons"]) == failed

    code, replayed = demo(running, "replay")
    assert (code, replayed["passed"], replayed["ends"]) == (0, True, {"shipped": failed})
    assert replayed["effects"]["payments.create_charge"] == failed
    assert replayed["warehouse_rows"] == failed

    code, placed = demo(running, "orders", "--count", "2", "--fault", "payments:20000ms", "--wait", "1")

    assert (code, placed["passed"]) == (1, False)
    assert len([problem for problem in placed["problems"] if "has not ended" in problem]) == 2
