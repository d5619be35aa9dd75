"""One of everything in Acme, made once for all cases of a module, each of which is rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from ipaas.accounts.models import Environment, Workspace
from ipaas.accounts.roles import ROLES
from tests.emptying import empty_database
from tests.factories.people import make_member
from tests.integration.api.conftest import TESTER, deploy_simple, make_subjects


@pytest.fixture(scope="module")
def in_acme(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Any]]:
    with django_db_blocker.unblock():
        try:
            acme = Workspace.objects.create(slug="acme", name="Acme")
            production = Environment.objects.create(workspace=acme, slug="production", name="Production")
            made = make_subjects(acme, deploy_simple(acme, production), production)
            make_member(acme, TESTER, *ROLES)
            connection.close()
            yield made
        finally:
            empty_database()
            connection.close()


@pytest.fixture
def subjects(in_acme: dict[str, Any], db: None) -> dict[str, Any]:
    return dict(in_acme)


@pytest.fixture
def acme(in_acme: dict[str, Any], db: None) -> Workspace:
    return Workspace.objects.get(slug="acme")


@contextmanager
def undone(*, read_only: bool = False) -> Iterator[None]:
    """What happens inside leaves no trace in the database; ``read_only`` lets the database refuse every write."""
    with transaction.atomic():
        if read_only:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL transaction_read_only = on")
        yield
        transaction.set_rollback(True)
