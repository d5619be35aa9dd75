"""What the import linter cannot see: names inside strings, parts of packages, and files outside the package."""

import ast
import re
import sys
import tomllib

import pytest

from tests.architecture.sources import LAYERS, ROOT, Source, layer_of, product_sources

RELATIONS = {"ForeignKey", "OneToOneField", "ManyToManyField"}
NETWORK = re.compile(r"(http\.client|urllib\.request|socketserver|xmlrpc|httpx|requests|aiohttp|socket|ssl)(\.|$)")
# Servers listen; the launcher looks after local servers before anything is installed; the line to one's own child is a
# pair of sockets.
NETWORK_ALLOWED = ("ipaas/core/net/", "ipaas/core/apart/", "ipaas/sdk/stubs/", "ipaas/ingress/", "ipaas/launcher/")


def sources_of(*packages: str) -> list[Source]:
    return [source for source in product_sources() if source.package in packages]


def test_linter_and_tests_know_the_same_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "layers")

    assert [set(line.split(" | ")) for line in reversed(layers)] == [set(names) for names in LAYERS]


def test_string_foreign_keys_point_downward() -> None:
    upward = [
        f"{source.name}:{node.lineno} {target}"
        for source in product_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and _called(node) in RELATIONS
        if (target := _target_app(node)) is not None and target in {name for names in LAYERS for name in names}
        if source.package != target and layer_of(source.package) <= layer_of(target)
    ]

    assert upward == []


@pytest.mark.parametrize("source", sources_of("launcher"), ids=lambda source: source.name)
def test_launcher_needs_the_standard_library_only(source: Source) -> None:
    top = {name.split(".")[0] for name in source.imports()}
    own = {name for name in source.imports() if name.startswith("ipaas.") and not name.startswith("ipaas.launcher")}
    allowed = {"django"} if source.name.endswith("launcher/cli.py") else set()  # hands other words to Django

    assert top - sys.stdlib_module_names - {"ipaas"} <= allowed
    assert own == set()


def test_connectors_see_the_sdk_only() -> None:
    wrong = [
        f"{source.name} {name}"
        for source in sources_of("connectors")
        for name in sorted(source.imports())
        if name.startswith("ipaas.") and not name.startswith("ipaas.sdk")
    ]

    assert wrong == []


def test_one_package_opens_connections() -> None:
    wrong = [
        f"{source.name} {name}"
        for source in product_sources()
        if not source.name.startswith(NETWORK_ALLOWED)
        for name in sorted(source.imports())
        if NETWORK.match(name)
    ]

    assert wrong == []


def test_core_defines_no_models_of_its_own() -> None:
    concrete = [
        f"{source.name}:{node.lineno} {node.name}"
        for source in sources_of("core")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith("models.Model") for base in node.bases)
        and "abstract = True" not in ast.unparse(node)
    ]

    assert concrete == []


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]


def _target_app(node: ast.Call) -> str | None:
    """The app label in ``ForeignKey("app.Model")``."""
    values = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "to")]
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and "." in value.value:
            return value.value.split(".")[0]
    return None
