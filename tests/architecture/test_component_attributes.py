"""A component writes attributes that it does not name as they come: what the data says never goes there unescaped."""

import re
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "templates"
USE = re.compile(r'<c-([a-z_]+)((?:[^>"]|"[^"]*")*)>')
NAMED = re.compile(r"<c-vars([^>]*)/?>")


def passed_on() -> dict[str, set[str]]:
    """The components that write further attributes, and those that each names itself."""
    found = {}
    for file in (TEMPLATES / "cotton").glob("*.html"):
        text = file.read_text()
        named = NAMED.search(text)
        if "{{ attrs }}" in text:
            found[file.stem] = set(re.findall(r"([a-z_-]+)(?:=|\s|$)", named[1] if named else ""))
    return found


def test_no_value_is_handed_on_as_an_attribute_that_the_component_does_not_name() -> None:
    components = passed_on()
    assert set(components) == {"button", "choice", "field"}
    wrong = [
        (str(file.relative_to(TEMPLATES)), name, attribute)
        for file in TEMPLATES.rglob("*.html")
        for name, given in USE.findall(file.read_text())
        for attribute in re.findall(r"\s:([a-z_-]+)=", given)
        if name in components and attribute not in components[name]
    ]
    assert wrong == []
