"""Kafka for connectors: aiokafka's protocol over streams that were checked, one session per call.

Its producer and consumer are not used: they connect by themselves wherever the cluster's metadata points, repeat
silently, and hide why they failed.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, ScramAuthenticator
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest

from ipaas.core.errors import ErrorClass
from ipaas.core.net import StreamReader
from ipaas.sdk.errors import ActionError
from ipaas.sdk.targets import is_target
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.kafka_records import Batch, Outgoing, encoded, readable

EARLIEST, LATEST = -2, -1
_WAIT_S = 15
_ACKNOWLEDGED_MS = 10_000
_MAX_FRAME = 64 * 1024 * 1024
_FETCH_BYTES = 8 * 1024 * 1024
_PARTITION_BYTES = 1024 * 1024
_FEWEST_ROUNDS, _MOST_ROUNDS = 4096, 1_000_000
_BROKEN = (KafkaError, OSError, EOFError, TimeoutError, ValueError, AssertionError)
_MAYBE_WRITTEN = (errors.RequestTimedOutError, errors.NotEnoughReplicasAfterAppendError)
_REFUSED_LOGIN = (errors.SaslAuthenticationFailed, errors.AuthenticationFailedError)
_FORBIDDEN = (
    errors.TopicAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
)
_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


class _Scram(ScramAuthenticator):  # type: ignore[misc]
    """Neither a server that weakens the password's protection nor one that keeps this machine busy is obeyed."""

    def create_salted_password(self, salt: bytes, iterations: int) -> None:
        if not _FEWEST_ROUNDS <= iterations <= _MOST_ROUNDS:
            raise ValueError(iterations)
        super().create_salted_password(salt, iterations)


class _Link(AIOKafkaConnection):  # type: ignore[misc]
    """A connection over a stream that exists already; an answer is at most 64 MiB."""

    def over(self, reader: StreamReader, writer: asyncio.StreamWriter) -> None:
        self._closed_fut = self._loop.create_future()
        self._closed_fut.set_result(None)
        self._reader, self._writer, self.used = reader, writer, writer
        self._read_task = self._create_reader_task()

    async def begin(self, *, signing_in: bool) -> None:
        await self._do_version_lookup()
        if signing_in:
            await self._do_sasl_handshake()

    def authenticator_scram(self) -> _Scram:
        return _Scram(
            loop=self._loop,
            sasl_plain_password=self._sasl_plain_password,
            sasl_plain_username=self._sasl_plain_username,
            sasl_mechanism=self._sasl_mechanism,
        )

    @staticmethod
    async def _read(self_ref: Any) -> None:
        reader = self_ref()._reader  # noqa: SLF001 - the library's own reader, with a bound
        while True:
            size = int.from_bytes(await reader.readexactly(4), signed=True)
            if not 0 <= size <= _MAX_FRAME:
                raise ConnectionError
            frame = await reader.readexactly(size)
            if (self := self_ref()) is None:
                return
            self._handle_frame(frame)
            del self

    async def end(self) -> None:
        self.close()
        self.used.transport.abort()


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic with the address of each partition's leader."""

    name: str
    leaders: Mapping[int, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a partition gave: readable messages, the offset to go on at, and the end of what may be read by now."""

    batch: Batch
    end: int


class Session:
    """Connections to the brokers of one cluster, for one call. Raises ActionError."""

    def __init__(self, io: Transports) -> None:
        self._io = io
        self._links: dict[tuple[str, int], _Link] = {}

    async def topic(self, name: str) -> Topic:
        """The topic, which is not made by asking for it."""
        config = self._io.config
        told = await self._ask((str(config["host"]), int(config["port"])), MetadataRequest([name], False))
        brokers = {one[0]: (str(one[1]), int(one[2])) for one in told.brokers}
        code, partitions = next(((one[0], one[-1]) for one in told.topics if one[1] == name), (3, []))
        _check(code, sent=False)
        leaders = {one[1]: brokers[one[2]] for one in partitions if one[2] in brokers}
        if not leaders or len(leaders) < len(partitions):
            message = "A partition of the topic has no leader now."
            raise ActionError(ErrorClass.TRANSIENT, "kafka_no_leader", message)
        return Topic(name, leaders)

    async def offsets(self, topic: Topic, partitions: Iterable[int], moment: int) -> dict[int, int]:
        """The first offset at or after a moment (EARLIEST, LATEST) for each partition."""
        found: dict[int, int] = {}
        for leader, wanted in _by_leader(topic, partitions).items():
            request = OffsetRequest(-1, 1, [(topic.name, [(one, moment) for one in wanted])])
            told = await self._ask(leader, request)
            for partition, code, *_, offset in _parts(told):
                _check(code, sent=False)
                found[partition] = offset
        return found

    async def fetch(self, topic: Topic, wanted: Mapping[int, int]) -> tuple[dict[int, Fetched], list[int]]:
        """One answer of each leader from the offsets on, and the partitions that do not hold theirs any more."""
        found: dict[int, Fetched] = {}
        gone: list[int] = []
        for leader, partitions in _by_leader(topic, wanted).items():
            places = [(one, wanted[one], _PARTITION_BYTES) for one in partitions]
            told = await self._ask(leader, FetchRequest(250, 1, _FETCH_BYTES, 1, [(topic.name, places)]))
            _check(getattr(told, "error_code", 0), sent=False)
            for partition, code, high, *rest in _parts(told):
                if code == errors.OffsetOutOfRangeError.errno:
                    gone.append(partition)
                    continue
                _check(code, sent=False)
                aborted = next((one for one in rest if isinstance(one, list)), None) or []
                stable = rest[0] if len(rest) > 1 and rest[0] >= 0 else high
                batch = await self._read(rest[-1] or b"", wanted[partition], aborted)
                found[partition] = Fetched(batch, stable)
        return found, gone

    async def produce(self, topic: Topic, partition: int, message: Outgoing) -> int:
        """Write one message, acknowledged by all replicas in sync; gives its offset."""
        leader = topic.leaders.get(partition)
        if leader is None:
            told = f"The topic has no partition {partition}."
            raise ActionError(ErrorClass.CONFIGURATION, "kafka_no_partition", told)
        data = encoded(message)
        request = ProduceRequest(None, -1, _ACKNOWLEDGED_MS, [(topic.name, [(partition, data)])])
        answer = await self._ask(leader, request, writes=True)
        _, code, offset, *_ = next(iter(_parts(answer)))
        _check(code, sent=True)
        return int(offset)

    async def close(self) -> None:
        for link in self._links.values():
            await link.end()

    async def _ask(self, broker: tuple[str, int], request: Any, *, writes: bool = False) -> Any:
        link = await self._link(broker)
        sent = writes
        try:
            if writes:
                self._io.committing()
            return await link.send(request)
        except errors.IncompatibleBrokerVersion as error:
            raise failure(error, sent=False) from error
        except _BROKEN as error:
            raise failure(error, sent=sent) from error

    async def _link(self, broker: tuple[str, int]) -> _Link:
        if broker in self._links:
            return self._links[broker]
        config = self._io.config
        if not is_target(config, *broker):
            message = (
                f"The cluster names the broker {_shown(broker)}, which is not among the brokers of the connection. "
                "Add it there if it belongs to the cluster."
            )
            raise ActionError(ErrorClass.CONFIGURATION, "kafka_broker_unlisted", message)
        secured = config.get("tls") != "disable"
        username, password = self._io.secret("username"), self._io.secret("password")
        reader, writer = await self._io.stream(*broker, tls=secured, told=True)
        link = _Link(
            *broker,
            client_id="ipaas",
            request_timeout_ms=_WAIT_S * 1000,
            security_protocol="SASL_SSL",  # the stream is secured or not already
            sasl_mechanism=str(config.get("sasl") or "scram-sha-512").upper(),
            sasl_plain_username=username or "",
            sasl_plain_password=password or "",
        )
        link.over(reader, writer)
        self._links[broker] = link
        try:
            await link.begin(signing_in=bool(username))
        except _BROKEN as error:
            raise failure(error, sent=False) from error
        return link

    async def _read(self, data: bytes, start: int, aborted: list[tuple[int, int]]) -> Batch:
        try:
            return await asyncio.to_thread(readable, data, start, aborted)
        except _BROKEN as error:
            message = "The broker gave messages that cannot be read."
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "kafka_unreadable", message) from error


@asynccontextmanager
async def session(io: Transports) -> AsyncIterator[Session]:
    """A session for the length of a call."""
    opened = Session(io)
    try:
        yield opened
    finally:
        await opened.close()


def failure(error: Exception, *, sent: bool) -> ActionError:
    """Only the number of a refusal is told, none of the server's words."""
    number = getattr(error, "errno", None)
    code = f"kafka_{number}" if isinstance(error, KafkaError) and number is not None else "kafka_broken"
    if isinstance(error, _REFUSED_LOGIN):
        return ActionError(ErrorClass.AUTH, "kafka_login", "The broker refused the user or password.")
    if isinstance(error, errors.UnsupportedSaslMechanismError | errors.IllegalSaslStateError):
        message = "The broker does not offer the sign-in that the connection asks for."
        return ActionError(ErrorClass.CONFIGURATION, "kafka_no_sasl", message)
    if isinstance(error, _FORBIDDEN):
        return ActionError(ErrorClass.AUTH, code, "The user may not do this with the topic.")
    if isinstance(error, errors.UnknownTopicOrPartitionError | errors.InvalidTopicError):
        return ActionError(ErrorClass.CONFIGURATION, "kafka_no_topic", "The cluster has no such topic.")
    if isinstance(error, errors.IncompatibleBrokerVersion):
        message = "The broker is too old; Kafka 1.0 is the oldest that works."
        return ActionError(ErrorClass.CONFIGURATION, "kafka_too_old", message)
    if isinstance(error, _TOO_LARGE):
        return ActionError(ErrorClass.BUSINESS_REJECTION, code, "The message is larger than the topic takes.")
    if isinstance(error, TimeoutError | asyncio.TimeoutError | errors.RequestTimedOutError):
        return ActionError(ErrorClass.TIMEOUT, "kafka_timeout", "The broker did not answer in time.", sent=sent)
    if isinstance(error, KafkaError) and error.retriable and number is not None and number >= 0:
        maybe = sent and isinstance(error, _MAYBE_WRITTEN)
        return ActionError(ErrorClass.TRANSIENT, code, "The cluster cannot do it now.", sent=maybe)
    if isinstance(error, KafkaError) and number is not None and number > 0:
        return ActionError(ErrorClass.BUSINESS_REJECTION, code, f"The broker refused (code {number}).")
    return ActionError(ErrorClass.TRANSIENT, "kafka_broken", "The connection broke off.", sent=sent)


def _check(code: int, *, sent: bool) -> None:
    if code:
        error = errors.for_code(code)()
        raise failure(error, sent=sent)


def _parts(answer: Any) -> Iterable[Any]:
    return (part for _, parts in answer.topics for part in parts)


def _by_leader(topic: Topic, partitions: Iterable[int]) -> dict[tuple[str, int], list[int]]:
    found: dict[tuple[str, int], list[int]] = {}
    for one in partitions:
        if one not in topic.leaders:
            message = f"The topic has no partition {one}."
            raise ActionError(ErrorClass.CONFIGURATION, "kafka_no_partition", message)
        found.setdefault(topic.leaders[one], []).append(one)
    return found


def _shown(broker: tuple[str, int]) -> str:
    host = "".join(char for char in broker[0][:253] if char.isalnum() or char in "-._:")
    return f"{host}:{broker[1]}"
