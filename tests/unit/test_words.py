"""Names as words, and words as names."""

import pytest

from ipaas.core.words import case_of, cased, is_cased, singular_words, words_of


@pytest.mark.parametrize("name", ["order_id", "orderId", "OrderId", "order-id", "ORDER_ID", "Order ID"])
def test_every_spelling_has_the_same_words(name: str) -> None:
    assert words_of(name) == ("order", "id")


@pytest.mark.parametrize(
    ("case", "name"), [("snake", "order_id"), ("camel", "orderId"), ("kebab", "order-id"), ("pascal", "OrderId")]
)
def test_words_as_a_name_of_each_case(case: str, name: str) -> None:
    assert cased(("order", "id"), case) == name
    assert is_cased(name, case)
    assert case_of(name) == case
    others = {"snake", "camel", "kebab", "pascal"} - {case}
    assert not any(is_cased(name, one) for one in others)


def test_names_are_compared_in_the_singular() -> None:
    assert singular_words("DeliveryAddresses") == ("delivery", "addresse")
    assert singular_words("categories") == singular_words("category")
