"""Two contents of a document side by side: as lines of their YAML, and as single changes with their places."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipaas.core.document_forms import Change, difference
from ipaas.flows.yaml_form import to_yaml


@dataclass(frozen=True, slots=True)
class Comparison:
    """``text`` is a unified diff, empty when the contents are equal; only it tells of another order of blocks."""

    text: str
    changes: tuple[Change, ...]


def compare(before: Mapping[str, Any], after: Mapping[str, Any], *, names: tuple[str, str]) -> Comparison:
    """What turns one content into the other; ``names`` head the two sides of the text."""
    lines = difflib.unified_diff(
        to_yaml(before).splitlines(keepends=True), to_yaml(after).splitlines(keepends=True), *names
    )
    return Comparison("".join(lines), tuple(difference(dict(before), dict(after))))
