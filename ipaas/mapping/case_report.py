"""Results of tests as JUnit XML, which every continuous integration reads."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from ipaas.mapping.cases import CaseResult, CasesResult

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(tested: Sequence[tuple[str, CasesResult, float]]) -> str:
    """One suite for each mapping: the name of its file, its results, and how many seconds they took."""
    root = ElementTree.Element("testsuites", name="mappings")
    for file, result, seconds in tested:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_fit(result.slug or file),
            file=_fit(file),
            tests=str(len(result.results) + bool(result.problem)),
            failures=str(result.failed),
            errors=str(int(bool(result.problem))),
            time=f"{seconds:.3f}",
        )
        if result.problem:
            case = ElementTree.SubElement(suite, "testcase", classname=_fit(result.slug or file), name="(document)")
            ElementTree.SubElement(case, "error", message=_fit(result.problem)).text = _fit(result.problem)
        for one in result.results:
            _case(suite, result.slug, one)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _case(suite: ElementTree.Element, slug: str, result: CaseResult) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=_fit(slug), name=_fit(result.name))
    lines = [f"{one.path or '/'}: {one.message}" for one in result.differences]
    if not result.passed:
        ElementTree.SubElement(case, "failure", message=_fit(lines[0])).text = _fit("\n".join(lines))
    if result.notes:
        ElementTree.SubElement(case, "system-out").text = _fit("\n".join(result.notes))


def _fit(text: str) -> str:
    """Without the characters that XML 1.0 can not hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
