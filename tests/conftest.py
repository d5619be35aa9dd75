"""What every test needs: a key-encryption key of its own, and a database that may be emptied."""

import base64
import os
from collections.abc import Iterator

import pytest
from django.db.backends.signals import connection_created

os.environ["IPAAS_KEK"] = base64.b64encode(b"only-for-tests, of 32 bytes len.").decode()


def _may_be_emptied(connection: object, **_: object) -> None:
    """Tests that commit end with TRUNCATE, which the audit trail refuses everywhere else."""
    with connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("SET ipaas.audit_truncate = 'throwaway database'")


connection_created.connect(_may_be_emptied, dispatch_uid="tests-may-be-emptied")


@pytest.fixture(autouse=True, scope="session")
def _settings_see_the_test_key() -> None:
    from ipaas.config import settings

    settings.cache_clear()


@pytest.fixture
def _no_secret_reads_pending() -> Iterator[None]:
    from ipaas.vault import opening, reads

    reads._counts.clear()
    opening.forget_all()
    yield
    reads._counts.clear()
    opening.forget_all()
