"""The project speaks of itself alone."""

import re

from tests.architecture.sources import ROOT, tracked

TEXT = {".py", ".md", ".html", ".js", ".mjs", ".css", ".toml", ".yaml", ".yml", ".json", ".txt", ".sh", ""}
HERE = "tests/architecture/test_words.py"
# Places of one person's machine, and talk about how the work was organised instead of about the product.
WORKPLACE = re.compile(
    r"(?<![\w.])/(root|home/\w+)/[\w.]+/|\bissue #\d+\b"
    r"|\bco-authored-by\b",
    re.IGNORECASE,
)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def lines() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if path.suffix in TEXT and name not in {HERE, "package-lock.json"} and not name.startswith("requirements/"):
            text = path.read_text(errors="replace")
            found += [(f"{name}:{number}", line) for number, line in enumerate(text.splitlines(), 1)]
    return found


def test_no_words_of_the_workplace() -> None:
    assert [place for place, line in lines() if WORKPLACE.search(line)] == []


def test_nothing_is_left_for_later_in_a_comment() -> None:
    assert [place for place, line in lines() if UNFINISHED.search(line)] == []
