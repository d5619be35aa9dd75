"""Described stand-ins that were started: their manifests in a folder, so that a restart finds them again."""

import re
from collections.abc import Iterator
from pathlib import Path

import zstandard

from ipaas.core import jsonio
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.core.logging import get_logger
from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest_reader import parse_manifest
from ipaas.sdk.openapi.behaviour import stub_section
from ipaas.sdk.stubs.described import DescribedStub

log = get_logger(__name__)
LIMITS = jsonio.JsonLimits(max_bytes=64 * 1024 * 1024, max_depth=256, max_keys=4_000_000, max_string=4 * 1024 * 1024)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,59}\.[a-z][a-z0-9-]{0,59}\Z")
_ENDING = ".json.zst"


class KeptStubs:
    """``folder`` is made when the first is kept; without one nothing outlives the process."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def keep(self, name: str, packed: bytes) -> DescribedStub:
        """Make a stand-in of a packed manifest and keep that. Raises InvalidInput, ManifestInvalid."""
        made = described_stub(name, packed)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._folder / f"{name}{_ENDING}.new"
            draft.write_bytes(packed)
            draft.replace(self._folder / f"{name}{_ENDING}")
        return made

    def drop(self, name: str) -> None:
        if self._folder is not None:
            (self._folder / f"{_checked(name)}{_ENDING}").unlink(missing_ok=True)

    def __iter__(self) -> Iterator[DescribedStub]:
        """All that were kept; one that can not be read any more is told in the log and left where it is."""
        for file in sorted(self._folder.glob(f"*{_ENDING}")) if self._folder is not None else ():
            try:
                yield described_stub(file.name.removesuffix(_ENDING), file.read_bytes())
            except (IpaasError, OSError):
                log.exception("a kept stand-in can not be read", action="stub_unreadable", file=file.name)


def described_stub(name: str, packed: bytes) -> DescribedStub:
    """The stand-in of a manifest as ``catalog`` packs it. Raises InvalidInput, ManifestInvalid."""
    _checked(name)
    try:
        size = zstandard.frame_content_size(packed)
        if not 0 <= size <= LIMITS.max_bytes:
            raise _refused("body", "is no packed manifest of at most 64 MB")
        document = jsonio.loads(zstandard.decompress(packed), limits=LIMITS)
    except (zstandard.ZstdError, jsonio.JsonInvalid) as error:
        raise _refused("body", "is no packed manifest") from error
    if not isinstance(document, dict) or not isinstance(document.get("actions"), dict):
        raise _refused("body", "is no manifest")
    if not document.get("stub", {}).get("described"):  # kept before descriptions gave one
        document["stub"] = stub_section(document["actions"], document.get("definitions", {}))
    made = DescribedStub(Connector(parse_manifest(document)))
    made.slug = name
    return made


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise _refused("vendor", "is the owner's name, a dot, and the connector's")
    return name


def _refused(path: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": path, "code": "stub.invalid", "message": message}])
