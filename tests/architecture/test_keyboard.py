"""The keyboard map of the reference is the one that the pages show."""

import re

from ipaas.web.keyboard import GO, KEYS
from ipaas.web.shell import NAVIGATION
from tests.architecture.sources import ROOT

REFERENCE = (ROOT / "docs" / "reference" / "keyboard.md").read_text()
TABLES = re.findall(r"^\| (`.*`) \| (.+) \|$", REFERENCE, re.MULTILINE)
ROWS = {tuple(re.findall(r"`([^`]+)`", keys)): said for keys, said in TABLES}
PAGES = {key: label for _group, entries in NAVIGATION for key, label, *_rest in entries}


def test_every_key_is_documented_as_it_is_shown() -> None:
    fixed = {keys: label for rows in KEYS.values() for keys, label in rows}
    going = {("g", letter): PAGES[key] for key, letter in GO.items()}

    assert {**fixed, **going} == ROWS


def test_every_page_has_a_letter_of_its_own() -> None:
    assert GO.keys() == PAGES.keys()
    assert len(set(GO.values())) == len(GO)
