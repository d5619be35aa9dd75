"""Editing parts of a YAML text: what is not touched keeps its bytes, and the text says what was meant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipaas.core import yamlio
from ipaas.core.errors import InvalidInput
from ipaas.core.yaml_edit import Edit, edited

TEXT = """\
# What a shop sends.
kind: mapping
slug: order
fields:
  # The shop's own number.
  id: source.order.id   # never empty
  note: {expr: source.note, default: ""}

  lines:   # one per article
    each: source.lines
    fields:
      sku: line.sku
      # in pieces
      count: line.quantity
  address:
    city: source.city
# The end.
"""

CASES = {
    "a scalar keeps its comment": (Edit("set", ("fields", "id"), "source.nr"), "source.order.id ", "source.nr "),
    "inside of braces": (Edit("set", ("fields", "note", "default"), "a, b"), 'default: ""', "default: 'a, b'"),
    "objects are merged": (
        Edit("set", ("fields", "note"), {"expr": "source.note", "on_missing": "omit"}),
        'note: {expr: source.note, default: ""}',
        "note: {expr: source.note, on_missing: omit}",
    ),
    "a deep one": (Edit("set", ("fields", "lines", "fields", "sku"), "line.nr"), "sku: line.sku", "sku: line.nr"),
    "a new key": (
        Edit("set", ("fields", "lines", "fields", "unit"), "line.unit"),
        "      count: line.quantity\n",
        "      count: line.quantity\n      unit: line.unit\n",
    ),
    "a new key of the lists's level": (
        Edit("set", ("fields", "total"), {"expr": "sum(source.lines)"}),
        "    city: source.city\n",
        "    city: source.city\n  total: {expr: sum(source.lines)}\n",
    ),
    "a list gets a condition": (
        Edit("set", ("fields", "lines"), {
            "each": "source.lines", "where": "item.sku != ''", "fields": {"sku": "line.sku", "count": "line.quantity"},
        }),
        "      count: line.quantity\n",
        "      count: line.quantity\n    where: item.sku != ''\n",
    ),
    "one goes": (Edit("remove", ("fields", "id")), "  id: source.order.id   # never empty\n", ""),
    "one goes from braces": (Edit("remove", ("fields", "note", "default")), ', default: ""', ""),
    "the last goes": (Edit("remove", ("fields", "address", "city")), "address:\n    city: source.city", "address: {}"),
    "another name": (Edit("rename", ("fields", "lines"), name="rows"), "  lines:   #", "  rows:   #"),
    "an object in place of a text": (
        Edit("set", ("fields", "id"), {"expr": "source.order.id", "on_missing": "null"}),
        "id: source.order.id ", "id: {expr: source.order.id, on_missing: 'null'} ",
    ),
    "a text in place of an object": (
        Edit("set", ("fields", "address"), "source.address"), "address:\n    city: source.city",
        "address: source.address",
    ),
    "a long object in place of a text": (
        Edit("set", ("fields", "id"), {"choose": [{"when": "a", "then": "b"}]}),
        "id: source.order.id   # never empty\n", "id:   # never empty\n    choose:\n      - when: a\n        then: b\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_only_the_part_that_changes_is_written_anew(name: str) -> None:
    edit, old, new = CASES[name]
    assert TEXT.count(old) == 1
    assert edited(TEXT, [edit]) == TEXT.replace(old, new)


def test_a_key_moves_with_the_comment_above_it() -> None:
    text = edited(TEXT, [Edit("move", ("fields", "id"), name="note")])
    moved = "  # The shop's own number.\n  id: source.order.id   # never empty\n"
    note = '  note: {expr: source.note, default: ""}\n'
    assert text == TEXT.replace(moved, "").replace(note, note + moved)
    assert edited(text, [Edit("move", ("fields", "id"), name="")]) == TEXT


def test_an_empty_object_is_unfolded_by_its_first_key() -> None:
    text = edited("slug: a\nfields: {}  # none yet\ntitle: b\n", [Edit("set", ("fields", "id"), "source.id")])
    assert text == "slug: a\nfields:  # none yet\n  id: source.id\ntitle: b\n"


def test_json_stays_json() -> None:
    text = '{"slug": "a", "fields": {"id": "source.id"}}'
    changed = edited(text, [Edit("set", ("fields", "name"), "source.name, 'x'"), Edit("remove", ("fields", "id"))])
    assert yamlio.load(changed) == {"slug": "a", "fields": {"name": "source.name, 'x'"}}


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("a: &x {b: 1}\nc: *x\n", Edit("set", ("a", "b"), 2)),
        ("a: 1\n", Edit("remove", ("b",))),
        ("a: 1\n", Edit("set", ("a", "b", "c"), 2)),
        ("a: 1\nb: 2\n", Edit("rename", ("a",), name="b")),
        ("just words", Edit("set", ("a",), 2)),
        ("", Edit("set", ("a",), 2)),
    ],
)
def test_what_can_not_be_done_is_refused(text: str, edit: Edit) -> None:
    with pytest.raises(InvalidInput):
        edited(text, [edit])


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12) | st.sampled_from(
    ["source.a", "a: b", "# no", "- x", "{a", "yes", "007", "1.5", "null", "a\nb\n", " a ", "'", '"', "a #b"]
)
leaves = words | st.integers(-5, 5) | st.booleans() | st.none()
names = st.text("abc_", min_size=1, max_size=4) | words.filter(
    lambda text: text.strip() != "" and text != "<<" and "\n" not in text
)
trees = st.recursive(leaves, lambda part: st.dictionaries(names, part, max_size=4) | st.lists(part, max_size=3))
objects = st.dictionaries(names, trees, min_size=1, max_size=5)


@settings(max_examples=40)
@given(content=objects, key=names, value=trees, inner=names, flow=st.booleans())
def test_whatever_is_set_is_read_back(content: object, key: str, value: object, inner: str, flow: bool) -> None:
    text = yamlio.dump({"head": 1, "fields": content, "tail": 2}, flow=flow)
    once = edited(text, [Edit("set", ("fields", key), value)])
    twice = edited(once, [Edit("set", ("fields", key), {inner: value})])
    assert yamlio.load(once) == {"head": 1, "fields": {**content, key: value}, "tail": 2}  # type: ignore[dict-item]
    assert yamlio.load(twice)["fields"][key] == {inner: value}  # type: ignore[index,call-overload]
    assert edited(twice, [Edit("remove", ("fields", key))]) != twice
