"""Secrets leave the vault through two doors, and each opens to few."""

import ast
from pathlib import Path

import pytest

import ipaas

ROOT = Path(ipaas.__file__).parent
DOORS = {
    "ipaas.vault.opening": {"vault", "catalog"},
    "ipaas.vault.inbound": {"catalog", "events", "ingress", "notices"},
    "ipaas.vault.known": {"catalog", "runtime"},
    "ipaas.vault.versions": {"vault"},
    "ipaas.vault.sealing": {"vault"},
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("door", DOORS)
def test_only_these_packages_use_the_door(door: str) -> None:
    users = {path.relative_to(ROOT).parts[0] for path in ROOT.rglob("*.py") if door in imported(path)}
    assert users <= DOORS[door]


def test_the_audit_verifier_needs_nothing_of_the_product() -> None:
    names = imported(ROOT / "audit" / "verifier.py")
    assert not {name for name in names if name.split(".")[0] in {"ipaas", "django", "psycopg"}}
