"""One picture of all processes: each puts its meters into Redis every few seconds, and ``/metrics`` reads them all.

Every sample gets the labels ``process`` (web, worker, …) and ``source`` (host and process id): sums are the reader's,
because a sum made here would fall whenever a process ends. Without Redis each process still shows its own.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any, cast

import orjson
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from ipaas.config import settings
from ipaas.core.logging import get_logger
from ipaas.core.meters import own_families

log = get_logger(__name__)

EVERY_S = 5.0
KEPT_S = 60
"""How long the last meters of a process that ended are shown."""
_NAMES = "ipaas:meters"
Sample = tuple[str, dict[str, str], float]


@dataclass(frozen=True, slots=True)
class Family:
    """A meter with its samples, as it travels."""

    name: str
    help: str
    type: str
    samples: list[Sample]


class _Sharing:
    process = ""
    running: tuple[Thread, Event] | None = None
    failing = False
    lock = Lock()


def start_sharing(process: str, every_s: float = EVERY_S) -> None:
    """Publish this process's meters from now on; once per process, again in a forked child."""
    with _Sharing.lock:
        if _Sharing.running is not None:
            return
        _Sharing.process, stop = process, Event()
        thread = Thread(target=_share_until, args=(stop, every_s), name="meters", daemon=True)
        _Sharing.running = thread, stop
    thread.start()


def stop_sharing() -> None:
    """Publish a last time and end."""
    with _Sharing.lock:
        running, _Sharing.running = _Sharing.running, None
    if running is not None:
        thread, stop = running
        stop.set()
        thread.join()
        _publish_logged()


def publish(process: str) -> None:
    """Put this process's meters where ``render_all`` finds them; raises ``RedisError`` or ``OSError``."""
    name = f"{process}:{_source()}"
    with _redis() as redis, redis.pipeline(transaction=False) as pipe:
        pipe.sadd(_NAMES, name)
        pipe.set(f"{_NAMES}:{name}", orjson.dumps([_packed(family) for family in own_families()]), ex=KEPT_S)
        pipe.execute()


def render_own(process: str) -> bytes:
    """The meters of this process alone."""
    return _text([(process, _source(), [_packed(family) for family in own_families()])], ())


def render_all(process: str, installation: Iterable[Family] = ()) -> bytes:
    """The meters of every process, this one's as they are now, and those of the installation as a whole."""
    here = (process, _source(), [_packed(family) for family in own_families()])
    others: list[tuple[str, str, list[Any]]] = []
    shared = 1.0
    try:
        others = [found for found in _published() if found[:2] != here[:2]]
    except (RedisError, OSError):
        shared = 0.0
    up = Family("ipaas_meters_shared", "1 while the meters of other processes can be read.", "gauge", [])
    up.samples.append((up.name, {}, shared))
    return _text([here, *others], (*installation, up))


def _published() -> Iterator[tuple[str, str, list[Any]]]:
    with _redis() as redis:
        names = sorted(name.decode() for name in cast("set[bytes]", redis.smembers(_NAMES)))
        found = cast("list[bytes | None]", redis.mget([f"{_NAMES}:{name}" for name in names])) if names else []
        gone = [name for name, packed in zip(names, found, strict=True) if packed is None]
        if gone:
            redis.srem(_NAMES, *gone)
    for name, packed in zip(names, found, strict=True):
        if packed is not None:
            process, _, source = name.partition(":")
            yield process, source, orjson.loads(packed)


def _text(processes: Sequence[tuple[str, str, list[Any]]], installation: Iterable[Family]) -> bytes:
    merged: dict[str, Metric] = {}
    for process, source, families in processes:
        for name, text, kind, samples in families:
            metric = merged.setdefault(name, Metric(name, text, kind))
            for sample, labels, value in samples:
                metric.add_sample(sample, {**labels, "process": process, "source": source}, value)
    for family in installation:
        metric = merged.setdefault(family.name, Metric(family.name, family.help, family.type))
        for sample, labels, value in family.samples:
            metric.add_sample(sample, labels, value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(merged.values()))
    return generate_latest(registry)


class _Given(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _packed(family: Metric) -> list[Any]:
    samples = [[sample.name, sample.labels, sample.value] for sample in family.samples]
    return [family.name, family.documentation, family.type, samples]


def _share_until(stop: Event, every_s: float) -> None:
    _publish_logged()
    while not stop.wait(every_s):
        _publish_logged()


def _publish_logged() -> None:
    """Say once per outage that nobody else sees this process's meters."""
    try:
        publish(_Sharing.process)
    except (RedisError, OSError) as error:
        if not _Sharing.failing:
            log.warning("meters are not shared", action="meters_failed", error=type(error).__name__)
        _Sharing.failing = True
    else:
        _Sharing.failing = False


@contextlib.contextmanager
def _redis() -> Iterator[Redis]:
    redis = Redis.from_url(settings().redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
    try:
        yield redis
    finally:
        redis.close()


def _source() -> str:
    return f"{os.uname().nodename}:{os.getpid()}"


def _forget() -> None:
    """A forked child has no thread; what it shares is its own."""
    _Sharing.lock, _Sharing.running, _Sharing.failing = Lock(), None, False


os.register_at_fork(after_in_child=_forget)
