"""A client per test, closed at its end."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ipaas.core.net import HttpClient

from .certificates import Authority


@pytest_asyncio.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))
