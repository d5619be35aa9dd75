import asyncio

import pytest

from ipaas.core.cache import TimedCache


class Source:
    """Something slow to load from; ``gate`` lets a load go on."""

    def __init__(self) -> None:
        self.loads = 0
        self.gate = asyncio.Event()

    async def load(self) -> int:
        self.loads += 1
        await self.gate.wait()
        return self.loads


def test_all_who_ask_meanwhile_share_one_load() -> None:
    async def main() -> None:
        source, cache = Source(), TimedCache[str, int](60)
        asking = [asyncio.create_task(cache.get("a", source.load)) for _ in range(5)]
        await asyncio.sleep(0)
        source.gate.set()
        assert await asyncio.gather(*asking) == [1] * 5
        assert await cache.get("a", source.load) == 1
        assert source.loads == 1

    asyncio.run(main())


def test_one_who_gives_up_does_not_take_the_others_along() -> None:
    async def main() -> None:
        source, cache = Source(), TimedCache[str, int](60)
        first, second = (asyncio.create_task(cache.get("a", source.load)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        source.gate.set()
        assert await second == 1
        assert first.cancelled()

    asyncio.run(main())


def test_failed_load_is_told_to_all_and_tried_again_by_the_next() -> None:
    async def main() -> None:
        async def fail() -> int:
            raise LookupError

        async def answer() -> int:
            return 7

        cache = TimedCache[str, int](60)
        told = await asyncio.gather(cache.get("a", fail), cache.get("a", fail), return_exceptions=True)
        assert [type(one) for one in told] == [LookupError, LookupError]
        assert await cache.get("a", answer) == 7

    asyncio.run(main())


def test_value_is_loaded_anew_when_its_time_is_over() -> None:
    async def main() -> None:
        source, cache = Source(), TimedCache[str, int](0)
        source.gate.set()
        assert [await cache.get("a", source.load), await cache.get("a", source.load)] == [1, 2]

    asyncio.run(main())


def test_other_keys_do_not_wait() -> None:
    async def main() -> None:
        slow, quick, cache = Source(), Source(), TimedCache[str, int](60)
        quick.gate.set()
        waiting = asyncio.create_task(cache.get("slow", slow.load))
        assert await cache.get("quick", quick.load) == 1
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        slow.gate.set()

    asyncio.run(main())
