"""There is one way for a document to get a version, and it leads through the gate of reviews."""

import ast
import re

from tests.architecture.sources import product_sources

DOOR = "ipaas.governance.publishing"


def test_only_governance_publishes_and_only_behind_the_gate() -> None:
    users = {
        (source.name, name.rpartition(".")[2])
        for source in product_sources()
        for name in source.imports()
        if name.startswith(f"{DOOR}.")
    }
    assert users == {
        ("ipaas/governance/services.py", "publish_draft"),
        ("ipaas/governance/services.py", "publish_repinned"),
        ("ipaas/governance/reviews.py", "would_publish"),  # done and undone
    }


def test_a_draft_is_published_with_the_admission_of_the_gate() -> None:
    services = next(source for source in product_sources() if source.name == "ipaas/governance/services.py")
    calls = [
        node
        for node in ast.walk(services.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "publish_draft"
    ]
    admitted = [ast.unparse(one.value) for call in calls for one in call.keywords if one.arg == "admit"]
    assert admitted == ["gate.admit"]


def test_nobody_else_makes_rows_of_versions() -> None:
    makers = {
        source.name
        for source in product_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and (ast.unparse(node.func).endswith("kind.version") or "Version.objects.create" in ast.unparse(node.func))
    }
    assert makers == {"ipaas/governance/publishing.py"}


def test_a_connector_of_a_workspace_becomes_callable_only_by_being_published() -> None:
    """Rows that calls find are made in one function, which nothing but the publication of a document calls."""
    makers, callers, publishers = set(), set(), set()
    for source in product_sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call):
                told = ast.unparse(node.func)
                if told == "ImportedConnector" or re.match(r"ImportedConnector\.objects\.\w*create", told):
                    makers.add(source.name)
                if told.endswith(".on_published"):
                    publishers.add(source.name)
            if isinstance(node, ast.Name) and node.id == "publish_manifest":
                callers.add(source.name)
    assert makers == {"ipaas/catalog/connector_document.py"}
    assert callers == {"ipaas/catalog/connector_document.py"}
    assert publishers == {"ipaas/governance/publishing.py"}
    document = next(source for source in product_sources() if source.name == "ipaas/catalog/connector_document.py")
    used = [node for node in ast.walk(document.tree) if isinstance(node, ast.Name) and node.id == "publish_manifest"]
    named = [
        word.arg
        for node in ast.walk(document.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "DocumentType"
        for word in node.keywords
        if ast.unparse(word.value) == "publish_manifest"
    ]
    assert (len(used), named) == (1, ["on_published"])
