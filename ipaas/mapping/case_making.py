"""Making cases: from the values that a run gave, from the edges of a schema; with what comes out as expectation."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from ipaas.contracts.edge_values import MOST_VALUES, edge_values
from ipaas.core import yaml_edit
from ipaas.core.document_forms import exact, normalise, read_document
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.mapping.cases import NOW, Content, Resolve, Tester

JSON = Any
Case = dict[str, Any]
Change = Callable[[Content], list[Case]]
MOST_NAME = 120
_OWN = frozenset({"vars", "run", "now"})


def case_of_scope(tester: Tester, name: str, scope: Mapping[str, JSON]) -> Case:
    """A case with the values that a step of a run saw, as far as the mapping reads them.

    Values must be fit to be kept: made up where they are sensitive. Raises ``InvalidInput`` for numbers that a
    document can not hold.
    """
    reads = [path.split(".") for path in sorted(tester.compiled.reads)]
    top = {path[0] for path in reads}
    case: Case = {"name": name[:MOST_NAME], "input": scope.get("source")}
    if tester.content.get("scope") == "flow":
        case["input"] = {key: _read_part(key, scope[key], reads) for key in scope if key in top - _OWN}
    variables = scope.get("vars") or {}
    whole = ["vars"] in reads
    read = {key: variables[key] for key in variables if whole or any(path[:2] == ["vars", key] for path in reads)}
    if read:
        case["vars"] = read
    if "now" in top:
        case["now"] = str(scope.get("now") or NOW)
    kept: Case = normalise(case)
    return with_outcome(tester, kept)


def _read_part(key: str, value: JSON, reads: Collection[list[str]]) -> JSON:
    """Of the results of steps those that are read."""
    if key != "steps" or ["steps"] in reads or not isinstance(value, Mapping):
        return value
    return {step: found for step, found in value.items() if any(path[:2] == ["steps", step] for path in reads)}


def with_outcome(tester: Tester, case: Content) -> Case:
    """The case with what comes out of it now: the target, or the error, in the place of what it expected."""
    kept = {key: value for key, value in case.items() if key not in ("expect", "error")}
    result = tester.run(kept)
    if result.failure is None:
        return {**kept, "expect": normalise(result.output)}
    return {**kept, "error": {"code": result.failure["code"], "field": result.failure["field"]}}


def cases_of_schema(tester: Tester, schema: JSON, *, taken: Collection[str] = ()) -> list[Case]:
    """A case for each edge of the source's schema, without those whose name or input is there already."""
    made = []
    inputs = [case.get("input") for case in tester.content.get("tests", ())]
    for edge in edge_values(schema, most=MOST_VALUES):
        name = edge.name[:MOST_NAME]
        value = normalise(edge.value)
        if name in taken or value in inputs:
            continue
        made.append(with_outcome(tester, {"name": name, "input": value}))
    return made


def named_apart(cases: Collection[Case], taken: Collection[str]) -> Iterator[Case]:
    """The cases with a number behind each name that is taken."""
    names = set(taken)
    for case in cases:
        name, number = str(case["name"]), 2
        while name in names:
            name = f"{str(case['name'])[: MOST_NAME - 5]} {number}"
            number += 1
        names.add(name)
        yield {**case, "name": name}


# -- changes of the tests of a mapping: each takes the document and gives its tests as they shall be ------------------


def adding(cases: Collection[Case]) -> Change:
    """Cases behind the others; a name that is taken gets a number."""

    def change(content: Content) -> list[Case]:
        tests = list(content.get("tests", ()))
        return [*tests, *named_apart(cases, [case["name"] for case in tests])]

    return change


def adding_sample(scope: Mapping[str, JSON], resolve: Resolve, *, name: str, from_run: str) -> Change:
    """A case of what a step of a run saw, made-up values in it, with what comes out now."""

    def change(content: Content) -> list[Case]:
        case = case_of_scope(Tester(content, resolve), name, scope)
        return adding([{**case, "from_run": from_run}])(content)

    return change


def replacing(name: str, case: Case) -> Change:
    return lambda content: [case if one["name"] == name else one for one in those_named(content, [name])]


def removing(names: Collection[str]) -> Change:
    return lambda content: [case for case in those_named(content, names) if case["name"] not in names]


def accepting(names: Collection[str], resolve: Resolve) -> Change:
    """Those named expect what comes out now."""

    def change(content: Content) -> list[Case]:
        tests, tester = those_named(content, names), Tester(content, resolve)
        return [with_outcome(tester, case) if case["name"] in names else case for case in tests]

    return change


def generating(resolve: Resolve) -> Change:
    """A case for each edge of the source's schema that has none yet, behind the others."""
    return lambda content: [*content.get("tests", ()), *generated(content, resolve)]


def generated(content: Content, resolve: Resolve) -> list[Case]:
    """Cases for the edges of the schema that a mapping names as its source's."""
    reference = content.get("source_schema")
    if not isinstance(reference, str):
        message = said("cases are made from the schema of the source, and the mapping names none")
        raise InvalidInput([{"path": "/source_schema", "code": "mapping.no_schema", "message": message}])
    taken = {case["name"] for case in content.get("tests", ())}
    return cases_of_schema(Tester(content, resolve), resolve("schema", reference)["schema"], taken=taken)


def those_named(content: Content, names: Collection[str]) -> list[Case]:
    """All cases of a mapping; raises ``NotFound`` when one of the names is none of theirs."""
    tests = list(content.get("tests", ()))
    missing = set(names) - {case["name"] for case in tests}
    if missing:
        raise NotFound(what=said("test {name!r}", name=min(missing)))
    return tests


def with_tests(text: str, tests: list[Case]) -> str:
    """The text of a mapping with other tests, everything else in it as it was."""
    if not tests and "tests" not in read_document(text=text).content:
        return text
    deed: Any = "set" if tests else "remove"
    return yaml_edit.edited(text, [yaml_edit.Edit(deed, ("tests",), exact(tests))])
