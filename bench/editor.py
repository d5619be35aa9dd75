"""The mapping editor's answers: a mapping of 300 fields is changed in one field, and tried on samples again.

What the server does for one answer: the edit of the text, reading it, checking it, its outline, the results on each
sample, and the JSON of all that. A browser adds the way there and what it draws. Medians of ``--rounds`` changes; every
change is another expression, so that nothing of it is compiled already. The time of the processor is what a machine
with nothing else to do would take.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import django

FIELDS, GROUPS = 300, 30
SAMPLES = (1, 3, 6)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
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
