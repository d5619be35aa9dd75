"""The image and compose.yaml: no engine builds them here, so they are read, and what they start is started."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg.conninfo import make_conninfo

from ipaas.config import settings
from ipaas.launcher.layout import ROOT
from ipaas.launcher.ports import answers_http
from ipaas.launcher.processes import PROCESSES
from ipaas.reference.settings_page import variables
from tests.integration.launcher.conftest import free_port, wait_until

RUN = ["python", "manage.py", "run"]
SERVERS = {"postgres", "redis"}


def dockerfile() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def compose() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert isinstance(found, dict)
    return found


def product_services() -> dict[str, Any]:
    return {name: service for name, service in compose()["services"].items() if name not in SERVERS}


def commands() -> dict[str, list[str]]:
    """Every entry point that the two files name, by place."""
    last = {word: rest for word, rest in dockerfile() if word in {"CMD", "HEALTHCHECK"}}
    found = {"image": json.loads(last["CMD"]), "image's check": json.loads(last["HEALTHCHECK"].partition(" CMD ")[2])}
    for name, service in product_services().items():
        found[name] = service["command"]
        if "test" in service.get("healthcheck", {}):
            found[f"{name}'s check"] = service["healthcheck"]["test"][1:]
    return found


@pytest.mark.parametrize("place", commands())
def test_entry_point_is_a_process_of_the_table(place: str) -> None:
    command = commands()[place]

    assert command[:3] == RUN
    assert command[3] in PROCESSES
    assert command[4:] == (["--healthy"] if place.endswith("check") else [])


def test_compose_runs_every_process_but_the_demo() -> None:
    assert {command[3] for command in commands().values()} == {
        name for name, process in PROCESSES.items() if not process.demo
    }


def test_compose_sets_documented_settings_only() -> None:
    names = {name for service in product_services().values() for name in service["environment"]}

    assert names <= set(variables())


def test_processes_wait_for_the_migrations() -> None:
    for name, service in product_services().items():
        if name != "migrate":
            assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_image_is_small_and_unprivileged() -> None:
    lines = dockerfile()
    last_stage = max(number for number, (word, _) in enumerate(lines) if word == "FROM")
    final = lines[last_stage:]

    assert ("ARG", "PYTHON=python:3.11-slim") in lines
    assert [rest for word, rest in final if word == "USER"] == ["10001:10001"]
    assert not any("apt-get" in rest or "requirements" in rest or "node" in rest for _, rest in final)


def test_image_copies_what_is_there() -> None:
    copied = [
        source for word, rest in dockerfile() if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]
    ]
    allowed = {line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}

    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert {source.rstrip("/") for source in copied} <= allowed


def test_image_uses_the_python_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["requires-python"].startswith(">=3.11")


@pytest.fixture
def environment(db: None, tmp_path: Path) -> dict[str, str]:
    """An environment as a container has it: servers by address, a home of its own."""
    from django.conf import settings as django_settings

    database = make_conninfo(settings().database_url, dbname=django_settings.DATABASES["default"]["NAME"])
    given = psycopg.conninfo.conninfo_to_dict(database)
    url = "postgresql://?" + "&".join(f"{name}={value}" for name, value in given.items())
    return {
        **os.environ,
        "DATABASE_URL": url,
        "IPAAS_HOME": str(tmp_path),
        "IPAAS_PORT": str(free_port()),
        "IPAAS_INGRESS_PORT": str(free_port()),
        "IPAAS_WORKER_PROCESSES": "1",
    }


def manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "manage.py", "run", *words]
    return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", [name for name, process in PROCESSES.items() if process.service])
def test_process_starts_and_stops(name: str, environment: dict[str, str]) -> None:
    """Load all that it loads; run it until it serves (or, without a port, as long as loading took); stop it."""
    if importlib.util.find_spec(PROCESSES[name].module) is None:
        pytest.skip(f"{PROCESSES[name].module} is not in this tree")
    checked = manage(environment, name, "--check")
    assert checked.returncode == 0, checked.stderr
    argv = [sys.executable, "manage.py", "run", name]
    port = {"web": "IPAAS_PORT", "ingress": "IPAAS_INGRESS_PORT"}.get(name)
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL) as process:
        try:
            if port is not None:
                wait_until(
                    lambda: process.poll() is not None or answers_http("127.0.0.1", int(environment[port])), "an answer"
                )
            else:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(5)
            assert process.poll() is None
        finally:
            if process.poll() is None:
                process.terminate()
            code = process.wait(40)
    assert code in {0, -15}


def test_migrations_run_and_keys_are_made(environment: dict[str, str], tmp_path: Path) -> None:
    done = manage(environment, "migrate")

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "keys").iterdir()} >= {"kek.json", "secret_key"}


def test_check_of_what_does_not_run_fails(environment: dict[str, str]) -> None:
    assert manage(environment, "web", "--healthy").returncode == 1
