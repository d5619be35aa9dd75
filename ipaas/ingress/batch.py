"""Micro-batches: deliveries that arrive together are stored by one statement and answered after its commit."""

import asyncio
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool

from ipaas.core.logging import get_logger
from ipaas.core.pg_arrays import columns, register
from ipaas.events.intake import (
    ACCEPT,
    FIRST_OF,
    KEEP_CONFLICT,
    RECEIPT_KINDS,
    DeliveryConflict,
    NotStored,
    ReceiptRow,
    conflict_row,
    decide_repeated,
)

log = get_logger(__name__)

MAX_BATCH = 256
MAX_WAITING = 20_000
STORE_TIMEOUT_S = 8.0


async def _configure(conn: psycopg.AsyncConnection[Any]) -> None:
    register(conn)


class Batcher:
    """Stores receipts; ``accept`` returns after the commit, with the first receipt's id for a repeated delivery."""

    def __init__(self, conninfo: str) -> None:
        self._pool = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=3,
            open=False,
            timeout=5,
            max_idle=30,
            configure=_configure,
            kwargs={"autocommit": True, "application_name": "ipaas-ingress"},
        )
        self._waiting: list[tuple[ReceiptRow, asyncio.Future[bool]]] = []
        self._wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._pool.open()
        self._tasks = [asyncio.create_task(self._store_forever()) for _ in range(2)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pool.close()

    async def accept(self, row: ReceiptRow) -> UUID:
        """Store a delivery. Raises ``DeliveryConflict`` (kept, but not run) or ``NotStored`` (not kept)."""
        if len(self._waiting) >= MAX_WAITING:
            raise NotStored
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, done))
        self._wanted.set()
        return row.id if await done else await self._repeated(row)

    async def _store_forever(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(0)
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if not self._waiting:
                self._wanted.clear()
            if batch:
                await self._store(batch)

    async def _store(self, batch: list[tuple[ReceiptRow, "asyncio.Future[bool]"]]) -> None:
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S), self._pool.connection() as conn:
                cursor = await conn.execute(ACCEPT, columns(RECEIPT_KINDS, [row for row, _ in batch]))
                new = {found[0] for found in await cursor.fetchall()}
        except (psycopg.Error, TimeoutError, OSError) as error:
            log.warning("deliveries not stored", action="accept_failed", count=len(batch), error=type(error).__name__)
            for _, done in batch:
                if not done.done():
                    done.set_exception(NotStored())
            return
        for row, done in batch:
            if not done.done():
                done.set_result(row.id in new)

    async def _repeated(self, row: ReceiptRow) -> UUID:
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S), self._pool.connection() as conn:
                cursor = await conn.execute(FIRST_OF, [row.endpoint_id, row.delivery_id])
                first = await cursor.fetchone()
                if first is None:
                    raise NotStored
                found = decide_repeated(row, first)
                if found is not None:
                    return found
                await conn.execute(KEEP_CONFLICT, conflict_row(row, first))
        except (psycopg.Error, TimeoutError, OSError) as error:
            log.warning("repeated delivery not looked up", action="accept_failed", error=type(error).__name__)
            raise NotStored from None
        raise DeliveryConflict(delivery_id=row.delivery_id)
