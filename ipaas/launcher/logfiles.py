"""Logs of supervised programs: appended to by the programs themselves, kept from growing without end."""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

LARGE_BYTES = 20_000_000


def open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab")


def rotate_if_large(path: Path, limit: int = LARGE_BYTES) -> bool:
    """Move what is written so far to ``<name>.1``; writers go on, since they append to the emptied file."""
    if not path.exists() or path.stat().st_size < limit:
        return False
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)
    return True
