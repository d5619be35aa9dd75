"""Event types, their page, the schedule of tries, and the receiver of the documentation."""

import re
from datetime import UTC, datetime, timedelta

import jsonschema_rs
import pytest

from ipaas.audit import known_actions
from ipaas.notices.audited import TOLD
from ipaas.notices.breakers import CLOSED, OPENED
from ipaas.notices.event_types import CATALOGUE
from ipaas.notices.schedule import DELAYS_S, next_try
from ipaas.outbox.event_types import EventType, event_types
from ipaas.runtime.drift import EVENT as DRIFTED
from ipaas.runtime.telling import RUN_EVENTS
from ipaas.sdk.signatures import STANDARD_WEBHOOKS, sign
from tests.architecture.sources import ROOT

MOMENT = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.mark.parametrize("one", CATALOGUE, ids=lambda one: one.name)
def test_an_example_has_the_form_of_its_type(one: EventType) -> None:
    jsonschema_rs.validator_for(one.schema).validate(dict(one.example))
    assert re.fullmatch(r"ipaas\.[a-z]+\.[a-z_]+", one.name)
    assert one.doc.endswith(".")


def test_every_event_that_is_emitted_has_its_type() -> None:
    told = {f"ipaas.{action}" for action in TOLD} | set(RUN_EVENTS.values())
    told |= {f"ipaas.approval.{what}" for what in ("waiting", "escalated", "expired")}
    told.add(DRIFTED)
    told |= {f"ipaas.secret.{what}" for what in ("expiring", "rotation_due", "rotation_failed")}
    assert told | {"ipaas.webhook.test", OPENED, CLOSED} == set(event_types())


def test_what_an_audited_deed_tells_is_what_its_type_says() -> None:
    for action, told in TOLD.items():
        names = {f"{told.about}_id", told.about} if told.about else {"run_id"}
        assert names | {"by", *told.details} == set(event_types()[f"ipaas.{action}"].fields), action


def test_deeds_that_are_told_are_audited() -> None:
    assert {name for name in TOLD if name not in known_actions()} <= {"invitation.created"}


@pytest.mark.parametrize(("step", "delay_s"), list(enumerate(DELAYS_S, start=1)))
def test_a_failure_is_followed_by_its_pause(step: int, delay_s: float) -> None:
    assert next_try(step, MOMENT, share=0) == MOMENT + timedelta(seconds=delay_s)
    latest = next_try(step, MOMENT, share=0.999)
    assert latest is not None
    assert latest <= MOMENT + timedelta(seconds=delay_s * 1.1)


def test_the_schedule_ends_after_days() -> None:
    assert next_try(len(DELAYS_S) + 1, MOMENT, share=0) is None
    assert timedelta(days=3) < timedelta(seconds=sum(DELAYS_S)) < timedelta(days=4)


@pytest.mark.parametrize(("asked_s", "delay_s"), [(1, 5), (600, 600), (10**9, DELAYS_S[-1])])
def test_what_the_receiver_asks_for_counts_where_it_is_later(asked_s: float, delay_s: float) -> None:
    assert next_try(1, MOMENT, share=0, retry_after_s=asked_s) == MOMENT + timedelta(seconds=delay_s)


def test_the_documented_receiver_tells_our_signature_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "how-to" / "webhooks.md").read_text()
    source = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert source is not None
    secret, other = ("whsec_" + letter * 43 + "=" for letter in "AB")
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    receiver: dict[str, object] = {"__name__": "receiver"}
    exec(source[1], receiver)  # noqa: S102 - our own documentation
    verified: object = receiver["verified"]
    assert callable(verified)
    now = datetime.now(UTC)
    for secrets, moment, expected in (
        ([secret], now, True),
        ([other, secret], now, True),
        ([other], now, False),
        ([secret], now - timedelta(minutes=10), False),
    ):
        headers = sign(STANDARD_WEBHOOKS, body=b"{}", secrets=secrets, now=moment, delivery_id="e-1")
        assert verified(headers, b"{}") is expected
    assert verified({}, b"{}") is False
    assert verified(sign(STANDARD_WEBHOOKS, body=b"{}", secrets=[secret], now=now, delivery_id="e-1"), b"{ }") is False
