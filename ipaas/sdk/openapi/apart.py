"""Descriptions read apart from the process that asks: with limits on memory and time, telling how far it is."""

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import zstandard

from ipaas.core import jsonio
from ipaas.sdk.manifest_reader import ManifestInvalid, parse_manifest
from ipaas.sdk.openapi.findings import ImportFinding
from ipaas.sdk.openapi.importing import Imported, Progress, import_openapi, no_progress
from ipaas.sdk.openapi.reading import OpenApiUnreadable

SMALL_BYTES = 256 * 1024
"""What is not larger is read where it is asked for: starting a process would take longer."""
MEMORY_BYTES = 2 * 1024 * 1024 * 1024
CPU_S = 60
WALL_S = 120.0
PACKED_LIMITS = jsonio.JsonLimits(
    max_bytes=96 * 1024 * 1024, max_depth=256, max_keys=4_000_000, max_string=4 * 1024 * 1024
)
_ROOT = Path(__file__).resolve().parents[3]


def read_apart(data: bytes, *, progress: Progress = no_progress, **options: str) -> Imported:
    """Like ``import_openapi``, in a child process unless the description is small.

    Raises what that raises, and OpenApiUnreadable for one that takes too much memory or time.
    """
    if len(data) <= SMALL_BYTES:
        return import_openapi(data, progress=progress, **options)
    return unpacked(_packed_by_child(data, options, progress))


def packed(made: Imported) -> bytes:
    """An outcome as a child hands it over and a draft keeps it."""
    outcome = {
        "document": made.document,
        "dialect": made.dialect,
        "groups": made.groups,
        "findings": [asdict(one) for one in made.findings],
    }
    return zstandard.compress(jsonio.dumps(outcome), level=6)


def unpacked(packed: bytes) -> Imported:
    """The inverse of ``packed``."""
    found = jsonio.loads(zstandard.decompress(packed), limits=PACKED_LIMITS)
    findings = tuple(ImportFinding(**one) for one in found["findings"])
    return Imported(found["document"], parse_manifest(found["document"]), found["dialect"], found["groups"], findings)


def _packed_by_child(data: bytes, options: dict[str, str], progress: Progress) -> bytes:
    child = subprocess.Popen(  # noqa: S603 - our own module, without a shell
        [sys.executable, "-I", "-c", _START, str(_ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
    )
    end = threading.Timer(WALL_S, child.kill)
    end.start()
    try:
        feeding = threading.Thread(target=_feed, args=(_pipe(child.stdin), jsonio.dumps(options) + b"\n" + data))
        feeding.start()
        packed = _followed(_pipe(child.stdout), progress)
        feeding.join()
    finally:
        end.cancel()
        child.kill()
        child.wait()
        _pipe(child.stdout).close()
    return packed


_START = "import sys; sys.path.insert(0, sys.argv[1]); from ipaas.sdk.openapi.__main__ import main; sys.exit(main())"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # both are asked for above
        raise AssertionError
    return pipe


def _feed(pipe: IO[bytes], data: bytes) -> None:
    try:
        with pipe:
            pipe.write(data)
    except BrokenPipeError:
        return  # the child ended; its output says why


def _followed(pipe: IO[bytes], progress: Callable[[str, int, int], None]) -> bytes:
    while line := pipe.readline(1_000_000):
        told: dict[str, Any] = jsonio.loads(line)
        if "phase" in told:
            progress(told["phase"], told["done"], told["total"])
        elif "bytes" in told:
            packed = pipe.read(told["bytes"])
            if len(packed) == told["bytes"]:
                return packed
            break
        elif told["failed"] == "ManifestInvalid":
            raise ManifestInvalid(told["errors"], connector=str(told["params"].get("connector", "")))
        elif told["failed"] == "OpenApiUnreadable":
            raise OpenApiUnreadable(reason=told["params"]["reason"])
        else:
            break
    raise OpenApiUnreadable(reason=f"reading it takes more than {MEMORY_BYTES >> 30} GB of memory or {CPU_S} seconds")
