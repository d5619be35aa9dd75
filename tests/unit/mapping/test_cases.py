"""Tests of mappings: how cases run and what they reach."""

from typing import Any

import pytest

from ipaas.core.errors import NotFound
from ipaas.mapping.cases import CasesResult, case_findings, run_cases
from ipaas.mapping.coverage import coverage

SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
DOCUMENTS: dict[tuple[str, str], Any] = {("schema", "order@1"): {"schema": SCHEMA}}


def resolve(kind: str, reference: str) -> Any:
    if (kind, reference) not in DOCUMENTS:
        raise NotFound(what=f"{kind} {reference}")
    return DOCUMENTS[kind, reference]


def mapping(fields: dict[str, Any], *tests: dict[str, Any], **changes: Any) -> dict[str, Any]:
    named = [{"name": f"case {number}", **one} for number, one in enumerate(tests, 1)]
    return {"kind": "mapping", "slug": "shape", "title": "Shape", "fields": fields, "tests": named, **changes}


def run(fields: dict[str, Any], *tests: dict[str, Any], **changes: Any) -> CasesResult:
    return run_cases(mapping(fields, *tests, **changes), resolve=resolve)


def words(result: CasesResult) -> list[list[str]]:
    return [[f"{one.path}: {one.message}" for one in case.differences] for case in result.results]


def test_a_case_passes_on_what_it_expects_and_says_where_it_does_not() -> None:
    given = {"input": {"id": "1", "n": 2.5}}
    found = run(
        {"id": "source.id", "n": "source.n * 2"},
        {**given, "expect": {"id": "1", "n": 5}},
        {**given, "expect": {"id": "2", "n": 5.0, "x": None}},
    )
    assert [one.passed for one in found.results] == [True, False]
    assert words(found)[1] == ['/id: expected "2", got "1"', "/x: is missing; expected null"]
    assert (found.passed, found.failed, found.results[1].output) == (False, 1, {"id": "1", "n": 5})


def test_tolerance_and_ignored_places_belong_to_the_case() -> None:
    case = {"input": {"n": 1}, "expect": {"n": 0.99, "id": "?"}, "tolerance": {"/n": 0.01}, "ignore": ["/id"]}
    assert run({"n": "source.n", "id": "run.id"}, case).passed


def test_an_expected_error_is_named_by_code_and_field() -> None:
    fields = {"lines": {"each": "source.lines", "as": "line", "fields": {"sku": "line.sku"}}}
    given = {"input": {"lines": [{"sku": "a"}, {}]}}
    found = run(
        fields,
        {**given, "error": {}},
        {**given, "error": {"code": "mapping.missing", "field": "lines[].sku"}},
        {**given, "error": {"code": "mapping.limit", "field": "lines[0].sku"}},
        {"input": {"lines": []}, "error": {}},
        {**given, "expect": {}},
    )
    assert [one.passed for one in found.results] == [True, True, False, False, False]
    assert words(found)[2] == [
        ": expected the code mapping.limit, got mapping.missing",
        ": expected the field lines[0].sku, got lines[1].sku",
    ]
    assert words(found)[3] == [": a failure was expected, and there was none"]
    assert words(found)[4][0].startswith("/lines/1/sku: failed: ")
    assert (found.results[4].failure or {})["field"] == "lines[1].sku"


def test_time_variables_and_randomness_are_the_case_s_own() -> None:
    fields = {"at": "now", "who": "run.id", "region": "vars.region", "draw": "uuid()"}
    case = {"input": {}, "vars": {"region": "eu"}, "now": "2030-01-01T00:00:00Z"}
    first, second = (run(fields, case).results[0].output for _ in range(2))
    assert first == second
    assert (first["at"], first["region"]) == ("2030-01-01T00:00:00Z", "eu")


def test_the_scope_of_a_flow_is_an_object_of_names() -> None:
    case = {"input": {"trigger": {"body": {"id": "1"}}, "steps": {"a": {"output": 2}}}, "expect": {"id": "1", "a": 2}}
    assert run({"id": "source.id", "a": "steps.a.output"}, case, scope="flow").passed


def test_the_target_must_satisfy_its_schema_and_the_input_is_doubted() -> None:
    found = run(
        {"id": "source.n"}, {"input": {"n": 1}, "expect": {"id": 1}}, target_schema="order@1", source_schema="order@1"
    )
    assert not found.passed
    assert words(found)[0][0].startswith(": the target breaks its schema at /id: ")
    assert "the input breaks the schema" in found.results[0].notes[0]
    assert run({"n": "source.n"}, {"input": {}, "error": {}}, source_schema="order@1").results[0].notes == []
    elsewhere = run({"id": "source.n"}, {"input": {"n": 1}}, source_schema="other@2")
    assert elsewhere.passed
    assert elsewhere.results[0].notes[0] == "the schema other@2 is not here; nothing is checked against it"


def test_a_mapping_that_does_not_compile_is_a_problem_not_a_crash() -> None:
    found = run({"id": "source.("}, {"input": {}})
    assert not found.passed
    assert found.problem
    assert run({"a": "lookup('vat', 1)"}, {"input": {}}, lookups={"vat": "vat@1"}).problem


def test_results_are_the_same_every_time_and_plain_json() -> None:
    case = {"input": {"id": "<b>&\u2028\x7f"}, "expect": {"id": "x"}}
    assert run({"id": "source.id"}, case).as_json() == run({"id": "source.id"}, case).as_json()
    assert run({"id": "source.id"}, case).as_json()["cases"][0]["differences"][0]["path"] == "/id"


def test_findings_name_double_names_and_odd_places() -> None:
    tests = [
        {"name": "a", "input": 1},
        {"name": "a", "input": 1, "expect": 1, "error": {}, "ignore": ["lines"], "tolerance": {"x": 1}},
    ]
    found = [(one.path, one.code) for one in case_findings({"tests": tests})]
    assert found == [
        ("/tests/1/name", "mapping.test_name"),
        ("/tests/1", "mapping.test"),
        ("/tests/1/tolerance", "mapping.test_place"),
        ("/tests/1/ignore", "mapping.test_place"),
    ]


def test_inputs_in_a_format_are_texts_and_values_go_past_it() -> None:
    fields = {"sku": "source.sku", "note": {"expr": "source.note", "on_missing": "omit"}}
    formats = {"input": {"format": "csv", "records": True}, "output": {"format": "csv"}}
    cases = [
        {"input": "sku,note\r\na,b\r\n", "expect": "sku,note\r\na,b\r\n"},
        {"input": {"sku": "a"}, "expect": {"sku": "a"}},
        {"input": "name\r\na\r\n", "error": {"code": "mapping.record"}},
    ]
    found = run(fields, *cases, **formats)
    assert [one.passed for one in found.results] == [True, True, True], words(found)
    assert missed(fields, *cases[:1], **formats) == ["note: omit"]


# -- coverage --------------------------------------------------------------------------------------------------------


def missed(fields: dict[str, Any], *tests: dict[str, Any], **changes: Any) -> list[str]:
    return [point.words for point in coverage(mapping(fields, *tests, **changes), resolve=resolve).missed]


BRANCHED = {
    "id": "source.id",
    "note": {"expr": "source.note", "default": "none"},
    "kind": {
        "choose": [
            {"when": "source.n > 9", "then": {"value": "big"}},
            {"when": "source.n > 5", "then": "source.m"},
        ],
        "otherwise": {"value": "small"},
    },
    "lines": {
        "each": "source.lines",
        "as": "line",
        "where": "line.n > 0",
        "fields": {"sku": "line.sku", "x": {"expr": "line.x", "on_missing": "omit"}},
    },
}


def test_without_cases_everything_is_missed() -> None:
    assert missed(BRANCHED) == [
        "id", "note", "note: value", "note: default", "kind: when 1", "kind", "kind: when 2", "kind: otherwise",
        "lines", "lines: kept", "lines: left out", "lines[].sku", "lines[].x", "lines[].x: value", "lines[].x: omit",
    ]  # fmt: skip


def test_branches_and_filters_are_reached_one_by_one() -> None:
    base = {"id": "1", "n": 7, "m": "m", "note": "n", "lines": [{"n": 1, "sku": "a", "x": 1}]}
    assert missed(BRANCHED, {"input": base}) == [
        "note: default", "kind: when 1", "kind: otherwise", "lines: left out", "lines[].x: omit",
    ]  # fmt: skip
    others = [
        {"input": {**base, "n": 10, "note": None, "lines": [{"n": 0}]}},
        {"input": {"id": "1", "n": 1, "lines": [{"n": 1, "sku": "b"}]}},
    ]
    assert missed(BRANCHED, {"input": base}, *others) == []
    found = coverage(mapping(BRANCHED, {"input": base}, *others), resolve=resolve)
    assert (found.percent, found.of("field"), found.as_json()["branches"]["missed"]) == (100, (6, 6), [])


def test_coverage_ends_in_time_and_says_so() -> None:
    found = coverage(mapping(BRANCHED, {"input": {"id": "1"}}, {"input": {}}), resolve=resolve, within_s=-1.0)
    assert "not all tests were looked at" in found.note
    assert len(found.reached) == 1


def test_a_field_that_failed_is_not_reached() -> None:
    assert missed({"a": "source.a", "b": "source.b"}, {"input": {"a": 1}}) == ["b"]


def test_filters_inside_of_filters_are_told_apart() -> None:
    inner = {"each": "o.items", "as": "i", "where": "i.y", "item": "i.v"}
    fields = {"all": {"each": "source", "as": "o", "where": "o.x", "fields": {"inner": inner}}}
    assert missed(fields, {"input": [{"x": True, "items": [{"y": 1, "v": 1}]}, {"x": False}]}) == [
        "all[].inner: left out"
    ]


def test_nested_choices_are_chains() -> None:
    inner = {"choose": [{"when": "source.b", "then": {"expr": "source.c", "on_missing": "null"}}]}
    fields = {"a": {"choose": [{"when": "source.a", "then": inner}]}}
    assert missed(fields, {"input": {"a": 1, "b": 1}}) == [
        "a: when 1 / when 1 / value", "a: when 1 / none", "a: none",
    ]  # fmt: skip


@pytest.mark.parametrize("input_", [None, [], "x", 5, {"lines": "no"}, {"lines": [[[[]]]]}])
def test_odd_inputs_reach_little_and_break_nothing(input_: Any) -> None:
    content = mapping(BRANCHED, {"input": input_, "expect": {}})
    assert coverage(content, resolve=resolve).percent < 50
    assert not run_cases(content, resolve=resolve).passed
