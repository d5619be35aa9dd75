"""Empty the test database between tests that commit.

Django's way is to TRUNCATE every table, which costs some file operations for each table, partition and index whatever
it holds. Here only tables with rows are touched, and by DELETE, which costs by the row.
"""

from typing import Any

from django.db import connections
from django.test import TransactionTestCase

KEPT = ("django_migrations", "django_content_type", "auth_permission")

_EMPTY = """
DO $$
DECLARE
    one record;
    holds boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN
        SELECT c.oid::regclass AS name
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relname <> ALL (%s)
        ORDER BY c.oid
    LOOP
        EXECUTE format('LOCK TABLE %%s IN EXCLUSIVE MODE', one.name);
        EXECUTE format('SELECT EXISTS (SELECT FROM %%s)', one.name) INTO holds;
        IF holds THEN
            EXECUTE format('DELETE FROM %%s', one.name);
        END IF;
    END LOOP;
END $$
"""


def empty_database() -> None:
    """Delete all rows, past the triggers (a superuser's right); waits for whoever is still writing."""
    for connection in connections.all():
        with connection.cursor() as cursor:
            cursor.execute(_EMPTY, [list(KEPT)])


def _after_the_test(_case: Any) -> None:
    empty_database()


def install() -> None:
    """Have tests that commit end this way."""
    TransactionTestCase._fixture_teardown = _after_the_test  # type: ignore[method-assign]
