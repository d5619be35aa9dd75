"""Connectors from folders and installed packages."""

import importlib.util
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ipaas.core.errors import IpaasError
from ipaas.core.jsonio import JsonInvalid, loads
from ipaas.core.yamlio import load
from ipaas.sdk.connector import Connector, Handler
from ipaas.sdk.manifest_reader import ManifestInvalid, parse_manifest

ENTRY_POINT_GROUP = "ipaas.connectors"
"""Entry points name a module attribute that is the connector folder's path."""


class ConnectorUnloadable(IpaasError):
    """The connector in {folder} cannot be loaded: {reason}."""

    status = 500
    code = "connector_unloadable"
    title = "Connector unloadable"
    remedy = "Mend the folder, then start again."


def load_folder(path: Path) -> Connector:
    """The connector of one folder. Raises ManifestInvalid or ConnectorUnloadable.

    A ``connector.py`` in it is executed: only install folders that you trust.
    """
    try:
        document = load((path / "manifest.yaml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConnectorUnloadable(folder=path.name, reason="manifest.yaml cannot be read") from error
    manifest = parse_manifest(document, lambda name: _read_schema(path, name))
    if manifest.slug != path.name:
        wrong = {"path": "slug", "code": "folder", "message": f"the folder is called {path.name}"}
        raise ManifestInvalid([wrong], connector=manifest.slug)
    handlers = _handlers(path, manifest.slug)
    needed = set() if manifest.protocol == "http" else set(manifest.actions)
    missing = sorted(needed - handlers.keys()) + sorted(handlers.keys() - manifest.actions.keys())
    if missing:
        reason = f"connector.py and the manifest disagree about {', '.join(missing)}"
        raise ConnectorUnloadable(folder=path.name, reason=reason)
    return Connector(manifest, handlers)


def load_all(folders: Iterable[Path], *, installed: bool = True) -> dict[str, Connector]:
    """Every connector below the given folders and of installed packages, by slug; the first of a slug wins.

    Folders come first, so that an installation can replace an installed connector.
    """
    paths = [path.parent for folder in folders for path in sorted(folder.glob("*/manifest.yaml"))]
    if installed:
        paths += [Path(str(point.load())) for point in entry_points(group=ENTRY_POINT_GROUP)]
    found: dict[str, Connector] = {}
    for path in paths:
        if path.name not in found:
            found[path.name] = load_folder(path)
    return found


def _read_schema(folder: Path, name: str) -> Any:
    try:
        return loads((folder / name).read_bytes())
    except (OSError, JsonInvalid) as error:
        raise ConnectorUnloadable(folder=folder.name, reason=f"{name} is missing or not JSON") from error


def _handlers(folder: Path, slug: str) -> Mapping[str, Handler]:
    """The ``HANDLERS`` of connector.py: action name → async function over a HandlerCall."""
    file = folder / "connector.py"
    if not file.exists():
        return {}
    spec = importlib.util.spec_from_file_location(f"ipaas_connector_{slug.replace('-', '_')}", file)
    if spec is None or spec.loader is None:
        raise ConnectorUnloadable(folder=folder.name, reason="connector.py is not importable")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handlers: Mapping[str, Handler] = module.HANDLERS
    return handlers
