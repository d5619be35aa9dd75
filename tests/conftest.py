"""What every test shares."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import TransactionTestCase


@pytest.fixture(scope="session", autouse=True)
def flush_past_the_append_only_guard() -> Iterator[None]:
    """Between tests that commit, every table is emptied; the audit trail's own trigger rightly refuses that.

    Only this clean-up switches triggers off, for its own connection and moment.
    """
    original = TransactionTestCase._fixture_teardown

    def teardown(self: Any) -> None:
        with connections["default"].cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
        try:
            original(self)
        finally:
            with connections["default"].cursor() as cursor:
                cursor.execute("SET session_replication_role = origin")

    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
    yield
    patch.undo()
