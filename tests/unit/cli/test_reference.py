"""The reference of the command line and of the errors is generated and current."""

from pathlib import Path

import pytest

from ipaas.cli.reference import pages

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", ["cli.md", "errors.md"])
def test_the_reference_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text() == pages()[name], "run: python -m ipaas.cli.reference docs/reference"


def test_every_command_says_what_it_does() -> None:
    assert "\n\nNone\n" not in pages()["cli.md"]
