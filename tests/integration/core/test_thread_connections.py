import threading

import psycopg
import pytest
from django.db import connection
from django.db.backends.signals import connection_created
from psycopg.pq import ConnStatus

from ipaas.core.thread_connections import close_with_threads

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def closing():
    close_with_threads()
    yield
    connection_created.disconnect(dispatch_uid="close_with_threads")


def used_in_thread() -> psycopg.Connection:
    """The connection that a thread used which has ended since."""
    used = []

    def use() -> None:
        connection.ensure_connection()
        used.append(connection.connection)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    return used[0]


def test_connection_of_an_ended_thread_is_closed_at_once(closing):
    assert used_in_thread().pgconn.status == ConnStatus.BAD


def test_connection_of_the_main_thread_stays(closing):
    connection.close()
    connection.ensure_connection()
    used_in_thread()
    assert connection.connection.pgconn.status == ConnStatus.OK
