"""Connectors from folders and installed packages."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from ipaas.core.errors import IpaasError
from ipaas.core.jsonio import JsonInvalid, loads
from ipaas.core.logging import get_logger
from ipaas.core.yamlio import load
from ipaas.sdk.connector import Connector, Handler
from ipaas.sdk.functions.folders import DESCRIPTION, is_function_folder, load_functions
from ipaas.sdk.manifest_reader import ManifestInvalid, parse_manifest
from ipaas.sdk.quality import read_quality

log = get_logger(__name__)
CODE = "connector.py"
ENTRY_POINT_GROUP, FUNCTIONS_GROUP = "ipaas.connectors", "ipaas.functions"
"""Entry points name a module attribute that is the path of the connector's folder, or of a folder of functions."""


class ConnectorUnloadable(IpaasError):
    """The connector in {folder} cannot be loaded: {reason}."""

    status = 500
    code = "connector_unloadable"
    title = "Connector unloadable"
    remedy = "Mend the folder, then start again."


class NoConnectorFolders(ConnectorUnloadable):
    """{folder} holds no connector folders: {reason}."""

    code = "connector_folders_missing"
    title = "Connector folders missing"
    remedy = "Name the folder that holds the connectors' folders."


class SlugTaken(ConnectorUnloadable):
    """There are two connectors called {slug}: {first} has the name, {second} is not loaded."""

    code = "connector_slug_taken"
    title = "Connector slug taken"
    remedy = "Remove one of them, or give it another slug."


def load_folder(path: Path) -> Connector:
    """The connector of one folder. Raises ManifestInvalid or ConnectorUnloadable.

    A ``connector.py`` in it is executed: only install folders that you trust. A ``functions.py`` never is, here.
    """
    if is_function_folder(path):
        return load_functions(path)
    try:
        document = load((path / "manifest.yaml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConnectorUnloadable(folder=path.name, reason="manifest.yaml cannot be read") from error
    manifest = parse_manifest(document, lambda name: _read_schema(path, name))
    if manifest.slug != path.name:
        wrong = {"path": "slug", "code": "folder", "message": f"the folder is called {path.name}"}
        raise ManifestInvalid([wrong], connector=manifest.slug)
    code = code_of(path)
    handlers = _handlers(path, manifest.slug)
    needed = set() if manifest.protocol == "http" else set(manifest.actions)
    missing = sorted(needed - handlers.keys()) + sorted(handlers.keys() - manifest.actions.keys())
    if missing:
        reason = f"connector.py and the manifest disagree about {', '.join(missing)}"
        raise ConnectorUnloadable(folder=path.name, reason=reason)
    return Connector(manifest, handlers, read_quality(path), code)


@dataclass(frozen=True, slots=True)
class Unloaded:
    """A folder or package that is there and can not be used; ``reason`` says why, and what to do."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All that was found: connectors and their folders by slug, and what could not be loaded."""

    connectors: dict[str, Connector]
    unloaded: tuple[Unloaded, ...]
    folders: Mapping[str, Path] = field(default_factory=dict)


def survey(folders: Iterable[Path], *, installed: bool = True) -> Survey:
    """Every connector below the given folders and of installed packages.

    Whoever comes first has the slug; a later one of the same name is not loaded, and neither is one with a fault:
    what others wrote must not keep the rest from working.
    """
    found: dict[str, Connector] = {}
    places: dict[str, str] = {}
    unloaded: list[Unloaded] = []
    opened: dict[str, Path] = {}
    for place, open_place in _places(folders, installed=installed):
        try:
            path = open_place()
            if path.name in found:
                raise SlugTaken(slug=path.name, first=places[path.name], second=place)
            found[path.name], places[path.name], opened[path.name] = load_folder(path), place, path
        except IpaasError as error:
            unloaded.append(Unloaded(place, f"{error.detail} {error.advice}".strip()))
        except Exception as error:
            log.exception("a connector can not be loaded", action="connector_unloadable", place=place)
            unloaded.append(Unloaded(place, f"It can not be loaded ({type(error).__name__}): {error}"[:300]))
    return Survey(found, tuple(unloaded), opened)


def load_all(folders: Iterable[Path], *, installed: bool = True) -> dict[str, Connector]:
    """Every connector, by slug, where all of them have to be loadable. Raises ConnectorUnloadable."""
    whole = survey(folders, installed=installed)
    for one in whole.unloaded:
        raise ConnectorUnloadable(folder=one.place, reason=one.reason)
    return whole.connectors


def _places(folders: Iterable[Path], *, installed: bool) -> Iterator[tuple[str, Callable[[], Path]]]:
    for folder in folders:
        if not folder.is_dir() or (folder / "manifest.yaml").exists():
            yield str(folder), partial(_no_place, folder)
            continue
        for file in sorted([*folder.glob("*/manifest.yaml"), *folder.glob(f"*/{DESCRIPTION}")]):
            yield str(file.parent), partial(Path, file.parent)
    groups = (ENTRY_POINT_GROUP, FUNCTIONS_GROUP) if installed else ()
    for point in (one for group in groups for one in entry_points(group=group)):
        name = point.dist.name if point.dist is not None else point.module
        yield f"the package {name}", partial(_folder_of, point)


def _no_place(folder: Path) -> Path:
    """Raise for a name that holds no connector folders."""
    wrong = "it is a connector itself" if folder.is_dir() else "there is no such folder"
    raise NoConnectorFolders(folder=str(folder), reason=wrong)


def _folder_of(point: EntryPoint) -> Path:
    return Path(str(point.load()))


def _read_schema(folder: Path, name: str) -> Any:
    try:
        return loads((folder / name).read_bytes())
    except (OSError, JsonInvalid) as error:
        raise ConnectorUnloadable(folder=folder.name, reason=f"{name} is missing or not JSON") from error


def code_of(folder: Path) -> bytes:
    """The text of a folder's connector.py; empty where it has none."""
    try:
        return (folder / CODE).read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConnectorUnloadable(folder=folder.name, reason=f"{CODE} cannot be read") from error


def handlers_in(file: Path, name: str) -> Mapping[str, Handler]:
    """The ``HANDLERS`` of a connector.py, which is executed: action name → async function over a HandlerCall."""
    spec = importlib.util.spec_from_file_location(f"ipaas_connector_{name.replace('-', '_')}", file)
    if spec is None or spec.loader is None:
        raise ConnectorUnloadable(folder=file.parent.name, reason=f"{file.name} is not importable")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handlers: Mapping[str, Handler] = module.HANDLERS
    return handlers


def _handlers(folder: Path, slug: str) -> Mapping[str, Handler]:
    return handlers_in(folder / CODE, slug) if (folder / CODE).exists() else {}
