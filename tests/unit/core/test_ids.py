"""Time-ordered ids."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from ipaas.core import ids
from ipaas.core.ids import uuid7, uuid7_at, uuid7_time


def test_ids_of_a_process_strictly_increase():
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: [uuid7() for _ in range(500)], range(4)))
    assert all(batch == sorted(batch) for batch in batches)
    assert len({each for batch in batches for each in batch}) == 2000


def test_ids_increase_when_the_clock_stands_or_runs_back_a_little(monkeypatch):
    began = ids.time.time_ns()
    times = iter([began] * 3 + [began - 500_000_000])
    monkeypatch.setattr(ids.time, "time_ns", lambda: next(times))
    made = [uuid7() for _ in range(4)]
    assert made == sorted(set(made))


def test_a_clock_that_was_set_back_is_followed(monkeypatch):
    began = ids.time.time_ns()
    times = iter([began + 3600 * 10**9, began])
    monkeypatch.setattr(ids.time, "time_ns", lambda: next(times))
    ahead, back = uuid7_time(uuid7()), uuid7_time(uuid7())
    assert ahead - back == timedelta(hours=1)


def test_form_is_version_7():
    made = uuid7()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")


def test_lowest_id_of_an_instant_divides_ids():
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    made = uuid7()
    after = uuid7_time(made) + timedelta(milliseconds=1)
    assert uuid7_at(before) < made < uuid7_at(after)


def test_time_comes_back_to_the_millisecond():
    moment = datetime(2026, 3, 1, 12, 30, 0, 123_000, tzinfo=UTC)
    assert uuid7_time(uuid7_at(moment)) == moment
    assert uuid7_at(moment).version == 7
