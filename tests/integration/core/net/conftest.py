"""A client per test, closed at its end."""

from collections.abc import AsyncIterator

import pytest_asyncio

from ipaas.core.net import HttpClient


@pytest_asyncio.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client
