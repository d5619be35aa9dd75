"""Everything has its place in the reference, the reference is current, and every page has its place on the site."""

import json
import re

import pytest

from ipaas.audit import known_actions
from ipaas.cli.reference import cli_reference
from ipaas.config import Settings
from ipaas.expressions.registry import FUNCTIONS
from ipaas.flows.lint import LINT_RULES
from ipaas.launcher.docs_site import docs_are_built
from ipaas.reference import pages
from tests.architecture.sources import ROOT

DOCS = ROOT / "docs"
WANTED = pages()


@pytest.mark.parametrize("name", WANTED)
def test_the_reference_is_current(name: str) -> None:
    path = DOCS / "reference" / name
    assert path.exists(), "run: python3 manage.py docs"
    assert path.read_text("utf-8") == WANTED[name], "run: python3 manage.py docs"


def test_no_page_of_a_connector_that_is_gone() -> None:
    there = {f"connectors/{path.name}" for path in (DOCS / "reference" / "connectors").iterdir()}
    assert there == {name for name in WANTED if name.startswith("connectors/")}


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, info in Settings.model_fields.items() if not info.description] == []


def test_every_command_says_what_it_does() -> None:
    assert "\n\nNone\n" not in cli_reference()


def test_every_function_has_a_description_and_an_example() -> None:
    assert [name for name, function in FUNCTIONS.items() if not function.doc or not function.examples] == []


def test_every_lint_rule_and_every_audited_deed_is_described() -> None:
    assert [code for code, rule in LINT_RULES.items() if not rule.doc] == []
    assert [name for name, meaning in known_actions().items() if not meaning] == []


@pytest.mark.parametrize("name", [name for name in WANTED if name.endswith(".schema.json")])
def test_every_key_of_a_document_is_described(name: str) -> None:
    assert undescribed(json.loads(WANTED[name]), "") == []


def undescribed(schema: object, path: str) -> list[str]:
    if isinstance(schema, list):
        return [one for number, part in enumerate(schema) for one in undescribed(part, f"{path}/{number}")]
    if not isinstance(schema, dict):
        return []
    properties = schema.get("properties", {})
    missing = [f"{path}/{name}" for name, part in properties.items() if "description" not in part]
    inner = {key: part for key, part in schema.items() if key not in ("examples", "properties")}
    parts = [*inner.items(), *properties.items()]
    return missing + [one for name, part in parts for one in undescribed(part, f"{path}/{name}")]


def test_every_page_has_its_place_on_the_site() -> None:
    listed = re.findall(r"[\w/.-]+\.md", (ROOT / "mkdocs.yml").read_text())
    written = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}

    assert len(listed) == len(set(listed))
    assert {name for name in listed if not name.startswith("about/")} == written


def test_the_site_builds_from_the_present_pages() -> None:
    assert docs_are_built(), "run: python3 manage.py docs"
