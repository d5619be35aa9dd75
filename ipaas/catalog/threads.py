"""ORM work beside the event loop, on threads of its own."""

import asyncio
import os
import weakref
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections, connections

P = ParamSpec("P")
T = TypeVar("T")


@lru_cache(maxsize=2)
def _pool(name: str = "catalog") -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` on a database connection that is checked first."""
    return await _run(_pool(), function, *args, **kwargs)


async def _run(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    def run() -> T:
        close_old_connections()
        return function(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(pool, run)


_under_way: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, asyncio.Task[Any]]]" = (
    weakref.WeakKeyDictionary()
)


async def once_in_thread(key: Hashable, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like ``in_thread``, but all who ask for the same key at the same time share one run."""
    return await _once(_pool(), key, function, *args, **kwargs)


async def once_beside(key: Hashable, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like ``once_in_thread`` for what may have to wait for another server: on a thread that nothing else needs."""
    return await _once(_pool("catalog-vault"), key, function, *args, **kwargs)


async def _once(
    pool: ThreadPoolExecutor, key: Hashable, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    tasks = _under_way.setdefault(asyncio.get_running_loop(), {})
    task: asyncio.Task[T] | None = tasks.get(key)
    if task is None:
        task = tasks[key] = asyncio.create_task(_run(pool, function, *args, **kwargs))
        task.add_done_callback(lambda done: (tasks.pop(key, None), done.cancelled() or done.exception()))
    return await asyncio.shield(task)


os.register_at_fork(after_in_child=_pool.cache_clear)


def close_thread_connections() -> None:
    """Give the threads' database connections back; for shutdown and tests."""
    for pool in (_pool(), _pool("catalog-vault")):
        pool.submit(connections.close_all).result()
