"""Components escape what they are given and see nothing but their own attributes."""

from types import SimpleNamespace

import pytest
from django.template import engines
from django.test import RequestFactory
from django_cotton.compiler_regex import CottonCompiler

from ipaas.web.templatetags import web_tags

HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def render(source: str, **context: object) -> str:
    template = engines["django"].from_string(CottonCompiler().process(source))
    return str(template.render(context, RequestFactory().get("/?q=a&page=2")))


@pytest.mark.parametrize(
    "source",
    [
        '<c-page_header :title="value" />',
        '<c-page_header title="{{ value }}" subtitle="{{ value }}" />',
        '<c-stat label="{{ value }}" :value="value" />',
        '<c-field name="a" label="{{ value }}" value="{{ value }}" />',
        '<c-field name="a" :label="value" :value="value" rows="3" />',
        '<c-copy value="{{ value }}" />',
        '<c-badge tone="ok">{{ value }}</c-badge>',
        '<c-editor name="a" :value="value" />',
        '<c-merge :before="value" :after="value" />',
        "{% timeago None value %}",
        "{% state value %}",
    ],
)
def test_hostile_text_never_becomes_markup(source: str) -> None:
    html = render(source, value=HOSTILE)
    assert "<img" not in html
    assert "&lt;img" in html.lower()


def test_the_text_of_an_attribute_is_escaped_once() -> None:
    assert "Tom &amp; Ann" in render('<c-page_header title="{{ value }}" />', value="Tom & Ann")


def test_a_component_does_not_see_the_context_of_its_page() -> None:
    assert "<select" not in render('<c-field name="a" label="A" />', options=[SimpleNamespace(value="x", label="X")])


def test_a_button_without_an_address_of_its_deed_is_a_real_button() -> None:
    assert 'type="submit"' in render('<c-button variant="primary">Save</c-button>')


def test_a_dialog_opens_without_scripts_when_the_address_asks_for_it() -> None:
    request = RequestFactory().get("/?dialog=replay")
    assert web_tags.dialog_open({"request": request}, "replay")  # type: ignore[arg-type] - a dict will do
    assert not web_tags.dialog_open({"request": request}, "cancel")  # type: ignore[arg-type] - a dict will do


def test_a_fragment_that_is_not_live_asks_nothing() -> None:
    assert "hx-get" not in render('<c-live id="a" url="/x" version="1" :active="no" />', no=False)
    assert 'hx-get="/x?v=1"' in render('<c-live id="a" url="/x" version="1" :active="yes" />', yes=True)


def test_query_changes_one_parameter_and_keeps_the_rest() -> None:
    assert render("{% query page='' q='b' %}") == "?q=b"


@pytest.mark.parametrize(("offset", "length"), [(0, 10), (5000, 900), (4990, None), (9_000, 10)])
def test_a_bar_stays_on_the_axis(offset: float, length: float | None) -> None:
    html = web_tags.bar(offset, length, 5000, "ok")
    left = float(html.split('x="')[1].split("%")[0])
    width = float(html.split('width="')[1].split("%")[0])
    assert left >= 0
    assert left + width <= 100.01
    assert width > 0
