"""Questions that pages and deeds ask of all stored runs are answered from an index."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from ipaas.runtime.models import BusinessId, Run

ONE = uuid.UUID(int=7)
QUESTIONS: dict[str, Callable[[], QuerySet[Any]]] = {
    "runs that share effects": lambda: Run.objects.filter(root_run_id=ONE, status__in=Run.UNENDED),
    "replays of a run": lambda: Run.objects.filter(replay_of=ONE).order_by("id"),
    "sub-flows of a run": lambda: Run.objects.filter(parent_run_id=ONE),
    "runs of a workspace": lambda: Run.objects.filter(workspace_id=ONE).order_by("-id")[:50],
    "runs with a business id": lambda: BusinessId.objects.filter(workspace_id=ONE, value="A-1"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_question_is_answered_from_an_index(question: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = QUESTIONS[question]().explain()
    assert "Index Cond" in plan
    assert "Seq Scan" not in plan
