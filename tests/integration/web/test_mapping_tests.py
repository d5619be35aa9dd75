"""The tests of a mapping in the browser: results while somebody types, the page of their own, deeds, drift."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.actor import SYSTEM
from ipaas.governance import services as governance
from ipaas.mapping.models import Mapping
from ipaas.mapping.services import save_draft
from ipaas.runtime.drift_models import MappingDrift
from tests.integration.web.conftest import Browsers

SCHEMA = {
    "kind": "schema", "slug": "order", "title": "Order",
    "schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
}  # fmt: skip
TEXT = """\
kind: mapping  # ours
slug: shape
title: Shape
source_schema: order
fields:
  id: source.id
  note: {expr: source.note, default: none}
tests:
- name: '<b>good</b> " onfocus="x'
  input: {id: "1"}
  expect: {id: "1", note: none}
- name: bad
  input: {id: "2"}
  expect: {id: <i>"3"</i>, note: none}
"""
GOOD = '<b>good</b> " onfocus="x'
PAGE = "/w/acme/mappings/shape/tests/"
CHANGE = f"{PAGE}change/"
EDIT = "/w/acme/mappings/shape/edit/"


@pytest.fixture
def mapping(workspace: Workspace, environment: Environment) -> Mapping:
    governance.apply_document(content=SCHEMA, workspace=workspace, actor=SYSTEM)
    return save_draft(actor=SYSTEM, workspace=workspace, text=TEXT)[0]


@pytest.fixture
def builder(as_role: Browsers, mapping: Mapping) -> Client:
    return as_role("builder")


def names() -> list[str]:
    return [case["name"] for case in Mapping.objects.get(slug="shape").draft["tests"]]


def page(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_shows_results_and_what_is_not_reached(builder: Client) -> None:
    html = page(builder)
    assert "1 of 2 fail" in html
    assert 'value="&lt;b&gt;good&lt;/b&gt; &quot; onfocus=&quot;x"' in html
    assert "<b>good</b>" not in html
    assert "<i>" not in html
    assert "<code>note: value</code>" in html
    assert "No run whose data is still kept has used it." in html
    assert "tests/" in page(builder, "/w/acme/mappings/shape/")


def test_a_text_is_tested_while_it_is_typed_and_nothing_is_stored(builder: Client) -> None:
    def check(text: str, **more: str) -> str:
        answer = builder.post("/w/acme/mappings/-tests/", {"document": text, "of": "shape", **more})
        assert answer.status_code == 200
        return answer.content.decode()

    assert "1 of 2 fail" in check(TEXT)
    assert "all 2 pass" in check(TEXT.replace('<i>"3"</i>', '"2"'))
    assert "They run when the findings are mended." in check(TEXT.replace("fields:", "feilds:"))
    assert "they run" in check("- [").lower()
    assert "none yet" in check(TEXT.partition("tests:")[0], of="nobody")
    assert "expected" in check(TEXT) and "formaction" in check(TEXT)  # noqa: PT018 - one text
    assert "formaction" not in check(TEXT, of="")
    assert Mapping.objects.get(slug="shape").draft_revision == 1


def test_outputs_are_accepted_tests_removed_generated_and_written(builder: Client) -> None:
    def change(**given: Any) -> str:
        answer = builder.post(CHANGE, given, follow=True)
        assert answer.status_code == 200
        return answer.content.decode()

    assert "all 2 pass" in change(accept="bad")
    change(remove="bad")
    assert names() == [GOOD]
    change(generate="yes")
    assert names() == [GOOD, "only what is required"] or "id: the shortest text" in names()
    change(add="yes", name="by hand", input="{id: '7'}", expect="")
    change(add="yes", name="by hand", input='{"id": "7"}', expect='{"id": "7", "note": "none"}')
    tests = Mapping.objects.get(slug="shape").draft["tests"]
    assert tests[-1] == {**tests[-2], "name": "by hand 2"}
    for wrong in ({"add": "yes", "name": "", "input": "1"}, {"add": "yes", "name": "x", "input": "[1"}, {}):
        html = change(**wrong)
        assert 'data-tone="bad"' in html or "toast" in html
    assert names()[-1] == "by hand 2"
    assert builder.post(CHANGE, {"accept": "nobody"}).status_code == 404
    assert builder.post(CHANGE, {"from_run": "nonsense"}).status_code == 404
    assert builder.post(CHANGE, {"from_run": f"{uuid4()} a b"}).status_code == 404


def test_in_the_editor_the_text_that_was_typed_is_changed_and_saved(builder: Client) -> None:
    typed = TEXT.replace("title: Shape", "title: Form # typed")
    answer = builder.post(CHANGE, {"document": typed, "revision": "1", "accept": "bad"})
    assert (answer.status_code, answer["Location"]) == (302, EDIT)
    saved = Mapping.objects.get(slug="shape")
    assert "title: Form # typed" in saved.draft_text
    assert saved.draft["tests"][1]["expect"]["id"] == "2"
    sample = {"document": saved.draft_text, "revision": "2", "of_sample": "yes", "sample": '{"id": "9", "note": "n"}'}
    builder.post(CHANGE, sample)
    assert Mapping.objects.get(slug="shape").draft["tests"][2] == {
        "name": "sample", "input": {"id": "9", "note": "n"}, "expect": {"id": "9", "note": "n"},
    }  # fmt: skip


def test_who_types_upon_an_old_revision_loses_nothing(builder: Client) -> None:
    builder.post(CHANGE, {"remove": "bad"})
    answer = builder.post(CHANGE, {"document": TEXT, "revision": "1", "accept": "bad"})
    assert answer.status_code == 409
    assert "ours" in answer.content.decode()
    assert names() == [GOOD]


def test_a_text_with_faults_comes_back_as_it_was(builder: Client) -> None:
    broken = TEXT.replace("fields:", "feilds:")
    answer = builder.post(CHANGE, {"document": broken, "revision": "1", "accept": "bad"})
    assert answer.status_code == 422
    assert "feilds" in answer.content.decode()
    assert Mapping.objects.get(slug="shape").draft_revision == 1


def test_drift_is_shown_ignored_and_tested(builder: Client, mapping: Mapping, as_role: Browsers) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for path, sample in (("/coupon", {"source": {"id": "5", "coupon": "x"}}), ("/old", None), ("/<i>", None)):
        MappingDrift.objects.create(
            workspace_id=mapping.workspace_id, mapping_id=mapping.id, mapping="shape", schema="order@1",
            kind="unknown_field", path=path, what="string", first_seen_at=moment, last_seen_at=moment,
            run_id=uuid4(), flow="orders", step="use", sample=sample, count=3,
        )  # fmt: skip
    html = page(builder)
    assert "/coupon comes with the data, and the schema does not name it (string)" in html
    assert "seen 3 times" in html
    assert "/<i>" not in html
    assert "3 ways were found in recent runs." in page(builder, "/w/acme/mappings/shape/")
    auditor = page(as_role("auditor"))
    assert "/coupon" in auditor and "Ignore" not in auditor  # noqa: PT018 - one text
    rows = {row.path: f"/w/acme/mappings/shape/drift/{row.id}/" for row in MappingDrift.objects.all()}
    builder.post(rows["/coupon"], {"deed": "test"})
    builder.post(rows["/old"], {"deed": "ignore"})
    builder.post(rows["/<i>"], {"deed": "test"})
    assert names()[2] == "drift: /coupon string"
    states = dict(MappingDrift.objects.values_list("path", "state"))
    assert states == {"/coupon": "tested", "/old": "ignored", "/<i>": "open"}
    assert builder.post(rows["/coupon"], {"deed": "test"}).status_code == 404


def test_a_reader_sees_results_and_no_deeds(as_role: Browsers, mapping: Mapping) -> None:
    html = page(as_role("operator"))
    assert "1 of 2 fail" in html
    assert "Accept the new output" not in html
    assert "Write a test" not in html


def test_the_panel_speaks_german(builder: Client) -> None:
    html = builder.get(PAGE, headers={"Accept-Language": "de"}).content.decode()
    assert "1 von 2 schlagen fehl" in html
    assert "erwartet war" in html
    assert json.dumps("") not in html[:10]
