"""Wake flags and the bell."""

import os
import threading

import pytest

from ipaas.core import jobs
from ipaas.core.jobs import Bell


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_first_wake_is_due_at_once_and_the_next_after_the_interval():
    clock = Clock()
    bell = Bell(interval_s=0.2, clock=clock)
    bell.wake("default")
    bell.wake("bulk")
    bell.wake("default")
    assert bell.take_due() == (["bulk", "default"], None)
    clock.now += 0.05
    bell.wake("default")
    due, wait = bell.take_due()
    assert due == []
    assert wait == pytest.approx(0.15)
    clock.now += 0.15
    assert bell.take_due() == (["default"], None)


def test_thread_rings_what_was_flagged_before_the_ringer_came():
    rung = threading.Event()
    bell = Bell()
    bell.wake("interactive")
    bell.set_ringer(lambda lane: rung.set() if lane == "interactive" else None)
    assert rung.wait(10)


def test_failing_ringer_is_logged_once_and_ringing_goes_on(caplog):
    calls: list[str] = []
    third = threading.Event()

    def ring(lane: str) -> None:
        calls.append(lane)
        if len(calls) == 3:
            third.set()
            return
        raise ConnectionError(lane + "redis://user:hunter2@host")

    bell = Bell(interval_s=0.0)
    bell.set_ringer(ring)
    while not third.is_set():
        bell.wake("default")
    assert third.wait(10)
    assert [record.message for record in caplog.records] == ["The bell of a lane can not be rung"]
    assert "hunter2" not in caplog.text


def test_unknown_lane_is_a_mistake():
    with pytest.raises(LookupError):
        Bell().wake("slow")


def test_child_process_has_a_bell_of_its_own():
    bell = Bell()
    rung = threading.Event()
    bell.set_ringer(lambda lane: rung.set())
    bell.wake("default")
    assert rung.wait(10)
    with bell._changed:  # as if the fork had happened while another thread held the lock
        bell.after_fork()
        rung.clear()
        bell.wake("default")
    assert rung.wait(10)


def test_wake_without_a_transaction_flags_at_once(monkeypatch):
    woken: list[str] = []
    monkeypatch.setattr(jobs, "wake", woken.append)
    monkeypatch.setattr(jobs.transaction, "on_commit", lambda call, using, robust: call())
    jobs.wake_on_commit("bulk")
    assert woken == ["bulk"]


def test_forking_is_registered():
    assert hasattr(os, "register_at_fork")
