"""What the visual editor of mappings is answered: its board, edits of the text, suggestions, who else is there."""

import json
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.core import providers
from ipaas.core.actor import SYSTEM
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Mapping
from tests.factories.flow_documents import convention, function, lookup, term
from tests.integration.web.conftest import Browsers
from tests.integration.web.documents import BAD_TEXTS, published

TEXT = """\
kind: mapping
slug: order-row
title: Order row   # as the warehouse calls it
target_schema: row
source_schema: order
fields:
  # never empty
  id: source.id
  lines:
    each: source.lines
    as: line
    fields: {sku: line.sku}
  broken: source.
  odd: source.nothing.there
"""
SAMPLE = {"id": "SO-1", "email": "anna@shop.example", "lines": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 1}]}
ROW = {
    "type": "object",
    "required": ["id", "mail"],
    "properties": {
        "id": {"type": "string"},
        "mail": {"type": "string", "format": "email", "description": "Of the buyer"},
        "lines": {
            "type": "array",
            "items": {"type": "object", "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer"}}},
        },
        "address": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture
def builder(as_role: Browsers, environment: Environment, workspace: Workspace) -> Client:
    published(workspace, "schemas", slug="row", title="Row", schema=ROW, examples=[])
    published(workspace, "schemas")
    return as_role("builder")


def ask(browser: Client, what: str = "fields", *, document: str = TEXT, samples: Any = None, **more: Any) -> Any:
    given = [{"label": "one", "text": json.dumps(SAMPLE)}] if samples is None else samples
    values = {name: json.dumps(value) for name, value in more.items()}
    answer = browser.post(f"/w/acme/mappings/-{what}/", {"document": document, "samples": json.dumps(given), **values})
    assert answer.status_code == 200
    return answer.json()


def made(sample: dict[str, Any]) -> Any:
    return json.loads(sample["text"])


def by_path(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in rows}


def test_the_board_says_what_is_made_how_and_what_is_missing(builder: Client) -> None:
    board = ask(builder)
    target = by_path(board["target"])

    assert {path: row["kind"] for path, row in target.items()} == {
        "id": "expression", "mail": "unmapped", "lines": "list", "lines[].sku": "expression",
        "lines[].quantity": "unmapped", "address": "unmapped", "address.city": "unmapped", "broken": "expression",
        "odd": "expression",
    }  # fmt: skip
    assert (target["mail"]["required"], target["mail"]["doc"]) == (True, "Of the buyer")
    assert target["lines[].sku"]["pointer"] == ["fields", "lines", "fields", "sku"]
    assert target["lines[].quantity"]["names"] == {"line": "source.lines[]"}
    assert target["odd"]["extra"]
    assert [one["severity"] for one in target["broken"]["findings"]] == ["error"]
    assert board["counts"] == {"mapped": 4, "unmapped": 3, "required": 2, "faults": 1}


def test_the_results_of_every_sample_stand_beside_the_fields_and_one_fault_hides_no_other(builder: Client) -> None:
    samples = [
        {"label": "one", "text": json.dumps(SAMPLE)},
        {"label": "two", "text": '{"id": 7, "lines": []}'},
        {"label": "bad", "text": "{"},
        {"label": "captured", "text": json.dumps({"source": {"id": "X", "lines": []}, "vars": {}}), "whole": True},
    ]
    one, two, bad, captured = ask(builder, samples=samples)["samples"]

    assert made(one) == {"id": "SO-1", "lines": [{"sku": "A"}, {"sku": "B"}]}
    assert one["cells"]["lines[].sku"] == {"value": '"A"', "reads": ["source.lines[0].sku"], "more": 1}
    assert one["failed"] == 1
    assert one["cells"]["odd"]["error"]
    assert two["cells"]["id"]["value"] == "7"
    assert (bad["text"], bad["leaves"], bool(bad["problem"])) == (None, [], True)
    assert made(captured)["id"] == "X"
    assert one["leaves"] == [["id", '"SO-1"'], ["lines[0].sku", '"A"'], ["lines[1].sku", '"B"']]
    exact = ask(builder, samples=[{"label": "", "text": '{"id": 12345678901234567890.10, "lines": []}'}])["samples"][0]
    assert exact["leaves"] == [["id", "12345678901234567890.10"], ["lines", "[]"]]


def test_the_source_shows_values_and_who_reads_them(builder: Client) -> None:
    source = by_path(ask(builder)["source"])

    assert source["source.id"]["values"] == ['"SO-1"']
    assert source["source.id"]["readers"] == ["id"]
    assert source["source.lines[].sku"]["readers"] == ["lines[].sku"]
    assert source["source.lines[].qty"]["type"] == "integer"
    assert source["source.email"]["sensitive"] == "personal"


def test_an_edit_comes_back_as_the_text_with_every_other_byte_kept(builder: Client) -> None:
    edits = [
        {"deed": "set", "path": ["fields", "id"], "value": {"expr": "source.id", "on_missing": "omit"}},
        {"deed": "fill", "path": ["address", "city"], "value": "source.city"},
        {"deed": "fill", "path": ["lines", "[]", "quantity"], "value": "line.qty"},
        {"deed": "remove", "path": ["fields", "broken"]},
        {"deed": "rename", "path": ["fields", "odd"], "name": "even"},
    ]
    board = ask(builder, edits=edits)

    assert (
        board["text"]
        == TEXT.replace("id: source.id\n", "id: {expr: source.id, on_missing: omit}\n")
        .replace("{sku: line.sku}", "{sku: line.sku, quantity: line.qty}")
        .replace("  broken: source.\n  odd:", "  even:")
        + "  address: {city: source.city}\n"
    )
    assert by_path(board["target"])["address.city"]["kind"] == "expression"


NO_EDITS: list[Any] = [
    [{"deed": "fly", "path": ["a"]}], [{"deed": "set", "path": []}], [{"deed": "set", "path": "fields"}],
    [{"deed": "remove", "path": ["fields", "none"]}], [{"deed": "fill", "path": ["id", "x"], "value": "y"}],
    [{"deed": "set", "path": ["fields", True], "value": 1}], [{"deed": "rename", "path": ["fields", "id"], "name": 7}],
    {"deed": "set"}, "words", [None], [{"deed": "move", "path": ["fields", "id"], "name": "nobody"}],
    [{"deed": "set", "path": ["title", "x"], "value": 1}],
    [{"deed": "rename", "path": ["fields", "id"], "name": "odd"}],
]  # fmt: skip


def test_an_edit_that_can_not_be_done_says_why(builder: Client) -> None:
    for edits in NO_EDITS:
        assert ask(builder, edits=edits).get("problem"), edits


def test_no_text_is_too_bad_for_an_answer(builder: Client) -> None:
    for text in BAD_TEXTS.values():
        ask(builder, document=text)
        ask(builder, "suggest", document=text)
        ask(builder, document=text, edits=[{"deed": "fill", "path": ["a", "b"], "value": "c"}])


def test_no_samples_are_too_bad_for_an_answer(builder: Client) -> None:
    for samples in ("x", [7], [{"text": 7}], [{"label": None, "text": "[" * 500}], {"a": 1}):
        assert ask(builder, samples=samples)["target"]


def test_matches_are_suggested_with_their_reasons_and_can_be_accepted(builder: Client) -> None:
    found = {one["target"]: one for one in ask(builder, "suggest")["suggestions"]}

    assert found["mail"]["expression"] == "source.email"
    assert found["lines[].quantity"]["expression"] == "line.qty"
    assert "same name" not in found["mail"]["reasons"]
    assert 0.5 <= found["mail"]["score"] <= 1
    accepted = [
        {"deed": "fill", "path": one["steps"], "value": one["expression"], "each": one["each"]}
        for one in found.values()
    ]
    assert ask(builder, edits=accepted)["counts"]["unmapped"] == 1


def test_the_glossary_lends_more_words(builder: Client) -> None:
    text = "kind: mapping\nslug: x\ntitle: X\ntarget_schema: row\nfields: {}\n"
    samples = [{"label": "", "text": '{"ort": "Wien"}'}]
    assert "address.city" not in {
        one["target"] for one in ask(builder, "suggest", document=text, samples=samples)["suggestions"]
    }
    with providers.replaced("glossary.synonyms", lambda workspace_id: lambda term: ["city"] if term == "ort" else []):
        found = ask(builder, "suggest", document=text, samples=samples)["suggestions"]
    assert [one["expression"] for one in found if one["target"] == "address.city"] == ["source.ort"]


def test_who_else_edits_is_told_and_that_somebody_saved(
    as_role: Browsers, builder: Client, workspace: Workspace
) -> None:
    published(workspace, "mappings")
    bob = as_role("admin")
    place = "/w/acme/mappings/order-row/"
    assert builder.post(f"{place}presence/").json()["others"] == []
    assert bob.post(f"{place}presence/").json()["others"] == ["builder@example.org"]
    saved = bob.post(f"{place}edit/", {"document": TEXT, "revision": "1"})
    assert saved.status_code == 302

    told = builder.post(f"{place}presence/").json()
    assert told == {"others": ["admin@example.org"], "revision": 2, "saved_by": "admin@example.org"}
    refused = builder.post(f"{place}edit/", {"document": TEXT.replace("source.id", "source.nr"), "revision": "1"})
    assert refused.status_code == 409
    assert Mapping.objects.get(slug="order-row").draft_text == TEXT


def test_samples_of_runs_are_for_those_who_may_see_runs(
    as_role: Browsers, builder: Client, workspace: Workspace
) -> None:
    published(workspace, "mappings")
    assert builder.get("/w/acme/mappings/order-row/samples/").json() == {"samples": []}


def test_the_mapping_inside_of_a_flow_is_edited_in_the_text_of_the_flow(builder: Client, workspace: Workspace) -> None:
    inline = {"id": "shape", "map": {"fields": {"order": "trigger.body.id"}}}
    loop = {
        "items": "trigger.body.lines",
        "as": "line",
        "steps": [{"id": "row", "map": {"fields": {"sku": "line.sku"}}}],
    }
    published(workspace, "flows", slug="shop", steps=[inline, {"id": "all", "for_each": loop}])
    page = builder.get("/w/acme/flows/shop/edit/?step=row").context
    text, base = page["text"], page["setup"]["base"]
    assert base == ["steps", 1, "for_each", "steps", 0, "map"]
    assert [link.url for link in page["mappings"]] == ["?step=shape", "?step=row"]

    edits = [{"deed": "fill", "path": ["count"], "value": "line.count"}]
    samples = [{"label": "", "text": '{"line": {"sku": "A", "count": 2}}'}]
    board = ask(builder, document=text, base=base, edits=edits, samples=samples)
    assert by_path(board["target"])["sku"]["findings"] == []
    assert made(board["samples"][0]) == {"sku": "A", "count": 2}
    assert [line for line in board["text"].splitlines() if "count: line.count" not in line] == text.splitlines()
    assert ask(builder, document=text, base=["steps", 7])["problem"]


def test_lookups_and_functions_are_offered_with_what_they_take_and_work_once_named(
    builder: Client, workspace: Workspace
) -> None:
    for content in (lookup(), function(description="With the tax.")):
        apply_document(actor=SYSTEM, workspace=workspace, content=content)
    assert builder.get("/w/acme/mappings/-new/").context["setup"]["library"] == [
        {
            "kind": "lookup", "name": "vat_rates", "reference": "vat-rates@1", "doc": "VAT rates", "keys": ["code"],
            "columns": ["code", "name", "rate"], "told": "code → {code, name, rate}",
        },
        {
            "kind": "function", "name": "gross", "reference": "gross@1", "doc": "Gross With the tax.",
            "told": "gross(net: number, rate: number = 0)",
        },
    ]  # fmt: skip
    text = "kind: mapping\nslug: x\ntitle: X\nfields:\n  rate: source.rate\n"
    edits = [
        {"deed": "set", "path": ["lookups", "vat_rates"], "value": "vat-rates@1"},
        {"deed": "set", "path": ["functions", "gross"], "value": "gross@1"},
        {"deed": "set", "path": ["fields", "rate"], "value": "gross(1, lookup('vat_rates', source.country).rate)"},
    ]
    board = ask(builder, document=text, edits=edits, samples=[{"label": "", "text": '{"country": "DE"}'}])
    assert (board["counts"]["faults"], board["findings"]) == (0, [])
    assert made(board["samples"][0]) == {"rate": 1.19}
    assert board["named"] == {"lookups": {"vat_rates": "vat-rates@1"}, "functions": {"gross": "gross@1"}}
    for wrong in ("lookups: 5", "functions: [1]", "lookups: {a: 7}", "functions: {upper: gross}", "lookups:"):
        assert ask(builder, document=f"{text}{wrong}\n")["findings"], wrong
    unknown = ask(builder, document=text.replace("fields:", "lookups: {none: none}\nfields:"))
    assert ["no published lookup" in one["message"] for one in unknown["findings"]] == [True]


def test_a_mapping_inside_of_a_flow_names_lookups_and_functions_too(builder: Client, workspace: Workspace) -> None:
    for content in (lookup(), function()):
        apply_document(actor=SYSTEM, workspace=workspace, content=content)
    published(workspace, "flows", slug="shop", steps=[{"id": "shape", "map": {"fields": {"rate": "trigger.body.id"}}}])
    page = builder.get("/w/acme/flows/shop/edit/?step=shape").context
    base = page["setup"]["base"]
    assert [one["name"] for one in page["setup"]["library"]] == ["vat_rates", "gross"]
    edits = [
        {"deed": "set", "path": [*base, "lookups", "vat_rates"], "value": "vat-rates@1"},
        {"deed": "set", "path": [*base, "fields", "rate"], "value": "lookup('vat_rates', trigger.body.code).rate"},
    ]
    samples = [{"label": "", "text": '{"trigger": {"body": {"code": "AT"}}}'}]
    board = ask(builder, document=page["text"], base=base, edits=edits, samples=samples)
    assert (board["counts"]["faults"], made(board["samples"][0])) == (0, {"rate": 0.2})


def test_fields_tell_the_term_that_they_mean(as_role: Browsers, builder: Client, workspace: Workspace) -> None:
    about = {"definition": "Where mails go.", "fields": [{"schema": "row", "path": "mail"}]}
    linked = term(slug="mail-address", title="Mail address", synonyms=["email"], avoid=[], **about)
    apply_document(actor=SYSTEM, workspace=workspace, content=linked)
    board = ask(builder)
    told = {"title": "Mail address", "text": "Where mails go.", "url": "/w/acme/terms/mail-address/"}
    assert board["terms"] == {"mail-address": told}
    assert (by_path(board["target"])["mail"]["term"], by_path(board["source"])["source.email"]["term"]) == (
        "mail-address", "mail-address",
    )  # fmt: skip


def test_a_convention_says_what_to_write_where_no_schema_gives_the_name(builder: Client, workspace: Workspace) -> None:
    apply_document(actor=SYSTEM, workspace=workspace, content=convention())
    text = TEXT.replace("  odd:", "  lineQty:").replace("  lines:\n", "  mail: source.email\n  lines:\n")
    target = by_path(ask(builder, document=text)["target"])
    assert [one.get("fix") for one in target["lineQty"]["findings"]] == ["line_quantity"]
    assert target["mail"]["findings"] == []
    edits = [{"deed": "rename", "path": ["fields", "lineQty"], "name": "line_quantity"}]
    assert by_path(ask(builder, document=text, edits=edits)["target"])["line_quantity"]["findings"] == []


def test_a_whole_document_in_jsonata_is_tried_on_the_samples(builder: Client) -> None:
    text = "kind: mapping\nslug: x\ntitle: X\njsonata: '{\"number\": id}'\n"
    board = ask(builder, document=text)
    assert (board["target"], made(board["samples"][0])) == ([], {"number": "SO-1"})


def test_the_page_begins_with_examples_of_the_source(builder: Client, workspace: Workspace) -> None:
    published(workspace, "mappings", source_schema="order")
    setup = builder.get("/w/acme/mappings/order-row/edit/").context["setup"]

    assert json.loads(setup["samples"][0]["text"]) == {"id": "SO-1", "email": "someone@shop.example"}
    assert setup["fields_url"] == "/w/acme/mappings/-fields/"
    assert setup["words"]["accept_all"] == "Accept all"
