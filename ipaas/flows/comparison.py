"""Two states of a document side by side: as lines of their texts, and as single changes with their places."""

import difflib
from dataclasses import dataclass

from ipaas.core.document_forms import Change, difference
from ipaas.flows.yaml_form import Written


@dataclass(frozen=True, slots=True)
class Comparison:
    """``text`` is a unified diff, empty when the texts are alike; only it tells of comments and another order."""

    text: str
    changes: tuple[Change, ...]


def compare(before: Written, after: Written, *, names: tuple[str, str]) -> Comparison:
    """What turns one into the other; ``names`` head the two sides of the text."""
    lines = difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), *names, lineterm="")
    return Comparison("".join(f"{line}\n" for line in lines), tuple(difference(before.content, after.content)))
