"""The part of the generated suite that walks through lists."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ipaas.sdk.manifest import ActionSpec, Effect
from ipaas.sdk.pages import ALL_PAGES

if TYPE_CHECKING:
    from ipaas.sdk.testing import Bench, ConnectorSuite

PLENTY = 210
"""Entities that are more than a page."""
_A_PARAM = re.compile(r"\{\{\s*params\.([A-Za-z0-9_]+)\s*\}\}")


def check(holds: object, message: str) -> None:
    """Fail with a sentence; works where assert statements are not rewritten."""
    if not holds:
        raise AssertionError(message)


class PageChecks:
    """What every list must keep."""

    async def test_pages_end_and_hold_every_item_once(self: "ConnectorSuite") -> None:  # type: ignore[misc]  # a part of it
        for action in self.stub_actions:
            if action.pagination is None or action.effect != Effect.SAFE:
                continue
            async with self.bench() as bench:
                await bench.run_before(action.name)
                await _walk(bench, action)


async def _walk(bench: "Bench", action: ActionSpec) -> None:
    params = _of_a_small_page(action, bench.example(action.name))
    items = bench.connector.action(action.name).pager
    check(items is not None, f"{action.name} has a pagination that was not compiled")

    async def listed(**more: bool) -> tuple[list[Any], int]:
        io = bench.io()
        result = await bench.connector.execute(action.name, {**params, **more}, io)
        found = items.items.evaluate({"data": result.data}) if items is not None else []
        return found, len(io.wire)

    hint = "seed what the example asks for"
    check((await listed())[0], f"the stand-in has nothing for {action.name} to list: {hint}")
    size = action.pagination.size if action.pagination is not None else None
    _multiply(bench, action.name, max(PLENTY, 2 * size + 1 if isinstance(size, int) else 0))
    page, _ = await listed()
    pages = f"{action.name} gives all items at once: its stand-in serves no pages by {_kind(action)}"
    check(len(page) < PLENTY or isinstance(size, int), pages)
    wanted = 2 * len(page) + 1
    _keep(bench, action.name, wanted)
    found, requests = await listed(**{ALL_PAGES: True})
    check(len(found) == wanted, f"the pages of {action.name} hold {len(found)} items, not {wanted}")
    check(requests in (3, 4), f"{action.name} made {requests} requests for three pages")


def _kind(action: ActionSpec) -> str:
    return action.pagination.kind if action.pagination is not None else ""


def _of_a_small_page(action: ActionSpec, example: Mapping[str, Any]) -> dict[str, Any]:
    """The example, asking for pages of two items where a parameter says how many, and for the first page."""
    params, pages = {**example}, action.pagination
    if pages is None:
        return params
    params.pop(pages.param, None)
    found = _A_PARAM.fullmatch(pages.size.strip()) if isinstance(pages.size, str) else None
    if found is not None:
        schema = action.params_schema.get("properties", {}).get(found[1], {})
        params[found[1]] = max(2, int(schema.get("minimum", 1)))
    return params


def _multiply(bench: "Bench", name: str, least: int) -> None:
    """Copies of what the stand-in lists, until there are that many; members that a list is sorted by go on."""
    vendor = bench.server.vendors[bench.connector.slug]
    operation = vendor.operations[name]
    kind = vendor.state.entities.setdefault(operation.entity, {})
    originals = list(kind.values())
    sorted_by = {operation.sort, operation.after[0] if operation.after else ""} - {""}
    for number in range(least):
        one = originals[number % len(originals)]
        kind[f"kit-{number:06}"] = {**one, **{member: f"{one.get(member)}-{number:06}" for member in sorted_by}}


def _keep(bench: "Bench", name: str, most: int) -> None:
    """As many entities of the list as wanted, those that the example's filter lets through."""
    vendor = bench.server.vendors[bench.connector.slug]
    kind = vendor.state.entities[vendor.operations[name].entity]
    for key in list(kind)[: len(kind) - most]:
        del kind[key]
