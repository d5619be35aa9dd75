"""Functions lent downwards."""

import pytest

from ipaas.core import providers


def test_registered_function_is_found_and_can_be_replaced():
    providers.register("tests.answer", len)
    providers.register("tests.answer", len)
    assert providers.get("tests.answer") is len
    with providers.replaced("tests.answer", max), providers.replaced("tests.other", min):
        assert providers.get("tests.answer") is max
    assert providers.get("tests.answer") is len
    with pytest.raises(LookupError, match="already"):
        providers.register("tests.answer", max)


def test_missing_function_is_named():
    with pytest.raises(LookupError, match=r"tests\.nothing"):
        providers.get("tests.nothing")
