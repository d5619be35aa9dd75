"""Suggested matches: which place fills which field, and why."""

from typing import Any

import pytest

from ipaas.core.errors import InvalidInput
from ipaas.mapping.filling import expression_of, fill
from ipaas.mapping.places import Place, schema_places, together, value_places
from ipaas.mapping.suggesting import Suggestion, Wanted, suggest

SOURCE = {
    "order": {
        "id": "SO-1",
        "totalAmount": 12.5,
        "customer": {"firstName": "Anna", "email": "anna@shop.example", "zip": "1012"},
        "items": [{"sku": "A", "qty": 2, "unit_price": 4}],
        "packages": [{"sku": "P", "weight": 2}],
    }
}


def places() -> list[Place]:
    return together([], value_places(SOURCE, "source"))


def wanted(path: str, type_: str = "", new_list: str = "", **more: Any) -> Wanted:
    steps = tuple(path.replace("[]", ".[]").split("."))
    holder = path.rpartition(".")[0].removesuffix("[]")
    place = Place(path, steps[-1], 0, type=type_, holder=holder, **more)
    return Wanted(place, steps, new_list=new_list)


def found(*fields: Wanted, synonyms: Any = None) -> dict[str, Suggestion]:
    return {one.target: one for one in suggest(fields, places(), synonyms)}


@pytest.mark.parametrize(
    ("field", "expression", "reason"),
    [
        (wanted("total_amount", "number"), "source.order.totalAmount", "same name"),
        (wanted("customer.email"), "source.order.customer.email", "both in customer"),
        (wanted("postal_code", "string"), "source.order.customer.zip", "zip is another word for postal code"),
        (wanted("mail", format="email"), "source.order.customer.email", "both are of the form e-mail address"),
        (wanted("email", examples=("anna@shop.example",)), "source.order.customer.email", "the same values occur"),
    ],
)
def test_a_field_is_matched_with_a_reason(field: Wanted, expression: str, reason: str) -> None:
    made = found(field)[field.place.path]
    assert made.expression == expression
    assert reason in made.reasons
    assert 0.5 <= made.score <= 1


def test_what_is_not_alike_is_not_offered() -> None:
    assert found(wanted("colour"), wanted("total_amount", "boolean", examples=(True,))).keys() <= {"total_amount"}
    assert found(wanted("colour")) == {}


def test_a_glossary_gives_more_words() -> None:
    assert found(wanted("vorname")) == {}
    made = found(wanted("vorname"), synonyms=lambda term: ["first name"] if term == "vorname" else [])
    assert made["vorname"].expression == "source.order.customer.firstName"


def test_a_new_list_goes_through_the_one_list_in_which_most_is_found() -> None:
    made = found(
        wanted("lines[].sku", new_list="lines"), wanted("lines[].quantity", new_list="lines"),
        wanted("lines[].unit_price", new_list="lines"),
    )  # fmt: skip
    assert {one.each for one in made.values()} == {"source.order.items"}
    assert [one.expression for one in made.values()] == ["item.sku", "item.qty", "item.unit_price"]


def test_a_list_that_is_made_already_gives_its_elements_their_name() -> None:
    field = Wanted(
        Place("lines[].sku", "sku", 1, holder="lines"), ("lines", "[]", "sku"), {"line": "source.order.items[]"}
    )
    assert found(field)["lines[].sku"].expression == "line.sku"


def test_an_expression_names_a_place() -> None:
    assert expression_of("source.lines[].sku", {}) == "source.lines[0].sku"
    assert expression_of("source.a b.c", {}) == 'source["a b"].c'
    assert expression_of("source.lines[].parts[].nr", {"line": "source.lines[]", "part": "source.lines[].parts[]"}) == (
        "part.nr"
    )


def test_a_field_comes_with_what_is_around_it() -> None:
    fields = {"id": "source.id", "to": {"city": "source.city"}, "rows": {"each": "source.rows", "fields": {"a": "b"}}}
    assert fill(fields, ["to", "zip"], "source.zip").path == ("fields", "to", "zip")
    assert fill(fields, ["rows", "[]", "b"], "item.b").path == ("fields", "rows", "fields", "b")
    edit = fill(fields, ["lines", "[]", "sku"], "item.sku", each="source.lines")
    assert (edit.path, edit.value) == (
        ("fields", "lines"), {"each": "source.lines", "as": "item", "fields": {"sku": "item.sku"}},
    )  # fmt: skip
    assert fill({}, ["a", "b"], "c").value == {"b": "c"}
    for taken in (["id", "x"], ["to", "[]", "x"], ["rows", "x"]):
        with pytest.raises(InvalidInput):
            fill(fields, taken, "y")


def test_a_schema_gives_the_fields_that_are_wanted() -> None:
    schema = {"properties": {"email": {"format": "email", "type": "string"}}}
    place = schema_places(schema, "")[1]
    assert suggest([Wanted(place, ("email",))], places())[0].reasons[:1] == ("same name",)
