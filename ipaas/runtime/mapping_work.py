"""Where mappings are worked out: on the loop of the worker what is quick, beside it what would hold it up.

A mapping is a pure function, so that it may be begun anew: it is tried with few steps, and what needs more, or fails
and is to be explained, is done again on a thread. One that was slow goes to a thread at once for a while.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from ipaas.mapping.engine import CompiledMapping

THREADS = 4
"""Threads of Python share one interpreter: more of them only make the loop wait longer for its turn."""
SLOW_NS = 3_000_000
"""Runs of other flows wait so long at most for a mapping that is known."""
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mapping")


async def mapped(mapping: CompiledMapping, source: Any, scope: Mapping[str, Any], place: str) -> Any:
    """The target, as ``mapping.apply`` makes it; other runs go on meanwhile. Raises what ``apply`` does."""
    if not mapping.in_thread and mapping.pace.on_loop():
        began = time.perf_counter_ns()
        done, target = mapping.try_quickly(source, scope, place=place)
        if not done or time.perf_counter_ns() - began > SLOW_NS:
            mapping.pace.was_slow()
        if done:
            return target
    work = partial(mapping.apply, source, scope, place=place)
    return await asyncio.get_running_loop().run_in_executor(_threads, work)
