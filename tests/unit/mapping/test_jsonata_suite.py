"""The official test suite of JSONata through the path of mappings.

``python3 -m tests.suites`` fetches it; ``IPAAS_JSONATA_SUITE`` names another folder, such as that of a newer version.
Every difference stands in ``DIFFERENCES`` and in docs/reference/jsonata.md: one more or one less fails.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipaas.core import jsonio
from ipaas.expressions import ExpressionError, ExpressionUndefined
from ipaas.expressions.limits import Budget, Draws
from ipaas.mapping.jsonata import Jsonata, compile_jsonata
from tests.suites import JSONATA

SUITE = Path(os.environ.get("IPAAS_JSONATA_SUITE") or JSONATA)
WITHIN_S = 5.0
MANY = 1_600
"""Cases that there are at least: a suite that is not found whole tells nothing."""
NOT_JSON = "the data is not JSON in UTF-8"
DIFFERENCES: dict[str, str] = {
    "descendent-operator/case016": "something else comes out",
    "encoding/case001": "it fails with T0411",
    "encoding/case003": "it fails with T0411",
    "flattening/large#0": "it fails with U1001",
    "flattening/large#1": "it fails with U1001",
    "function-encodeUrl/case002": NOT_JSON,
    "function-encodeUrlComponent/case002": NOT_JSON,
    "function-string/case019": "it fails with D1001, not with D3001",
    "function-string/case022": "something else comes out",
    "function-trim/case002": "it fails with T0411",
    "range-operator/case021": "it fails with U1001",
    "range-operator/case024": "it fails with U1001",
    "tail-recursion/case002": "it does not fail",
    "tail-recursion/case005": "it fails with D1011, not with U1001",
    "tail-recursion/case006": "it fails with D1012, not with U1001",
    "transform/case022": "something else comes out",
}


class Bound(Jsonata):
    """With the variables of a case instead of those of a run."""

    __slots__ = ("given",)

    def _bindings(self, *_arguments: Any) -> dict[str, Any]:
        return dict(GIVEN)


GIVEN: dict[str, Any] = {}


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted((SUITE / "groups").rglob("*.json")):
        found = json.loads(file.read_text("utf-8"))
        for number, case in enumerate(found if isinstance(found, list) else [found]):
            if "expr-file" in case:
                case["expr"] = (file.parent / case["expr-file"]).read_text("utf-8")
            yield f"{file.parent.name}/{file.stem}" + (f"#{number}" if isinstance(found, list) else ""), case


def source_of(case: dict[str, Any]) -> Any:
    if case.get("dataset"):
        return json.loads((SUITE / "datasets" / f"{case['dataset']}.json").read_text("utf-8"))
    return case.get("data")


def difference(case: dict[str, Any]) -> str:
    """What differs from the suite; empty where nothing does."""
    GIVEN.clear()
    GIVEN.update(case.get("bindings") or {})
    wanted = case.get("code") or (case.get("error") or {}).get("code")
    try:
        compiled = compile_jsonata(case["expr"], "round")
        program = Bound(*(getattr(compiled, name) for name in Jsonata.__slots__))
        source = jsonio.loads(json.dumps(source_of(case), ensure_ascii=False))
        budget = Budget(deadline=time.monotonic() + WITHIN_S, draws=Draws("suite"))
        found = program.evaluate({"now": "2026-01-01T00:00:00Z"}, source, budget)
    except (UnicodeError, jsonio.JsonInvalid):
        return NOT_JSON
    except ExpressionUndefined:
        return "" if "undefinedResult" in case else "nothing comes out"
    except ExpressionError as error:
        code = re.search(r"[STDU]\d{4}", error.reason)
        if wanted is None:
            return f"it fails with {code[0] if code else type(error).__name__}"
        return "" if code is None or code[0] == wanted else f"it fails with {code[0]}, not with {wanted}"
    if "result" in case and same(found, case["result"], ordered=not case.get("unordered")):
        return ""
    return "something else comes out" if wanted is None else "it does not fail"


def same(found: Any, wanted: Any, *, ordered: bool = True) -> bool:
    if isinstance(wanted, list) and isinstance(found, list):
        if not ordered:
            found, wanted = (sorted(one, key=jsonio.dumps) for one in (found, wanted))
        return len(found) == len(wanted) and all(same(*pair) for pair in zip(found, wanted, strict=True))
    if isinstance(wanted, dict) and isinstance(found, dict):
        return found.keys() == wanted.keys() and all(same(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, bool) or isinstance(found, bool) or not isinstance(wanted, int | float):
        return type(found) is type(wanted) and bool(found == wanted)
    return not isinstance(found, str) and found is not None and float(f"{float(wanted):.15g}") == float(found)


@pytest.mark.skipif(not SUITE.is_dir(), reason="python3 -m tests.suites has not fetched the suite")
def test_the_suite_passes_but_for_what_is_written_down() -> None:
    every = list(cases())
    assert len(every) > MANY
    assert {name: told for name, case in every if (told := difference(case))} == DIFFERENCES
