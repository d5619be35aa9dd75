"""The people and things of the API's tests, for fuzzing."""

from collections.abc import Iterator

import pytest

from ipaas.catalog.threads import close_thread_connections
from tests.integration.api.conftest import _no_vendor_is_called, acme, deployed, person, production, subjects

__all__ = ["_no_vendor_is_called", "acme", "deployed", "person", "production", "subjects"]


@pytest.fixture(autouse=True)
def _calls_leave_no_connection() -> Iterator[None]:
    """Some operations call out for real; the thread that looks up their connection holds one to the database."""
    yield
    close_thread_connections()
