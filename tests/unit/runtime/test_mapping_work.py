"""A mapping that takes long lets the other runs of its worker go on; both ways give the same."""

import asyncio
from typing import Any

import pytest

from ipaas.mapping import engine
from ipaas.mapping.engine import BESIDE, CompiledMapping, MappingFailed
from ipaas.runtime import mapping_work
from ipaas.runtime.mapping_work import mapped

MANY = {"rows": [{"a": number} for number in range(5_000)]}
SCOPE = {"run": {"id": "r-1"}}


def compiled(**content: Any) -> CompiledMapping:
    return engine.compile({"slug": "m", **content})


def work(mapping: CompiledMapping, source: Any) -> tuple[Any, int]:
    """The target or the failure, and how often another task got its turn meanwhile."""

    async def go() -> tuple[Any, int]:
        turns, done = 0, False

        async def other() -> None:
            nonlocal turns
            while not done:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(other())
        try:
            made = await mapped(mapping, source, SCOPE, "step#1")
        except MappingFailed as error:
            made = error
        seen, done = turns, True
        await beside
        return made, seen

    return asyncio.run(go())


def test_what_is_quick_is_done_on_the_loop_at_once() -> None:
    assert work(compiled(fields={"id": "source.id"}), {"id": "x"}) == ({"id": "x"}, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"rows": {"each": "source.rows", "as": "r", "fields": {"a": "r.a * 2", "u": "uuid()"}}},
        {"total": "source.rows | sum(item.a)", "first": "random()"},
    ],
)
def test_long_work_leaves_turns_to_others_and_draws_the_same(fields: dict[str, Any]) -> None:
    mapping = compiled(fields=fields)
    made, turns = work(mapping, MANY)
    assert turns > 0
    assert made == mapping.apply(MANY, SCOPE, place="step#1")


def test_a_failure_is_explained_beside_the_loop() -> None:
    mapping = compiled(fields={"x": "source.nope.deeper"})
    failure, turns = work(mapping, {"rows": []})
    assert isinstance(failure, MappingFailed)
    assert "x" in failure.detail
    assert turns > 0


def test_one_that_was_slow_goes_beside_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = compiled(fields={"id": "source.id"})
    monkeypatch.setattr(mapping_work, "SLOW_NS", -1)
    assert work(mapping, {"id": "x"})[1] == 0  # the first tells that it is slow
    monkeypatch.undo()
    assert work(mapping, {"id": "x"})[1] > 0
    assert [mapping.pace.on_loop() for _ in range(BESIDE)] == [False] * (BESIDE - 1) + [True]


def test_texts_and_whole_documents_leave_turns_too() -> None:
    assert work(compiled(jsonata="$sum(rows.a)"), MANY)[1] > 0
    text, turns = work(compiled(template="{{ source.rows | map(item.a) | join(',') }}"), MANY)
    assert text.startswith("0,1,2,")
    assert turns > 0
