"""Files and functions stay small enough to read."""

import ast

import pytest

from tests.architecture.sources import Source, product_sources

LINES_OF_FILE = 450
LINES_OF_FUNCTION = 60
# Files over the limit, with the length that they may not exceed; the list only ever gets shorter.
LONG_FILES: dict[str, int] = {}


@pytest.mark.parametrize("source", product_sources(), ids=lambda source: source.name)
def test_file_is_short(source: Source) -> None:
    assert source.text.count("\n") <= LONG_FILES.get(source.name, LINES_OF_FILE)


def test_list_of_long_files_is_up_to_date() -> None:
    lengths = {source.name: source.text.count("\n") for source in product_sources()}

    assert {name for name in LONG_FILES if lengths.get(name, 0) <= LINES_OF_FILE} == set()


def test_functions_are_short() -> None:
    long = [
        f"{source.name}:{node.lineno} {node.name} has {length} lines"
        for source in product_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LINES_OF_FUNCTION
    ]

    assert long == []
