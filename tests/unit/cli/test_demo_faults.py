"""Faults as people write them on the command line."""

from typing import Any

import pytest

from ipaas.cli.demo_orders import fault_document
from ipaas.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("payments:503:30%", {"vendor": "payments", "percent": 30.0, "kind": "status", "status": 503}),
        ("shipping:reject:5%", {"vendor": "shipping", "percent": 5.0, "kind": "reject"}),
        ("smtp:reset", {"vendor": "smtp", "percent": 100.0, "kind": "reset"}),
        ("inventory:250ms:0.5%", {"vendor": "inventory", "percent": 0.5, "kind": "delay", "delay_ms": 250}),
    ],
)
def test_a_fault_is_read(text: str, document: dict[str, Any]) -> None:
    assert fault_document(text, 7) == {**document, "seed": 7}


@pytest.mark.parametrize("text", ["", "payments", "payments:often", "payments:200", "payments:503:half", "a:503:5%:x"])
def test_what_is_no_fault_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(InvalidInput, match="vendor:what:percent%"):
        fault_document(text, 1)
