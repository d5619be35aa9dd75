"""The workspace's folder on this machine as a store of files."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import BinaryIO, TypeVar

from ipaas.sdk.files import MAX_FILE_BYTES, Entry, too_large
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.folders import Folder
from ipaas.sdk.transports.threads import Gate, in_thread

T = TypeVar("T")


class LocalFiles:
    """One call's work in the folder, in threads."""

    def __init__(self, io: Transports, folder: Folder) -> None:
        self._folder = folder
        self._gate = Gate(io)

    async def entries(self, folder: str) -> list[Entry]:
        return await self._do(lambda: self._folder.entries(folder))

    async def read(self, path: str, into: BinaryIO) -> Entry:
        def copy() -> Entry:
            with self._folder.opened(path) as file:
                size = 0
                while chunk := file.read(1 << 20):
                    size += len(chunk)
                    if size > MAX_FILE_BYTES:
                        raise too_large()
                    into.write(chunk)
                return Entry(path, size, self._folder.modified(file))

        return await self._do(copy)

    async def replace(self, path: str, content: BinaryIO, *, overwrite: bool) -> bool:
        before = self._gate.commit
        return await self._do(lambda: self._folder.replace(path, content, overwrite=overwrite, before=before))

    async def move(self, source: str, target: str, *, overwrite: bool) -> bool:
        return await self._do(lambda: self._folder.move(source, target, overwrite=overwrite, before=self._gate.commit))

    async def delete(self, path: str) -> bool:
        return await self._do(lambda: self._folder.delete(path, before=self._gate.commit))

    async def _do(self, work: Callable[[], T]) -> T:
        return await in_thread(self._gate, work)


@asynccontextmanager
async def opened(io: Transports) -> AsyncIterator[LocalFiles]:
    """The folder of the connection, below that of the workspace."""
    root = await io.folder(told=True)
    yield LocalFiles(io, Folder(root, str(io.config.get("folder") or "")))
