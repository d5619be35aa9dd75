"""How the fields of a target are explained, and that both ways agree."""

from typing import Any

import pytest

from ipaas.mapping import engine
from ipaas.mapping.document import validate
from ipaas.mapping.errors import MappingFailed, MappingLimit, MappingMissing
from ipaas.mapping.explaining import MAX_TRACES
from tests.factories.flow_documents import mapping

ORDER: dict[str, Any] = {
    "id": "o1",
    "kind": "b2b",
    "total": 30,
    "note": None,
    "who": {"name": "Ada"},
    "customer": {"name": "Ada", "mail": "ada@example.org"},
    "lines": [{"sku": "b", "qty": 2}, {"sku": "c", "qty": 0}, {"sku": "a", "qty": 2}],
}
SCOPE = {"run": {"id": "r-1"}, "now": "2026-01-01T00:00:00Z", "vars": {"region": "eu"}}
LINES = {"each": "source.lines", "as": "line", "where": "line.qty > 0"}


def compiled(fields: dict[str, Any]) -> engine.CompiledMapping:
    document = mapping(fields=fields)
    assert validate(document) == []
    return engine.compile(document)


def one(fields: dict[str, Any], path: str, source: Any = ORDER) -> engine.FieldTrace:
    return next(trace for trace in compiled(fields).explain(source, SCOPE).fields if trace.path == path)


@pytest.mark.parametrize(
    ("fields", "path", "reads"),
    [
        ({"id": "source.id"}, "id", ("source.id",)),
        ({"a": {"b": "source.customer.name ~ vars.region"}}, "a.b", ("source.customer.name", "vars.region")),
        ({"at": "now"}, "at", ("now",)),
        ({"all": "source.customer"}, "all", ("source.customer",)),
        ({"all": "to_json(source.who) ~ source.who.name"}, "all", ("source.who", "source.who.name")),
        ({"last": "source.lines[-1].sku"}, "last", ("source.lines[2].sku",)),
        ({"s": "map(source.lines, item.sku)"}, "s", tuple(f"source.lines[{n}].sku" for n in range(3))),
        ({"n": "length(source.lines)"}, "n", ("source.lines",)),
        ({"x": "[1] + source.lines"}, "x", ("source.lines",)),
        ({"l": {**LINES, "fields": {"sku": "line.sku"}}}, "l[1].sku", ("source.lines[2].sku",)),
        ({"l": {**LINES, "fields": {"sku": "line.sku"}}}, "l", tuple(f"source.lines[{n}].qty" for n in range(3))),
        ({"l": {**LINES, "sort": "line.sku", "fields": {"sku": "line.sku"}}}, "l[0].sku", ("source.lines[2].sku",)),
        ({"k": {"value": 1}}, "k", ()),
        ({"m": {"choose": [{"when": "source.kind != ''", "then": "now"}]}}, "m", ("source.kind", "now")),
    ],
)  # fmt: skip
def test_a_field_tells_the_places_it_really_read(fields: dict[str, Any], path: str, reads: tuple[str, ...]) -> None:
    assert one(fields, path).reads == reads


CHOOSE = {
    "choose": [{"when": "source.kind == 'b2b'", "then": {"value": 1}}, {"when": "source.total > 20", "then": "2"}],
    "otherwise": {"expr": "source.nope", "default": 3},
}


@pytest.mark.parametrize(
    ("tree", "source", "value", "branch"),
    [
        (CHOOSE, {"kind": "b2b"}, 1, "when 1"),
        (CHOOSE, {"kind": "x", "total": 21}, 2, "when 2"),
        (CHOOSE, {"kind": "x", "total": 1}, 3, "otherwise / default"),
        ({"choose": CHOOSE["choose"]}, {"kind": "x", "total": 1}, None, "none"),
        ({"expr": "source.x", "on_missing": "omit"}, {}, None, "omit"),
        ({"expr": "source.x", "on_missing": "null"}, {}, None, "null"),
        ({"expr": "source.x", "default": 1, "on_null": "keep"}, {"x": None}, None, None),
        ({"expr": "source.x", "on_null": "omit"}, {"x": None}, None, "omit"),
        ({"expr": "source.x", "default": 1, "on_missing": "omit", "on_null": "default"}, {"x": None}, 1, "default"),
        ("source.total", {"total": 5}, 5, None),
    ],
)
def test_a_field_tells_the_way_that_was_taken(tree: Any, source: Any, value: Any, branch: str | None) -> None:
    found = one({"f": tree}, "f", source)
    assert (found.value, found.branch, found.error) == (value, branch, None)
    target = compiled({"f": tree}).apply(source, SCOPE)
    assert target == compiled({"f": tree}).explain(source, SCOPE).target
    assert target.get("f") == value


def test_one_fault_hides_no_other() -> None:
    fields = {
        "a": "source.id",
        "b": "source.nope",
        "c": {**LINES, "fields": {"x": "upper(line.qty)", "sku": "line.sku"}},
    }
    found = compiled(fields).explain(ORDER, SCOPE)
    assert found.target == {"a": "o1", "c": [{"sku": "b"}, {"sku": "a"}]}
    faults = {trace.path: trace.error for trace in found.fields if trace.error is not None}
    assert set(faults) == {"b", "c[0].x", "c[1].x"}
    assert isinstance(faults["b"], MappingMissing)
    assert faults["b"].params["reads"] == "source.nope (missing)"
    assert faults["c[1].x"].params["reads"] == "source.lines[2].qty (number)"


EVERY: dict[str, Any] = {
    "id": "source.id",
    "who": {"name": "upper(source.customer.name)", "mail": {"expr": "source.customer.phone", "on_missing": "omit"}},
    "at": "now",
    "key": "uuid()",
    "dice": {"expr": "random()", "on_missing": "null"},
    "lines": {
        **LINES,
        "sort": [{"by": "line.qty", "descending": True}, {"by": "line.sku"}],
        "fields": {
            "sku": "line.sku",
            "no": "loop.index",
            "key": "uuid()",
            "sizes": {"each": "range(line.qty)", "as": "n", "item": "n * loop.index"},
            "big": {"choose": [{"when": "line.qty > 1", "then": {"fields": {"value": "true"}}}]},
        },
    },
    "skus": {"each": "source.lines", "item": "item.sku"},
    "odd": {"each": "source.lines", "item": {"choose": [{"when": "item.qty > 0", "then": "item.sku"}]}},
    "last": {"value": [1, {"a": None}]},
}


def test_the_fast_and_the_explaining_way_agree_and_a_replay_draws_the_same() -> None:
    made = compiled(EVERY)
    target = made.apply(ORDER, SCOPE)
    assert list(target) == ["id", "who", "at", "key", "dice", "lines", "skus", "odd", "last"]
    assert target["lines"][0] == {
        "sku": "a", "no": 2, "key": target["lines"][0]["key"], "sizes": [0, 1], "big": {"value": True},
    }  # fmt: skip
    assert (target["skus"], target["odd"]) == (["b", "c", "a"], ["b", "a"])
    explained = made.explain(ORDER, SCOPE)
    assert explained.first_error is None
    assert explained.target == target == made.apply(ORDER, SCOPE)
    assert {type(part) for part in (explained.target["lines"], explained.target["last"])} == {list}
    other = made.apply(ORDER, {**SCOPE, "run": {"id": "r-2"}})
    elsewhere = made.apply(ORDER, SCOPE, place="step-2")
    assert len({target["key"], other["key"], elsewhere["key"], *(line["key"] for line in target["lines"])}) == 5


@pytest.mark.parametrize(
    ("sort", "skus"),
    [
        ("item.n", ["b", "a", "d", "c"]),
        ([{"by": "item.n", "descending": True}], ["a", "d", "b", "c"]),
        ([{"by": "item.t"}, {"by": "item.n", "descending": True}], ["d", "a", "b", "c"]),
    ],
)
def test_lists_are_sorted_by_several_keys_with_null_last(sort: Any, skus: list[str]) -> None:
    rows = [
        {"s": "a", "n": 2, "t": "y"},
        {"s": "b", "n": 1, "t": "y"},
        {"s": "c", "n": None, "t": "z"},
        {"s": "d", "n": 2, "t": "x"},
    ]
    fields = {"s": {"each": "source", "sort": sort, "item": "item.s"}}
    assert compiled(fields).apply(rows)["s"] == skus == compiled(fields).explain(rows).target["s"]


CUBE = {"each": "source", "item": {"each": "source", "item": {"each": "source", "item": "1"}}}


@pytest.mark.parametrize(
    ("tree", "source", "error", "reason"),
    [
        ({"each": "source", "sort": "item", "item": "item"}, [1, "a"], MappingFailed, "no order"),
        ({"each": "source", "sort": "item", "item": "item"}, [True], MappingFailed, "a boolean"),
        ({"each": "source", "item": "item"}, {"a": 1}, MappingFailed, "a list is needed, this is an object"),
        ({"each": "source", "item": "item"}, [1] * 10_001, MappingLimit, "more than 10000"),
        (CUBE, [1] * 300, MappingLimit, "too many steps"),
        ({"expr": "source.a", "on_null": "error"}, {"a": None}, MappingFailed, "null"),
        ({"expr": "source.a.b", "on_missing": "omit"}, {"a": "text"}, MappingFailed, "has no keys"),
        ({"each": "source", "where": "item.a", "item": "1"}, [{}], MappingMissing, "item.a is missing"),
        ("'x' * 3", None, MappingFailed, "a number is needed"),
    ],
)  # fmt: skip
def test_faults_name_their_field(tree: Any, source: Any, error: type[MappingFailed], reason: str) -> None:
    with pytest.raises(error, match=reason) as caught:
        compiled({"f": tree}).apply(source)
    assert caught.value.params["field"].startswith("f")
    assert caught.value.params["expression"]


def test_the_number_of_traces_is_capped_and_said() -> None:
    found = compiled({"f": {"each": "source", "item": "item"}}).explain(list(range(MAX_TRACES + 10)))
    assert (len(found.fields), found.left_out) == (MAX_TRACES, 11)
    assert len(found.target["f"]) == MAX_TRACES + 10


def test_costs_are_measured_per_field() -> None:
    found = compiled({"a": "source.id", "b": "sum(range(20000))"}).explain(ORDER, SCOPE)
    cheap, dear = (trace.cost_us for trace in found.fields)
    assert 0 < cheap < dear
