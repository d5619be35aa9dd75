"""The generated suite without pytest: for the command line, and for packing."""

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipaas.core.errors import IpaasError
from ipaas.sdk.loader import load_folder
from ipaas.sdk.quality import Facts, Quality, has_stand_in, judge
from ipaas.sdk.samples import read_samples
from ipaas.sdk.testing import ConnectorSuite


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of one test; ``message`` is empty where it passed."""

    name: str
    message: str = ""

    @property
    def passed(self) -> bool:
        return not self.message

    @property
    def words(self) -> str:
        return self.name.removeprefix("test_").replace("_", " ")


def run_suite(folder: Path, settings: Mapping[str, Any] | None = None) -> Iterator[Tested]:
    """Every test of the suite in its order, one after the other, against the connector's own stand-in."""
    suite = ConnectorSuite()
    suite.folder, suite.config = folder, settings or {}
    suite.stubbed = has_stand_in(load_folder(folder).manifest)
    for name in _names():
        yield Tested(name, _message(getattr(suite, name)))


def quality_of(folder: Path, tested: list[Tested]) -> Quality:
    """The level that the outcome of the suite stands for."""
    manifest = load_folder(folder).manifest
    failed = {one.name: one.message for one in tested if not one.passed}
    return judge(Facts(manifest, tuple(read_samples(folder, manifest))), failed)


def _names() -> list[str]:
    ordered = [name for kind in ConnectorSuite.__mro__ for name in vars(kind) if name.startswith("test_")]
    return list(dict.fromkeys(ordered))


def _message(test: Callable[[], Any]) -> str:
    try:
        outcome = test()
        if inspect.iscoroutine(outcome):
            asyncio.run(outcome)
    except AssertionError as error:
        return str(error) or "failed"
    except IpaasError as error:
        return f"{error.detail} {error.advice}".strip()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
