"""Every word that people read is in the message catalog, and the catalogs are whole."""

import ast
import re
from pathlib import Path

import pytest

from ipaas.web.i18n.browser import WORDS
from ipaas.web.i18n.catalog import KEYWORDS, faults, gathered, po_files
from ipaas.web.pages.mapping_words import mapping_words
from tests.architecture.sources import ROOT
from tests.architecture.visible_text import unmarked

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# Folders whose words are not all marked yet; the list only ever gets shorter. The component page is for developers.
UNMARKED = {"design"}
SAID = re.compile(r"""\bsay\("(\w+)\"""")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_text_of_a_template_is_marked(path: Path) -> None:
    if path.relative_to(ROOT / "templates").parts[0] in UNMARKED:
        pytest.skip("not marked yet")
    assert unmarked(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Save it</p>", ["Save it"]),
        ('<p>{% translate "Save it" %}</p>', []),
        ("<p>{% blocktranslate %}Save {{ name }}{% endblocktranslate %} now</p>", ["now"]),
        ('<c-button title="Save">{{ word }}</c-button>', ["Save"]),
        ('<c-button title="{% translate "Save" %}" variant="danger"><code>save</code></c-button>', []),
        ('{% timeago moment "never" %}{% timeago moment _("never") %}', ["never"]),
        ('{% state "draft" "Only a draft" %}{% state "draft" %}', ["Only a draft"]),
        ('{{ name|default:"Not named" }}', ["Not named"]),
        ("{% comment %}Words for developers{% endcomment %}{# more of them #}", []),
    ],
)
def test_the_search_sees_what_people_see(source: str, found: list[str]) -> None:
    assert [text for _line, text in unmarked(source)] == found


def test_no_message_stands_inside_a_formatted_string() -> None:
    """It would never be gathered: a message is taken out first."""
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / "ipaas").rglob("*.py"))
        for text in ast.walk(ast.parse(path.read_text()))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS
        if any(isinstance(one, ast.Constant) for one in call.args)
    ]

    assert found == []


def test_scripts_say_words_that_exist_and_all_of_them() -> None:
    scripts = "\n".join(path.read_text() for path in sorted((ROOT / "static" / "src").glob("*.js")))

    assert set(SAID.findall(scripts)) <= WORDS.keys()
    assert [name for name in WORDS if f'"{name}"' not in scripts] == []


def test_the_mapping_editor_says_words_that_exist() -> None:
    scripts = "\n".join(path.read_text() for path in sorted((ROOT / "static" / "src" / "mapping").glob("*.js")))
    words = mapping_words().keys()
    begun = (*re.findall(r"say\(`(\w+_)\$", scripts), "on_missing_", "on_null_")

    assert set(SAID.findall(scripts)) <= words
    assert [name for name in words if f'"{name}"' not in scripts and not name.startswith(begun)] == []


@pytest.mark.parametrize("language", po_files())
def test_catalog_is_whole(language: str) -> None:
    """Stale: run ``manage.py messages``. Missing: translate it. Placeholders: as in the English message."""
    assert faults(po_files()[language], gathered()) == []
