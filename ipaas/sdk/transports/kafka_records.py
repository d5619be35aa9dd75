"""Kafka's messages as batches of bytes (format 2), by aiokafka; what is compressed unpacks to a bounded size."""

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cramjam
from aiokafka.errors import CorruptRecordException
from aiokafka.partitioner import murmur2
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

MAX_UNPACKED = 64 * 1024 * 1024
_ENOUGH = 16 * 1024 * 1024
_ROOM = 64 * 1024
_HEAD = 61
_LENGTH, _MAGIC, _ATTRIBUTES = 8, 16, 21
_BEFORE_LENGTH = 12
_FORMAT = 2
_PACKED = 0x07
_UNPACKERS = {1: cramjam.gzip.decompress_into, 3: cramjam.lz4.decompress_into, 4: cramjam.zstd.decompress_into}
"""By the number in a batch's attributes. Snappy (2) is left to aiokafka: it cannot grow beyond some twentyfold."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be written; a value of None takes the key away from a compacted topic."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was read."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in the order of their offsets; ``next`` is the offset after all that was looked at."""

    messages: list[Message]
    next: int


def partition_of(key: bytes, partitions: list[int]) -> int:
    """The partition that Kafka's own producers choose for a key."""
    return partitions[(int(murmur2(key)) & 0x7FFFFFFF) % len(partitions)]


def encoded(message: Outgoing) -> bytes:
    """A batch of this one message."""
    builder = DefaultRecordBatchBuilder(
        magic=_FORMAT,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=2**31 - 1,
    )
    builder.append(0, int(time.time() * 1000), message.key, message.value, message.headers)
    return bytes(builder.build())


def readable(data: bytes, start: int, aborted: list[tuple[int, int]]) -> Batch:
    """What a reader of committed messages sees from ``start`` on; ``aborted`` is the broker's list of transactions.

    Raises aiokafka's errors and ValueError for bytes that are no batches.
    """
    pending = sorted(aborted, key=lambda one: one[1])
    dropped: set[int] = set()
    messages: list[Message] = []
    following = start
    for batch in _batches(data):
        while pending and pending[0][1] <= batch.base_offset:
            dropped.add(pending.pop(0)[0])
        following = max(following, batch.next_offset)
        if batch.is_control_batch:
            if any(_aborts(record) for record in batch):
                dropped.discard(batch.producer_id)
            continue
        if batch.is_transactional and batch.producer_id in dropped:
            continue
        messages += [
            Message(one.offset, one.timestamp, one.key, one.value, list(one.headers))
            for one in batch
            if one.offset >= start
        ]
    return Batch(messages, following)


def _aborts(record: Any) -> bool:
    return bool(ControlRecord.parse(record.key) == ABORT_MARKER)


def _batches(data: bytes) -> Iterator[Any]:
    """Whole batches, unpacked, until there is enough; the last one may have been cut off by the broker."""
    place, size = 0, 0
    while len(data) - place >= _HEAD and size < _ENOUGH:
        (length,) = struct.unpack_from(">i", data, place + _LENGTH)
        end = place + _BEFORE_LENGTH + length
        if length < _HEAD - _BEFORE_LENGTH or data[place + _MAGIC] != _FORMAT:
            raise CorruptRecordException
        if end > len(data):
            return
        raw = data[place:end]
        if not DefaultRecordBatch(raw).validate_crc():
            raise CorruptRecordException
        whole = _unpacked(raw)
        yield DefaultRecordBatch(whole)
        place, size = end, size + len(whole)


def _unpacked(raw: bytes) -> bytes:
    """A batch as if it had never been compressed. Raises ValueError where it unpacks to more than MAX_UNPACKED."""
    (attributes,) = struct.unpack_from(">h", raw, _ATTRIBUTES)
    unpack = _UNPACKERS.get(attributes & _PACKED)
    if unpack is None:
        return raw
    packed = raw[_HEAD:]
    room = bytearray(max(_ROOM, 8 * len(packed)))
    while True:
        try:
            size = unpack(packed, room)
            break
        except cramjam.DecompressionError as error:  # does not say whether the room was too small
            if len(room) >= MAX_UNPACKED:
                msg = "a batch cannot be unpacked, or to too much"
                raise ValueError(msg) from error
            room = bytearray(min(8 * len(room), MAX_UNPACKED))
    head = bytearray(raw[:_HEAD])
    struct.pack_into(">i", head, _LENGTH, size + _HEAD - _BEFORE_LENGTH)
    struct.pack_into(">h", head, _ATTRIBUTES, attributes & ~_PACKED)
    return bytes(head) + bytes(memoryview(room)[:size])
