"""Descriptions read in a process apart, telling how far it is."""

from dataclasses import asdict
from typing import Any, BinaryIO

import zstandard

from ipaas.core import apart, jsonio
from ipaas.core.errors import InvalidInput
from ipaas.sdk.manifest_reader import ManifestInvalid, parse_manifest
from ipaas.sdk.openapi.findings import ImportFinding
from ipaas.sdk.openapi.importing import Imported, Progress, import_openapi, no_progress
from ipaas.sdk.openapi.reading import OpenApiUnreadable
from ipaas.sdk.openapi.sources import Cleaned, cleaned

SMALL_BYTES = 256 * 1024
"""What is not larger is read while whoever brought it waits."""
LIMITS = apart.Limits(memory_bytes=2 * 1024 * 1024 * 1024, cpu_s=60, wall_s=120.0)
PACKED_LIMITS = jsonio.JsonLimits(
    max_bytes=96 * 1024 * 1024, max_depth=256, max_keys=4_000_000, max_string=4 * 1024 * 1024
)


def read_apart(data: bytes, *, progress: Progress = no_progress, **options: str) -> Imported:
    """Like ``import_openapi``; raises OpenApiUnreadable also for what takes too much memory or time."""
    outcome = b""
    for told in _frames("import_task", options, data):
        if isinstance(told, bytes):
            outcome = told
        else:
            progress(told["phase"], told["done"], told["total"])
    return unpacked(outcome)


def cleaned_apart(data: bytes, kind: str = "") -> Cleaned:
    """Like ``cleaned``; raises OpenApiUnreadable also for what takes too much memory or time."""
    told, source = _frames("clean_task", {"kind": kind}, data)
    return Cleaned(told["kind"], source, told["digest"])


def import_task(params: dict[str, str], file: BinaryIO, give: apart.Give) -> None:
    """In the child: words of progress, then the packed outcome."""

    def progress(phase: str, done: int, total: int) -> None:
        give({"phase": phase, "done": done, "total": total})

    made = import_openapi(file.read(), **params, progress=progress)
    progress("packing", 0, 0)
    give(packed(made))


def clean_task(params: dict[str, str], file: BinaryIO, give: apart.Give) -> None:
    """In the child: what is known of a description, then what may be kept of it."""
    found = cleaned(file.read(), params["kind"])
    give({"kind": found.kind, "digest": found.digest})
    give(found.source)


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


def _frames(task: str, params: dict[str, str], data: bytes) -> Any:
    try:
        yield from apart.frames(f"{__name__}:{task}", params, data, LIMITS)
    except apart.ApartLimit as error:
        reason = f"reading it takes more than {LIMITS.memory_bytes >> 30} GB of memory or {LIMITS.cpu_s} seconds"
        raise OpenApiUnreadable(reason=reason) from error
    except apart.Refused as refused:
        raise _raised(refused) from refused


def _raised(refused: apart.Refused) -> Exception:
    fields = refused.fields
    if refused.name == "ManifestInvalid":
        return ManifestInvalid(fields["errors"], connector=str(fields["params"].get("connector", "")))
    if refused.name == "InvalidInput":
        return InvalidInput(fields["errors"])
    return OpenApiUnreadable(reason=str(fields["params"].get("reason", refused.name)))
