"""How the demo waits for its orders."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from ipaas.cli import demo_orders


def test_a_database_that_goes_down_for_a_while_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [OperationalError("gone"), {"o-1": SimpleNamespace(ended=False)}]
    ended = {"o-1": SimpleNamespace(ended=True)}

    def runs(*_asked: Any) -> Any:
        found = answers.pop(0) if answers else ended
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(demo_orders, "_runs", runs)
    monkeypatch.setattr(demo_orders, "_LOOK_S", 0)
    told: list[str] = []
    monkeypatch.setattr(demo_orders, "_TELL_S", 0)
    demo_orders._wait(UUID(int=0), ["o-1"], datetime(2026, 1, 1, tzinfo=UTC), 1, 60, told.append)

    assert answers == []
    assert told == ["The database does not answer", "0 of 1 orders have ended"]
