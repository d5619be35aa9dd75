"""The operations of every connector for files: list, read, write, move, delete, and what is new in a folder."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Protocol, TypeVar, cast

from ipaas.core import clock
from ipaas.core.errors import ErrorClass
from ipaas.sdk.bodies import RequestNotBuildable, decoded
from ipaas.sdk.connector import Handler, HandlerCall, RequestView, ResponseView, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.formats import Options, write_rows
from ipaas.sdk.formats.apart import rows_apart
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.folders import Entry, not_found, parts_of
from ipaas.sdk.transports.rows import Bound
from ipaas.sdk.transports.threads import Gate, in_thread

T = TypeVar("T")
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_CONTENT_BYTES = 10 * 1024 * 1024
_IN_MEMORY = 4 * 1024 * 1024
_CHUNK = 1 << 20


class Store(Protocol):
    """One place of files, open for one call. Paths are relative. Raises ActionError and nothing of its library."""

    async def entries(self, folder: str) -> list[Entry]:
        """The finished files directly in a folder, "" for the top."""

    async def read(self, path: str, into: BinaryIO) -> Entry:
        """Copy a file of at most MAX_FILE_BYTES."""

    async def replace(self, path: str, content: BinaryIO, *, overwrite: bool) -> bool:
        """Write a file whole or not at all; False when one is there that may not be replaced."""

    async def move(self, source: str, target: str, *, overwrite: bool) -> bool:
        """Move a file; False when one is there that may not be replaced; raises ActionError (not found)."""

    async def delete(self, path: str) -> bool:
        """Remove a file; False when there is none."""


Open = Callable[[Transports], AbstractAsyncContextManager[Store]]


def handlers(open_store: Open) -> dict[str, Handler]:
    """The HANDLERS of a connector for files."""
    deeds = {
        "list_files": _list_files,
        "read_file": _read_file,
        "read_rows": _read_rows,
        "write_file": _write_file,
        "write_rows": _write_rows,
        "move_file": _move_file,
        "delete_file": _delete_file,
        "poll_files": _poll_files,
    }

    def bound(name: str) -> Handler:
        async def handle(call: HandlerCall) -> Result:
            async with open_store(call.io) as store:
                data = await deeds[name](call, store)
            shown = {key: value for key, value in call.params.items() if key not in ("rows", "content")}
            return Result(data, None, {}, RequestView("FILE", name, body=shown), ResponseView(None, {}, data))

        return handle

    return {name: bound(name) for name in deeds}


async def _list_files(call: HandlerCall, store: Store) -> dict[str, Any]:
    params = call.params
    found = [one for one in await store.entries(params["folder"] or "") if _matches(one, params["pattern"])]
    return {"files": [_shown(one) for one in found[: params["max_files"]]], "count": len(found)}


async def _read_file(call: HandlerCall, store: Store) -> dict[str, Any]:
    params = call.params
    with _temporary() as file:
        entry = await store.read(params["path"], file)
        if entry.size > MAX_CONTENT_BYTES:
            message = f"The file is larger than {MAX_CONTENT_BYTES // 1024 // 1024} MB; read it row by row."
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "file_too_large", message)
        file.seek(0)
        content = file.read()
    return {**_shown(entry), "sha256": hashlib.sha256(content).hexdigest(), "content": _content(content, params)}


def _content(content: bytes, params: Mapping[str, Any]) -> str:
    if params["as"] == "base64":
        return b64encode(content).decode("ascii")
    try:
        return content.decode(params["encoding"])
    except UnicodeDecodeError as error:
        message = f"The file is not text in {params['encoding']}; read it as base64."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "not_text", message) from error


async def _read_rows(call: HandlerCall, store: Store) -> dict[str, Any]:
    """A part of the rows, parsed by a process apart from a copy on disk: memory is bounded by what is handed back."""
    params = call.params
    offset, limit = params["offset"], params["max_rows"]
    with _temporary() as file:
        entry = await store.read(params["path"], file)

        def parse() -> list[dict[str, Any]]:
            bound = Bound(limit + 1)
            rows = rows_apart(params["format"], file, Options.of(params), offset=offset, limit=limit)
            return [bound.taken(row) for row in rows]

        rows = await in_thread(Gate(call.io), parse)
    found = rows[:limit]
    following = offset + limit if len(rows) > limit else None
    return {"rows": found, "count": len(found), "next": following, "size": entry.size}


async def _write_file(call: HandlerCall, store: Store) -> dict[str, Any]:
    params = call.params
    text = params["content"]
    try:
        content = decoded(text, "the content") if params["as"] == "base64" else text.encode(params["encoding"])
    except (UnicodeEncodeError, RequestNotBuildable) as error:
        message = f"The content cannot be written as {params['as']}."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "bad_content", message) from error
    with _temporary() as file:
        file.write(content)
        return await _replaced(store, params, file)


async def _write_rows(call: HandlerCall, store: Store) -> dict[str, Any]:
    params = call.params
    with _temporary() as file:
        work = lambda: write_rows(params["format"], params["rows"], file, Options.of(params))  # noqa: E731
        await in_thread(Gate(call.io), work)
        return {**await _replaced(store, params, file), "count": len(params["rows"])}


async def _replaced(store: Store, params: Mapping[str, Any], file: BinaryIO) -> dict[str, Any]:
    """Put a file in its place. Where another may not be replaced, one of the same content is this call's own."""
    path, size = params["path"], file.tell()
    parts_of(path)
    file.seek(0)
    digest = _digest(file)
    file.seek(0)
    written = await store.replace(path, file, overwrite=params["overwrite"])
    if not written:
        with _temporary() as other:
            await store.read(path, other)
            other.seek(0)
            if _digest(other) != digest:
                raise _occupied(path)
    return {"path": path, "size": size, "sha256": digest, "repeated": not written}


async def _move_file(call: HandlerCall, store: Store) -> dict[str, Any]:
    """A repetition finds the file moved already: its source is gone and its target there."""
    source, target = call.params["path"], call.params["to"]
    parts_of(source), parts_of(target)
    try:
        moved = await store.move(source, target, overwrite=call.params["overwrite"])
    except ActionError as error:
        folder = target.rpartition("/")[0]
        if error.error_class is not ErrorClass.NOT_FOUND or target not in await _paths(store, folder):
            raise
        return {"path": target, "repeated": True}
    if not moved:
        raise _occupied(target)
    return {"path": target, "repeated": False}


async def _paths(store: Store, folder: str) -> set[str]:
    return {one.path for one in await store.entries(folder)}


async def _delete_file(call: HandlerCall, store: Store) -> dict[str, Any]:
    path = call.params["path"]
    return {"path": path, "deleted": await store.delete(path)}


async def _poll_files(call: HandlerCall, store: Store) -> dict[str, Any]:
    """Files that are new or changed since the cursor, which holds a short print of every file there is.

    A file is taken when it was left alone for ``quiet_s``, so that one still being written is not read.
    """
    params = call.params
    known = dict(params["after"] or {})
    silent = clock.now().timestamp() - params["quiet_s"]
    there = {one.path: one for one in await store.entries(params["folder"] or "") if _matches(one, params["pattern"])}
    fresh = [one for one in there.values() if known.get(one.path) != _print(one) and one.modified <= silent]
    fresh.sort(key=lambda one: (one.modified, one.path))
    taken = fresh[: params["limit"]]
    kept = {path: told for path, told in known.items() if path in there}
    following = {**kept, **{one.path: _print(one) for one in taken}}
    items = [{**_shown(one), "key": f"{one.path}@{_print(one)}"} for one in taken]
    return {"items": items, "next": following, "more": len(fresh) > len(taken)}


def _print(entry: Entry) -> str:
    return hashlib.sha256(f"{entry.size}/{entry.modified!r}".encode()).hexdigest()[:12]


def _shown(entry: Entry) -> dict[str, Any]:
    modified = datetime.fromtimestamp(entry.modified, UTC).isoformat()
    return {"path": entry.path, "name": entry.path.rpartition("/")[2], "size": entry.size, "modified": modified}


def _matches(entry: Entry, pattern: str | None) -> bool:
    return not pattern or fnmatchcase(entry.path.rpartition("/")[2], pattern)


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _temporary() -> BinaryIO:
    """Held in memory while it is small, else on disk, never under a name."""
    return cast("BinaryIO", SpooledTemporaryFile(_IN_MEMORY))


def _occupied(path: str) -> ActionError:
    message = f"There is another file at {path[:200]}; say overwrite to replace it."
    return ActionError(ErrorClass.CONFLICT, "file_exists", message)


def too_large() -> ActionError:
    message = f"The file is larger than {MAX_FILE_BYTES // 1024 // 1024} MB."
    return ActionError(ErrorClass.CONTRACT_VIOLATION, "file_too_large", message)


__all__ = ["MAX_FILE_BYTES", "Entry", "Store", "handlers", "not_found", "too_large"]
