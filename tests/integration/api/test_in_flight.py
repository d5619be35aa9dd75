"""A key that another transaction holds."""

import pytest
from django.db import connection

from ipaas.accounts.idempotency import Answer, KeyInFlight, answer_once
from ipaas.accounts.models import KeptAnswer, Workspace
from ipaas.core.actor import Actor

pytestmark = pytest.mark.django_db


def test_a_key_under_way_elsewhere_is_refused_and_does_nothing(acme: Workspace) -> None:
    actor = Actor("user", "u1", "Alice", acme.id)
    scope = f"{acme.id}/user:u1/here/k"
    deeds: list[int] = []

    def deed() -> Answer:
        deeds.append(1)
        return Answer(201, b"{}")

    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 7))", [scope])
        with pytest.raises(KeyInFlight):
            answer_once(actor=actor, route="here", key="k", body=b"", deed=deed)
        assert (deeds, KeptAnswer.objects.count()) == ([], 0)
    finally:
        other.close()
    assert answer_once(actor=actor, route="here", key="k2", body=b"", deed=deed).status == 201
    assert answer_once(actor=actor, route="here", key="k2", body=b"", deed=deed).repeated
    assert deeds == [1]
