"""The background flush of counted reads."""

import threading
from uuid import UUID

import pytest

from ipaas.vault import reads
from ipaas.vault.reads import SecretRead, note_read

READ = SecretRead(UUID(int=1), UUID(int=2), "payments", 1)


def test_reads_are_flushed_until_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    done = threading.Event()

    def flush(*, everything: bool = False) -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError
        done.set()
        return 0

    monkeypatch.setattr(reads, "flush_reads", flush)
    monkeypatch.setattr(reads, "close_old_connections", lambda: None)
    monkeypatch.setattr(reads, "_flusher", None)
    monkeypatch.setattr(reads.atexit, "register", lambda *args, **kwargs: None)
    reads.start_flushing(0.01)
    first = reads._flusher
    reads.start_flushing(0.01)
    assert reads._flusher is first
    assert done.wait(10)
    reads.stop_flushing()
    assert first is not None
    assert not first[0].is_alive()


def test_counting_is_exact_over_threads() -> None:
    def count() -> None:
        for _ in range(2000):
            note_read(READ, purpose="charge", flow_label="orders")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found.reads for found in reads._counts.values()) == 8000
