"""The mapping editor with 300 fields: the server's answer to a change, suggested matches, and all of it in Chromium.

What the server does for one answer: the edit of the text, reading it, checking it, its outline, the results on each
sample, and the JSON of all that. Medians of ``--rounds`` changes; every change is another expression, so that nothing
of it is compiled already. The time of the processor is what a machine with nothing else to do would take.

Then an instance of its own is started, and Chromium opens the editor on a mapping of 300 fields with schemas of both
sides and three samples: from the navigation until every field and its results stand there, from a key in a field to the
answer (by the browser's own clock, HTTP included) and to the new result on the screen, and the suggested matches for
300 fields. ``--no-browser`` leaves that out.
"""

import argparse
import os
import shutil
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import django

from bench import growth
from bench.browser import FLAGS, LOOK_MS, LOOKS
from bench.victim import instance

if TYPE_CHECKING:
    from playwright.sync_api import Page

FIELDS, GROUPS = 300, 30
SAMPLES = (1, 3, 6)
TARGET = "li[data-path='group_0.field_1']"
WATCH = """new MutationObserver((_, observer) => {
  if (!document.querySelector("[data-mapping][data-ready]")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.usableMs = performance.now(); }));
}).observe(document, {subtree: true, attributes: true, attributeFilter: ["data-ready"]})"""
ANSWERS = """(name) => performance.getEntriesByType("resource").filter((one) => one.name.endsWith(name))
  .map((one) => [one.responseEnd - one.startTime, one.encodedBodySize, one.decodedBodySize])"""
PARTS = """() => {
  const page = performance.getEntriesByType("navigation")[0];
  const [fields] = performance.getEntriesByType("resource").filter((one) => one.name.endsWith("-fields/"));
  return [page.responseStart, page.domInteractive, fields.startTime, fields.responseEnd];
}"""
SEEN = """([at, text]) => new Promise((resolve) => {
  const row = document.querySelector(at + " .map-value");
  const begun = performance.now();
  const look = () => row.textContent.includes(text)
    ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun))) : setTimeout(look, 2);
  look();
})"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--no-browser", action="store_true")
    given = parser.parse_args()
    rounds = given.rounds
    if not given.no_browser:
        in_browser(rounds)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")
    django.setup()
    print(f"{FIELDS} fields in {GROUPS} objects, medians of {rounds}")
    print(f"{'samples':>8} {'ms':>8} {'CPU ms':>8} {'KB':>6}")
    for samples in SAMPLES:
        answer, size = _answers(samples)
        answer(-1)
        spent = [_timed(answer, number) for number in range(rounds)]
        wall, cpu = (statistics.median(times) for times in zip(*spent, strict=True))
        print(f"{samples:>8} {wall:>8.1f} {cpu:>8.1f} {size() / 1000:>6.0f}")
    wall, cpu = _timed(_suggestions(), 0)
    print(f"matches for {FIELDS} fields among {FIELDS} places: {wall:.0f} ms, {cpu:.0f} ms of CPU")
    return 0


def _timed(deed: Callable[[int], None], number: int) -> tuple[float, float]:
    """Milliseconds of the clock and of the processor."""
    started, worked = time.perf_counter(), time.process_time()
    deed(number)
    return (time.perf_counter() - started) * 1000, (time.process_time() - worked) * 1000


def document() -> str:
    """Two thirds calls of functions, one third plain reading with a default."""
    lines = ["kind: mapping", "slug: big", "title: Big", "fields:"]
    for group in range(GROUPS):
        lines.append(f"  group_{group}:")
        for one in range(FIELDS // GROUPS):
            place = f"source.order.part_{group}.name_{one}"
            made = f"{{expr: {place}, default: ''}}" if one % 3 == 0 else f"upper({place}) ~ '-' ~ {one}"
            lines.append(f"    field_{one}: {made}")
    return "\n".join(lines) + "\n"


def source() -> dict[str, Any]:
    size = FIELDS // GROUPS
    return {"order": {f"part_{part}": {f"name_{one}": f"value {one}" for one in range(size)} for part in range(GROUPS)}}


def _answers(samples: int) -> tuple[Callable[[int], None], Callable[[], int]]:
    from ipaas.core import jsonio
    from ipaas.core.document_forms import read_document
    from ipaas.core.yaml_edit import Edit, edited
    from ipaas.web.pages.mapping_board import Given, Sample, board_of

    text, size = document(), 0
    given = [Sample(str(number), {"source": source(), "vars": {}}) for number in range(samples)]

    def answer(number: int) -> None:
        nonlocal size
        value = f"upper(source.order.part_0.name_1) ~ '{samples} {number}'"
        changed = edited(text, [Edit("set", ("fields", "group_0", "field_1"), value)])
        content = read_document(text=changed).content
        size = len(jsonio.dumps({"text": changed, **board_of(Given(content, given))}))

    return answer, lambda: size


def _suggestions() -> Callable[[int], None]:
    from ipaas.mapping.places import Place, value_places
    from ipaas.mapping.suggesting import Wanted, suggest

    places = value_places(source(), "source")
    wanted = [
        Wanted(Place(place.path.removeprefix("source."), place.name, place.depth), (place.name,))
        for place in places
        if place.depth == 3
    ]

    def deed(_number: int) -> None:
        suggest(wanted, places)

    return deed


# -- in the browser ---------------------------------------------------------------------------------------------------


def in_browser(rounds: int) -> None:
    """An instance with two mappings of 300 fields, one of them empty but for one field, seen by Chromium."""
    from playwright.sync_api import sync_playwright

    with instance("--no-demo") as running:
        os.environ.update(running.state.environment)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")
        django.setup()
        name, _, value = _workspace().partition("=")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            context = browser.new_context(base_url=f"http://127.0.0.1:{running.port}")
            context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
            context.add_init_script(WATCH)
            page = context.new_page()
            _opened(page, "big", rounds)
            _typed(page, rounds)
            _matched(page, rounds)
            browser.close()


def _opened(page: "Page", slug: str, rounds: int) -> None:
    usable, parts = [], []
    for _ in range(rounds + 1):
        usable.append(_open(page, slug))
        parts.append(page.evaluate(PARTS))
    rows = page.locator("[data-map=target] li").count()
    first, *warm = usable
    print(
        f"from navigation to {rows} rows with results: {first:.0f} ms at first, {statistics.median(warm):.0f} ms then"
    )


def _open(page: "Page", slug: str) -> float:
    page.goto(f"/w/bench/mappings/{slug}/edit/", wait_until="commit")
    for _ in range(LOOKS):  # the pages' policy forbids waiting inside them
        usable = float(page.evaluate("window.usableMs ?? 0"))
        if usable:
            return usable
        page.wait_for_timeout(LOOK_MS)
    raise TimeoutError(slug)


def _typed(page: "Page", rounds: int) -> None:
    page.locator(f"{TARGET} .map-row").click()
    seen = []
    for number in range(rounds):
        page.keyboard.press("Control+End")
        page.keyboard.type(f" ~ '{number:02}'"[:-1])
        page.evaluate("performance.clearResourceTimings()")
        page.keyboard.press("'")
        seen.append(float(page.evaluate(SEEN, [TARGET, f"{number:02}"])))
    took, sent, size = page.evaluate(ANSWERS, "-fields/")[-1]
    print(f"a key in a field: seen after {statistics.median(seen):.0f} ms, 160 of them waiting for the next key")
    print(f"the answer by HTTP: {took:.0f} ms, {sent / 1000:.0f} KB sent for {size / 1000:.0f} KB")


def _matched(page: "Page", rounds: int) -> None:
    _open(page, "empty")
    for _ in range(rounds):
        with page.expect_response("**/-suggest/"):
            page.get_by_role("button", name="Suggest matches").click()
        page.locator("[data-map=suggestions]:not([hidden])").wait_for()
    answers = page.evaluate(ANSWERS, "-suggest/")
    found = page.locator("[data-map=suggestions] li").count()
    took = statistics.median(one[0] for one in answers)
    print(f"{found} suggested matches by HTTP: {took:.0f} ms")


def _workspace() -> str:
    """A workspace with schemas of 300 places, the mapping, and one that makes nothing yet; the session's cookie."""
    from ipaas.accounts import services as accounts
    from ipaas.core.actor import SYSTEM
    from ipaas.governance.services import apply_document

    workspace = accounts.create_workspace(slug="bench", name="Bench", actor=SYSTEM)
    accounts.create_environment(workspace=workspace, slug="production", name="Production", actor=SYSTEM)
    size = range(FIELDS // GROUPS)
    text = {"type": "string"}
    parts = {f"part_{part}": _object({f"name_{one}": text for one in size}) for part in range(GROUPS)}
    groups = {f"group_{part}": _object({f"field_{one}": text for one in size}) for part in range(GROUPS)}
    read = {"order": _object(parts)}
    for slug, properties, given in (("from", read, [source()] * 3), ("to", groups, []), ("alike", parts, [])):
        content = {"kind": "schema", "slug": slug, "title": slug, "schema": _object(properties), "examples": given}
        apply_document(actor=SYSTEM, workspace=workspace, content=content)
    shapes = "source_schema: from\ntarget_schema: {}\nfields:\n"
    empty = "kind: mapping\nslug: empty\ntitle: Empty\n" + shapes.format("alike") + "  x: source.order.part_0.name_0\n"
    apply_document(actor=SYSTEM, workspace=workspace, text=document().replace("fields:\n", shapes.format("to")))
    apply_document(actor=SYSTEM, workspace=workspace, text=empty)
    return growth.sign_in(workspace.id)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}
