"""The pulse of a workspace is read at the same cost however much is stored."""

from uuid import uuid4

import pytest
from django.db import connection

from ipaas.runtime import today

pytestmark = pytest.mark.django_db


def test_newest_of_each_kind_is_found_by_index_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + today._PULSE, {"workspace": uuid4(), "most": today.MOST_PULSE})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index" in plan
    assert "Sort" not in plan
