"""ORM work beside the loop."""

import asyncio

import pytest

from ipaas.catalog.threads import in_thread, once_in_thread


async def test_those_who_ask_for_the_same_share_one_run() -> None:
    runs: list[int] = []

    def work() -> int:
        runs.append(1)
        return len(runs)

    assert await asyncio.gather(*(once_in_thread("a", work) for _ in range(5))) == [1] * 5
    assert await once_in_thread("a", work) == 2


async def test_who_goes_away_does_not_stop_the_others() -> None:
    first = asyncio.create_task(once_in_thread("b", lambda: 7))
    await asyncio.sleep(0)
    second = asyncio.create_task(once_in_thread("b", lambda: 8))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 7


async def test_errors_come_back() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await once_in_thread("c", lambda: 1 / 0)
