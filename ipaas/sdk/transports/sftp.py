"""SFTP for connectors (asyncssh): one session per call over a checked connection, to a server whose key is known."""

import stat
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, BinaryIO, Concatenate, ParamSpec, TypeVar, cast

import asyncssh
from asyncssh import SFTPClient, constants

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.files import MAX_FILE_BYTES, Entry, too_large
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.folders import MAX_ENTRIES, is_finished, not_found, parts_of, temporary_name, too_many
from ipaas.sdk.transports.threads import Gate, in_thread

P = ParamSpec("P")
T = TypeVar("T")
Deed = Callable[Concatenate["SftpFiles", P], Coroutine[Any, Any, T]]
_CHUNK = 256 * 1024
_BROKEN = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
_CLASSES: Mapping[int, ErrorClass] = {
    constants.FX_NO_SUCH_FILE: ErrorClass.NOT_FOUND,
    constants.FX_NO_SUCH_PATH: ErrorClass.NOT_FOUND,
    constants.FX_PERMISSION_DENIED: ErrorClass.CONFIGURATION,
    constants.FX_WRITE_PROTECT: ErrorClass.CONFIGURATION,
    constants.FX_OP_UNSUPPORTED: ErrorClass.CONFIGURATION,
    constants.FX_FILE_ALREADY_EXISTS: ErrorClass.CONFLICT,
    constants.FX_QUOTA_EXCEEDED: ErrorClass.THROTTLED,
    constants.FX_NO_SPACE_ON_FILESYSTEM: ErrorClass.TRANSIENT,
}


def _classed(deed: Deed[P, T]) -> Deed[P, T]:
    """Raises ActionError and nothing of asyncssh."""

    @wraps(deed)
    async def classed(self: "SftpFiles", *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await deed(self, *args, **kwargs)
        except (asyncssh.Error, OSError) as error:
            raise _failure(error, sent=self.committed) from error

    return cast("Deed[P, T]", classed)


class SftpFiles:
    """One session's work below the connection's folder."""

    def __init__(self, io: Transports, client: SFTPClient, folder: str) -> None:
        self._io = io
        self._client = client
        self._folder = folder.rstrip("/") if folder != "/" else "/"
        self.committed = False

    @_classed
    async def entries(self, folder: str) -> list[Entry]:
        prefix = "/".join(parts_of(folder)) + "/" if folder else ""
        found: list[Entry] = []
        async for one in self._client.scandir(self._place(folder) if folder else self._folder or "."):
            name = one.filename if isinstance(one.filename, str) else one.filename.decode("utf-8", "replace")
            if not is_finished(name) or not stat.S_ISREG(one.attrs.permissions or 0):
                continue
            found.append(Entry(prefix + name, one.attrs.size or 0, _modified(one.attrs)))
            if len(found) > MAX_ENTRIES:
                raise too_many()
        return sorted(found, key=lambda entry: entry.path)

    @_classed
    async def read(self, path: str, into: BinaryIO) -> Entry:
        async with self._client.open(self._place(path), "rb") as file:
            attrs = await file.stat()
            size = 0
            while chunk := await file.read(_CHUNK):
                size += len(chunk)
                if size > MAX_FILE_BYTES:
                    raise too_large()
                into.write(chunk if isinstance(chunk, bytes) else chunk.encode())
        return Entry(path, size, _modified(attrs))

    @_classed
    async def replace(self, path: str, content: BinaryIO, *, overwrite: bool) -> bool:
        place = self._place(path)
        above, _, name = place.rpartition("/")
        await self._make(path)
        temporary = f"{above}/{temporary_name(name)}" if above else temporary_name(name)
        try:
            async with self._client.open(temporary, "xb") as file:
                while chunk := content.read(_CHUNK):
                    await file.write(chunk)
            return await self._placed(temporary, place, overwrite=overwrite)
        finally:
            if await self._client.exists(temporary):
                await self._client.remove(temporary)

    @_classed
    async def move(self, source: str, target: str, *, overwrite: bool) -> bool:
        place = self._place(source)
        if not stat.S_ISREG((await self._client.lstat(place)).permissions or 0):
            raise not_found(source)
        await self._make(target)
        return await self._placed(place, self._place(target), overwrite=overwrite)

    @_classed
    async def delete(self, path: str) -> bool:
        place = self._place(path)
        self._commit()
        try:
            await self._client.remove(place)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return False
        return True

    def _commit(self) -> None:
        self._io.committing()
        self.committed = True

    def _place(self, path: str) -> str:
        below = "/".join(parts_of(path))
        return f"{self._folder.rstrip('/')}/{below}" if self._folder else below

    async def _make(self, path: str) -> None:
        above = path.rpartition("/")[0]
        if above:
            await self._client.makedirs(self._place(above), exist_ok=True)

    async def _placed(self, source: str, target: str, *, overwrite: bool) -> bool:
        """Rename. Replacing in one go needs OpenSSH's extension; without it a file that is there stays."""
        if not overwrite:
            if await self._client.exists(target):
                return False
            self._commit()
            await self._client.rename(source, target)
            return True
        self._commit()
        await self._client.posix_rename(source, target)
        return True


@asynccontextmanager
async def opened(io: Transports) -> AsyncIterator[SftpFiles]:
    """A session; raises ActionError and nothing of asyncssh."""
    config = io.config
    host, port = str(config["host"]), int(config.get("port") or 22)
    username, password, key = io.secret("username"), io.secret("password"), io.secret("private_key")
    phrase = io.secret("passphrase")
    keys = [await in_thread(Gate(io), lambda: _private_key(key, phrase))] if key else None  # unlocking takes a while
    sock = await io.dial(host, port, told=True)
    sock.setblocking(False)
    files: SftpFiles | None = None
    try:
        async with (
            asyncssh.connect(
                host,
                port,
                sock=sock,
                config=None,
                known_hosts=(_host_keys(str(config["host_key"])), [], []),
                username=username or "",
                password=password,
                client_keys=keys,
                agent_path=None,
                gss_host=None,
                x509_trusted_certs=None,
                preferred_auth=("publickey",) if key else ("password", "keyboard-interactive"),
                connect_timeout=15,
                login_timeout=15,
                keepalive_interval=15,
            ) as connection,
            connection.start_sftp_client() as client,
        ):
            files = SftpFiles(io, client, str(config.get("folder") or ""))
            yield files
    except (asyncssh.Error, OSError) as error:
        raise _failure(error, sent=files is not None and files.committed) from error
    finally:
        sock.close()


def _host_keys(text: str) -> list[asyncssh.SSHKey]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    try:
        return [asyncssh.import_public_key(line) for line in lines]
    except asyncssh.KeyImportError as error:
        message = "The host key of the connection cannot be read; enter it as in a known_hosts file, without the name."
        raise ActionError(ErrorClass.CONFIGURATION, "sftp_host_key_form", message) from error


def _private_key(text: str, passphrase: str | None) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(text, passphrase or None)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        message = "The private key cannot be read, or its passphrase is wrong."
        raise ActionError(ErrorClass.CONFIGURATION, "sftp_private_key", message) from error


def _failure(error: asyncssh.Error | OSError, *, sent: bool) -> ActionError:
    """Only what kind of refusal it was is told, none of the server's words."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        message = "The server showed another host key than the connection's; nothing was said to it."
        return ActionError(ErrorClass.CONFIGURATION, "sftp_host_key", message)
    if isinstance(error, asyncssh.PermissionDenied):
        return ActionError(ErrorClass.AUTH, "sftp_login", "The server refused the user name, password or key.")
    if isinstance(error, asyncssh.SFTPError) and not isinstance(error, _BROKEN):
        found = _CLASSES.get(error.code, ErrorClass.BUSINESS_REJECTION)
        message = f"The server refused ({type(error).__name__.removeprefix('SFTP')})."
        return ActionError(found, f"sftp_{error.code}", message)
    message = f"The session broke off ({type(error).__name__})."
    return ActionError(ErrorClass.TRANSIENT, "sftp_broken", message, sent=sent)


def _modified(attrs: asyncssh.SFTPAttrs) -> float:
    return float(attrs.mtime or 0)
