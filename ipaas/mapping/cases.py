"""Tests of a mapping: cases that are kept with its document and run anywhere, without a server or a clock.

A case has a ``name``, an ``input`` and what it should give: ``expect``, the target, or ``error``, the code and the
field of a failure. ``tolerance`` and ``ignore`` say where the target may differ. ``vars``, ``now`` and the run are the
case's own, so that the same document gives the same results everywhere and always. Where the document describes a
format of its input, a text is an input in it, and the target is compared as it is written; else values go in and out.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ipaas.contracts.validators import CompiledValidator, compile_schema, schema_problems
from ipaas.core.document_forms import Finding, exact, pointer, refuse
from ipaas.core.errors import IpaasError, NotFound
from ipaas.core.phrases import said
from ipaas.mapping import engine
from ipaas.mapping.comparing import Difference, differences
from ipaas.mapping.engine import CompiledMapping
from ipaas.mapping.formats.applying import with_formats

JSON = Any
Content = Mapping[str, Any]
Resolve = Callable[[str, str], Content]
"""The content of a document by its kind and its reference (``slug@version``); raises ``NotFound``."""

NOW = "2026-01-01T00:00:00+00:00"
RUN_ID = "00000000-0000-7000-8000-000000000000"
WITHIN_S = 10.0
ALL_WITHIN_S = 60
MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went. ``output`` is the target that was made, ``failure`` how the mapping failed instead."""

    name: str
    passed: bool
    differences: list[Difference] = field(default_factory=list)
    output: JSON = None
    failure: dict[str, str] | None = None
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name, "passed": self.passed, "notes": list(self.notes)}
        found["differences"] = [one.as_json() for one in self.differences]
        return found | ({"failure": self.failure} if self.failure else {})


@dataclass(frozen=True, slots=True)
class CasesResult:
    """All cases of a mapping; with a ``problem`` none could run."""

    slug: str
    results: list[CaseResult] = field(default_factory=list)
    problem: str = ""

    @property
    def failed(self) -> int:
        return sum(not one.passed for one in self.results)

    @property
    def passed(self) -> bool:
        return not self.problem and not self.failed

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"mapping": self.slug, "passed": self.passed}
        found |= {"cases": [one.as_json() for one in self.results]}
        return found | ({"problem": str(self.problem)} if self.problem else {})


class Tester:
    """A mapping made ready to run its cases, or any input, once for all of them."""

    def __init__(self, content: Content, resolve: Resolve) -> None:
        """Raises ``IpaasError`` where the mapping does not compile or refers to what there is not."""
        self.content = content
        self.compiled: CompiledMapping = engine.compile(content, resolve=resolve)
        self.formatted = with_formats(self.compiled, content)
        self.notes: list[str] = []
        self._source = self._schema("source_schema", resolve)
        self._target = self._schema("target_schema", resolve)

    def _schema(self, key: str, resolve: Resolve) -> CompiledValidator | None:
        reference = self.content.get(key)
        if not isinstance(reference, str):
            return None
        try:
            schema = resolve("schema", reference)["schema"]
        except NotFound:
            self.notes.append(said("the schema {name} is not here; nothing is checked against it", name=reference))
            return None
        refuse(schema_problems(schema, f"{reference}: /schema"))
        return compile_schema(schema)

    def run(self, case: Content) -> CaseResult:
        name = str(case["name"])
        notes = list(self.notes)
        source, scope = scope_of(self.content, case)
        found = [] if self.is_text(source) else self._broken(self._source, source)
        if found and "error" not in case:
            notes.append(said("the input breaks the schema: {first}", first=found[0]))
        try:
            made = self.formatted if self.is_text(source) else self.compiled
            output = made.apply(source, scope, within_s=WITHIN_S)
        except IpaasError as failure:
            return _failed_case(name, case, failure, notes)
        return self._compared(name, case, output, notes)

    def is_text(self, source: JSON) -> bool:
        """Whether an input is one in the format of the document; any other is what expressions shall see of it."""
        return "input" in self.content and isinstance(source, str)

    def _compared(self, name: str, case: Content, output: JSON, notes: list[str]) -> CaseResult:
        if "error" in case:
            words = said("a failure was expected, and there was none")
            return CaseResult(name, False, [Difference("", "changed", words)], output, None, notes)
        found = [Difference("", "changed", words) for words in self._broken(self._target, output)]
        if "expect" in case:
            tolerance, ignore = case.get("tolerance"), case.get("ignore", ())
            found += differences(case["expect"], output, tolerance=tolerance, ignore=ignore)
        else:
            notes.append(said("nothing is expected: the case passes whatever comes out"))
        return CaseResult(name, not found, found, output, None, notes)

    def _broken(self, validator: CompiledValidator | None, value: JSON) -> list[str]:
        if validator is None or validator.is_valid(value):
            return []
        wrong = validator.errors(value)[:MOST_FINDINGS]
        return [
            said("the target breaks its schema at {place}: {message}", place=one["path"] or "/", message=one["message"])
            if validator is self._target
            else f"{one['path'] or '/'}: {one['message']}"
            for one in wrong
        ]


def run_cases(content: Content, *, resolve: Resolve, within_s: int = ALL_WITHIN_S) -> CasesResult:
    """Run every case of a valid mapping document; those that are left after ``within_s`` seconds count as failed."""
    slug = str(content.get("slug", ""))
    try:
        tester = Tester(content, resolve)
    except IpaasError as error:
        return CasesResult(slug, problem=error.detail)
    stop = time.monotonic() + within_s
    results = []
    for case in content.get("tests", ()):
        if time.monotonic() < stop:
            results.append(tester.run(case))
        else:
            late = Difference("", "changed", said("not run: the tests before took {seconds} seconds", seconds=within_s))
            results.append(CaseResult(str(case["name"]), False, [late]))
    return CasesResult(slug, results)


def scope_of(content: Content, case: Content) -> tuple[JSON, dict[str, JSON]]:
    """The source and the other names that expressions see in a case.

    With ``scope: flow`` the input is an object of names (``trigger``, ``steps``…), and the source is its ``source``,
    else the body of its trigger.
    """
    given = exact(case.get("input"))
    scope: dict[str, JSON] = {"vars": exact(case.get("vars", {})), "now": case.get("now", NOW)}
    scope["run"] = {"id": RUN_ID, "flow": "test"}
    if content.get("scope") != "flow":
        return given, scope
    names = given if isinstance(given, Mapping) else {}
    scope = {**scope, "trigger": {}, "steps": {}, "business_ids": {}, **names}
    trigger = scope["trigger"] if isinstance(scope["trigger"], Mapping) else {}
    return scope.pop("source", trigger.get("body")), scope


def failure_of(failure: IpaasError) -> dict[str, str]:
    return {"code": failure.code, "field": str(failure.params.get("field", "")), "message": failure.detail}


def _failed_case(name: str, case: Content, failure: IpaasError, notes: Sequence[str]) -> CaseResult:
    found = failure_of(failure)
    wanted = case.get("error")
    if wanted is None:
        wrong = [
            Difference(place_in_words(found["field"]), "changed", said("failed: {message}", message=failure.detail))
        ]
    else:
        wrong = [
            Difference("", "changed", said("expected the {key} {expected}, got {actual}", key=key, **values))
            for key in ("code", "field")
            if key in wanted and not _is_meant(str(wanted[key]), found[key])
            for values in [{"expected": wanted[key], "actual": found[key]}]
        ]
    return CaseResult(name, not wrong, wrong, None, found, list(notes))


def _is_meant(wanted: str, found: str) -> bool:
    """``lines[].sku`` means that field of any element."""
    return wanted == found or wanted == re.sub(r"\[\d+\]", "[]", found)


def place_in_words(place: str) -> str:
    """A JSON pointer for a place as the engine writes it (``lines[0].sku``)."""
    parts = re.findall(r"[^.\[\]]+", place)
    return "" if place == "(all)" else pointer(*parts)


# -- what is wrong with cases ----------------------------------------------------------------------------------------


def case_findings(content: Content) -> Iterator[Finding]:
    """What the form of the document does not say: names that occur twice, an expectation too many, odd places."""
    seen: set[str] = set()
    for number, case in enumerate(content.get("tests", ())):
        place = pointer("tests", number)
        if case["name"] in seen:
            yield Finding(
                f"{place}/name",
                "mapping.test_name",
                said("there is another test of the name {name!r}", name=case["name"]),
            )
        seen.add(case["name"])
        if "expect" in case and "error" in case:
            yield Finding(place, "mapping.test", said("a test expects a target or an error, not both"))
        for key in ("tolerance", "ignore"):
            for path in case.get(key, ()):
                if path and not path.startswith("/"):
                    words = said("{path!r} is no JSON pointer such as /lines/0/price", path=path)
                    yield Finding(f"{place}/{key}", "mapping.test_place", words)
