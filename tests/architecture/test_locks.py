"""The locks install the same thing everywhere: complete, checked by hash, and without the name of any host."""

import itertools
import json
import re
import tomllib

import pytest

from ipaas.launcher.requirements import normal, parse_lock
from tests.architecture.sources import ROOT

LOCKS = ("base", "embedded", "dev", "e2e")
HOST = re.compile(r"https?://|--(extra-)?index-url|--find-links|--trusted-host")
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?\s*(?P<spec>[^;]*)")


def lock_of(name: str) -> dict[str, tuple[str, bool]]:
    return parse_lock((ROOT / "requirements" / f"{name}.txt").read_text())


def declared(*, groups: tuple[str, ...]) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tables = {
        "base": project["project"]["dependencies"],
        **project["project"]["optional-dependencies"],
        **project["dependency-groups"],
    }
    return [line for group in groups for line in tables[group]]


@pytest.mark.parametrize("name", LOCKS)
def test_python_lock_names_no_host(name: str) -> None:
    assert HOST.search((ROOT / "requirements" / f"{name}.txt").read_text()) is None


def test_front_end_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())

    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)

    assert [entry.split()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(("smaller", "larger"), list(itertools.pairwise(LOCKS)))
def test_larger_lock_holds_the_smaller_one(smaller: str, larger: str) -> None:
    assert lock_of(smaller).items() <= lock_of(larger).items()


@pytest.mark.parametrize(
    ("lock", "groups"),
    [("base", ("base",)), ("embedded", ("base", "embedded")), ("e2e", ("base", "embedded", "dev", "e2e"))],
)
def test_lock_matches_what_the_project_declares(lock: str, groups: tuple[str, ...]) -> None:
    locked = {name: version for name, (version, _) in lock_of(lock).items()}
    wrong = []
    for line in declared(groups=groups):
        match = REQUIREMENT.match(line)
        assert match is not None, line
        name, spec = normal(match["name"]), match["spec"].strip()
        if name not in locked or (spec.startswith("==") and spec[2:] != locked[name]):
            wrong.append(line)

    assert wrong == []
