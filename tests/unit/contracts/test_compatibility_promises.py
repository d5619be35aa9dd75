"""Random schema pairs: documents must agree with what a verdict promises."""

import json
from collections import Counter
from typing import Any

import jsoncompat
from hypothesis import given, settings
from hypothesis import strategies as st

from ipaas.contracts.compatibility import check
from tests.unit.contracts.schema_pairs import compiled, documents, pair


@given(st.integers(0, 2**48))
@settings(max_examples=300, deadline=None)
def test_no_document_contradicts_a_compatible_verdict(seed: int) -> None:
    found = pair(seed)
    if found is None:
        return
    for mode in ("backward", "forward"):
        producing, accepting = found if mode == "backward" else found[::-1]
        if check(*found, mode).state == "compatible":
            broken = _broken(seed, producing, accepting)
            assert not broken, f"{mode}: {producing} → {accepting}: {broken[0]}"


def _broken(seed: int, producing: Any, accepting: Any, count: int = 60) -> list[Any]:
    before, after = compiled(producing), compiled(accepting)
    assert before is not None
    assert after is not None
    return [
        one for one in documents(seed, producing, accepting, count) if before.is_valid(one) and not after.is_valid(one)
    ]


@given(st.integers(0, 2**48))
@settings(max_examples=100, deadline=None)
def test_documents_without_undeclared_properties_agree_with_what_is_counted_upon(seed: int) -> None:
    found = pair(seed)
    if found is None or check(*found, "backward", undeclared="absent").state != "compatible":
        return
    closed = _closed(found[0])
    if compiled(closed) is not None:
        broken = _broken(seed, closed, found[1])
        assert not broken, f"{found[0]} → {found[1]}: {broken[0]}"


def _closed(schema: Any) -> Any:
    """The schema with every object closed that writes properties down, so that more than that is left out.

    Closing parts of an allOf, or beside other applicators, leaves out even more, which is no harm here.
    """
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        name: one if name in ("enum", "const", "not", "if", "contains") else _closed(one)
        for name, one in schema.items()
    }
    if isinstance(schema.get("properties"), dict) and schema["properties"] and "type" in schema:
        found.setdefault("additionalProperties", False)
    return found


def test_few_verdicts_are_undecided_and_incompatible_ones_have_a_document_that_shows_it() -> None:
    states: Counter[str] = Counter()
    shown = 0
    for seed in range(500):
        if (found := pair(seed)) is None:
            continue
        state = check(*found, "backward").state
        states[state] += 1
        shown += state == "incompatible" and bool(_broken(seed, *found, count=120))
    assert states["undecided"] < 0.12 * states.total(), states
    assert shown > 0.93 * states["incompatible"], (shown, states)
    assert min(states["compatible"], states["incompatible"]) > 0.25 * states.total(), states


def test_another_checker_agrees_or_is_only_more_careful() -> None:
    """Where jsoncompat refuses what we call proven, many documents are tried: it is careful, not wrong."""
    agreed = careful = 0
    for seed in range(150):
        if (found := pair(seed)) is None:
            continue
        try:
            theirs = jsoncompat.check_compat(json.dumps(found[0]), json.dumps(found[1]), "deserializer")
        except ValueError:  # a schema that it does not take
            continue
        ours = check(*found, "backward").state
        agreed += (ours == "compatible") == theirs
        if ours == "compatible" and not theirs:
            careful += 1
            assert not _broken(seed, *found, count=400), found
    assert agreed > 5 * careful > 0
