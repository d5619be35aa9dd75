"""Files of this machine below one folder: no step out of it, no symbolic link followed."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import uuid4

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError

T = TypeVar("T")
MAX_ENTRIES = 5000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TEMPORARY = (".tmp", ".part", ".filepart", "~")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as a listing shows it; ``modified`` in seconds since 1970."""

    path: str
    size: int
    modified: float


def parts_of(path: str) -> list[str]:
    """The names of a relative path. Raises ActionError (contract violation) for one that could lead elsewhere."""
    parts = path.split("/")
    if not path or len(path) > 1000 or any(not _is_name(part) for part in parts):
        message = "A path is relative, its names separated by single slashes, without . and .. and control characters."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "bad_path", message)
    return parts


def _is_name(part: str) -> bool:
    plain = part not in ("", ".", "..") and "\\" not in part and len(part.encode("utf-8", "replace")) <= 255
    return plain and all(ord(char) >= 32 and ord(char) != 127 for char in part) and _encodable(part)


def _encodable(part: str) -> bool:
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_finished(name: str) -> bool:
    """Whether a name is that of a whole file: not hidden and not of one still being written."""
    return not name.startswith(".") and not name.endswith(_TEMPORARY)


def temporary_name(name: str) -> str:
    """Beside the file that it becomes, hidden from listings."""
    return f".{name[:200]}.{uuid4().hex}.tmp"


def place_below(folder: Path, path: str) -> Path:
    """The path of a file below the folder, for libraries that open by themselves."""
    place = folder
    for part in parts_of(path):
        place = place / part
        if place.is_symlink():
            raise _escape()
    return place


class Folder:
    """Work on files below ``root``; every name on the way is opened relative to the one before and is no link."""

    def __init__(self, root: Path, below: str = "") -> None:
        self._root = root
        self._below = parts_of(below) if below else []

    def entries(self, path: str) -> list[Entry]:
        """The finished files directly in a folder, "" for the root; at most MAX_ENTRIES."""
        parts = parts_of(path) if path else []
        found: list[Entry] = []
        with self._directory(parts) as descriptor, os.scandir(descriptor) as listing:
            for one in listing:
                if not is_finished(one.name) or not one.is_file(follow_symlinks=False):
                    continue
                status = one.stat(follow_symlinks=False)
                found.append(Entry("/".join([*parts, one.name]), status.st_size, status.st_mtime))
                if len(found) > MAX_ENTRIES:
                    raise too_many()
        return sorted(found, key=lambda entry: entry.path)

    @contextmanager
    def opened(self, path: str) -> Iterator[BinaryIO]:
        """A file for reading."""
        *above, name = parts_of(path)
        with self._directory(above) as descriptor:
            handle = _told(path, lambda: os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ActionError(ErrorClass.CONTRACT_VIOLATION, "not_a_file", "The path is that of a folder.")
            yield file

    @staticmethod
    def modified(file: BinaryIO) -> float:
        return os.fstat(file.fileno()).st_mtime

    def replace(self, path: str, content: BinaryIO, *, overwrite: bool, before: Callable[[], None]) -> bool:
        """Write a file whole or not at all; False when one is there that may not be replaced.

        ``before`` is called as the last thing before the file stands in its place.
        """
        *above, name = parts_of(path)
        temporary = temporary_name(name)
        with self._directory(above, make=True) as descriptor:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = _told(path, lambda: os.open(temporary, flags, 0o640, dir_fd=descriptor))
            try:
                with os.fdopen(handle, "wb") as file:
                    while chunk := content.read(1 << 20):
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                before()
                if not _placed(path, (temporary, descriptor), (name, descriptor), overwrite=overwrite):
                    return False
                os.fsync(descriptor)
            finally:
                _gone(temporary, descriptor)
        return True

    def move(self, source: str, target: str, *, overwrite: bool, before: Callable[[], None]) -> bool:
        """Move a file; False when ``target`` is there and may not be replaced. Raises ActionError (not found)."""
        (*from_parts, old), (*to_parts, new) = parts_of(source), parts_of(target)
        with self._directory(from_parts) as here, self._directory(to_parts, make=True) as there:
            if not stat.S_ISREG(_told(source, lambda: os.stat(old, dir_fd=here, follow_symlinks=False)).st_mode):
                raise _escape()
            before()
            if not _placed(target, (old, here), (new, there), overwrite=overwrite):
                return False
            if not overwrite:
                _gone(old, here)
        return True

    def delete(self, path: str, *, before: Callable[[], None]) -> bool:
        """Remove a file; False when there is none."""
        *above, name = parts_of(path)
        try:
            with self._directory(above) as descriptor:
                before()
                return _told(path, lambda: _gone(name, descriptor))
        except ActionError as error:
            if error.error_class is ErrorClass.NOT_FOUND:
                return False
            raise

    @contextmanager
    def _directory(self, parts: list[str], *, make: bool = False) -> Iterator[int]:
        try:
            descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            message = f"The folder {self._root.name} is missing on this machine; an operator makes it."
            raise ActionError(ErrorClass.CONFIGURATION, "no_folder", message) from error
        try:
            for part in [*self._below, *parts]:
                if make:
                    _made(part, descriptor)
                above = descriptor
                descriptor = _told("/".join(parts), lambda: os.open(part, _DIRECTORY, dir_fd=above))  # noqa: B023
                os.close(above)
            yield descriptor
        finally:
            os.close(descriptor)


def too_many() -> ActionError:
    message = f"The folder holds more than {MAX_ENTRIES} files; move those that are done elsewhere."
    return ActionError(ErrorClass.CONTRACT_VIOLATION, "too_many_files", message)


def not_found(path: str) -> ActionError:
    return ActionError(ErrorClass.NOT_FOUND, "no_such_file", f"There is no file {path[:200]}.")


def _escape() -> ActionError:
    message = "The path leads over a symbolic link or to something that is not a file; neither is followed."
    return ActionError(ErrorClass.CONTRACT_VIOLATION, "not_followed", message)


def _placed(path: str, source: tuple[str, int], target: tuple[str, int], *, overwrite: bool) -> bool:
    """Rename, or link without replacing; False when the target is there and may not be replaced."""
    if overwrite:
        _told(path, lambda: os.rename(source[0], target[0], src_dir_fd=source[1], dst_dir_fd=target[1]))
        return True
    link = lambda: os.link(source[0], target[0], src_dir_fd=source[1], dst_dir_fd=target[1], follow_symlinks=False)  # noqa: E731
    try:
        _told(path, link)
    except FileExistsError:
        return False
    return True


def _made(name: str, descriptor: int) -> None:
    try:
        _told(name, lambda: os.mkdir(name, 0o750, dir_fd=descriptor))
    except FileExistsError:
        return


def _gone(name: str, descriptor: int) -> bool:
    try:
        os.unlink(name, dir_fd=descriptor)
    except FileNotFoundError:
        return False
    return True


def _told(path: str, deed: Callable[[], T]) -> T:
    """Do it; what the system refuses is told without the folder's place on the machine."""
    try:
        return deed()
    except FileExistsError:
        raise
    except FileNotFoundError as error:
        raise not_found(path) from error
    except (NotADirectoryError, IsADirectoryError) as error:
        raise _escape() from error
    except PermissionError as error:
        message = "The product's user may not touch this file; an operator gives it the right."
        raise ActionError(ErrorClass.CONFIGURATION, "file_forbidden", message) from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise _escape() from error
        message = f"The file system refused ({errno.errorcode.get(error.errno or 0, 'error')})."
        raise ActionError(ErrorClass.TRANSIENT, "file_system", message) from error
