"""``down`` and ``status``: what can be done with an instance from outside."""

import argparse
import json
import signal
import time
from dataclasses import asdict

from ipaas.launcher.console import complain, say
from ipaas.launcher.kernel import family, memory_bytes, signal_process
from ipaas.launcher.layout import default_home
from ipaas.launcher.lock import InstanceLock
from ipaas.launcher.state import ProcessState, State, running

DOWN_S = 120.0


def down(_arguments: argparse.Namespace) -> int:
    """Stop the instance of the home folder, and wait until the last of its processes is gone."""
    home = default_home()
    lock = InstanceLock(home / "lock")
    state = running(home / "state.json")
    if state is None and not lock.is_held():
        say(f"Nothing runs in {home}.")
        return 0
    if state is not None and state.supervisor.pid is not None:
        signal_process(state.supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_S
    while lock.is_held():
        if time.monotonic() > deadline:
            complain(f"The instance in {home} has not stopped within {DOWN_S:.0f} s; see {home / 'logs'}.")
            return 1
        time.sleep(0.1)
    say("Stopped.")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Show each process; 0 when all of them run, 1 when one does not, 3 when the instance does not run."""
    home = default_home()
    state = running(home / "state.json")
    if state is None:
        say("{}" if arguments.json else f"Nothing runs in {home}. Start it with: python3 manage.py up")
        return 3
    everything = {"supervisor": state.supervisor, **state.processes}
    if arguments.json:
        say(json.dumps(_as_json(state, everything), indent=1))
    else:
        _print_table(state, everything)
    return 0 if all(process.alive for process in everything.values()) else 1


def process_memory(name: str, process: ProcessState) -> int:
    """Memory of a process with its descendants, in bytes; of the supervisor, whom all descend from, alone."""
    if process.pid is None or not process.alive:
        return 0
    if name == "supervisor":
        return memory_bytes(process.pid)
    return sum(memory_bytes(pid) for pid in family(process.pid))


def _as_json(state: State, everything: dict[str, ProcessState]) -> dict[str, object]:
    processes = {
        name: {**asdict(process), "alive": process.alive, "memory_bytes": process_memory(name, process)}
        for name, process in everything.items()
    }
    return {"addresses": state.addresses, "versions": state.versions, "processes": processes}


def _print_table(state: State, everything: dict[str, ProcessState]) -> None:
    say(f"{'process':<12} {'state':<11} {'pid':>8} {'memory':>9} {'restarts':>9}  last end")
    total = 0
    for name, process in everything.items():
        memory = process_memory(name, process)
        total += memory
        word = process.state if process.alive or process.pid is None else "gone"
        size = f"{memory / 1e6:.0f} MB" if memory else "-"
        say(
            f"{name:<12} {word:<11} {process.pid or '-':>8} {size:>9} {process.restarts:>9}  {process.last_exit or '-'}"
        )
    say(f"{'together':<12} {'':<11} {'':>8} {f'{total / 1e6:.0f} MB':>9}")
    for name, address in state.addresses.items():
        say(f"{name:<12} {address}")
    say("versions     " + ", ".join(f"{name} {version}" for name, version in state.versions.items()))
