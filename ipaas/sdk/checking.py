"""What is wrong with a connector's folder, found without calling anything: place, what, and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from ipaas.core.errors import IpaasError
from ipaas.core.yamlio import YamlInvalid, composed, load
from ipaas.expressions import ExpressionError
from ipaas.sdk.bodies import RequestNotBuildable
from ipaas.sdk.connector import Connector, ParamsInvalid
from ipaas.sdk.loader import load_folder
from ipaas.sdk.manifest import ActionSpec, Manifest
from ipaas.sdk.manifest_reader import ManifestInvalid
from ipaas.sdk.samples import read_samples

MANIFEST = "manifest.yaml"
_KEYS = "docs/reference/connector-manifest.md describes every key."
_REMEDIES = {
    "unknown_action": "Correct the name, or describe the action.",
    "not_safe": "Name a safe action, or correct its effect.",
    "folder": "Give folder and slug the same name.",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """``fault``: the connector can not be used like this. ``hint``: it can, and would be better otherwise."""

    level: Literal["fault", "hint"]
    place: str
    message: str
    remedy: str


def check_folder(folder: Path) -> list[Fault]:
    """All that can be told of a connector's folder, faults first."""
    path = folder / MANIFEST
    try:
        text = path.read_text("utf-8")
        load(text)
    except (OSError, UnicodeDecodeError):
        remedy = "Run `ipaas connector new` to begin one, or name the folder that holds manifest.yaml."
        return [Fault("fault", MANIFEST, "can not be read", remedy)]
    except YamlInvalid as error:
        return [Fault("fault", f"{MANIFEST}:{error.line or 1}", error.detail, error.advice)]
    lines = _Lines(text)
    try:
        connector = load_folder(folder)
    except ManifestInvalid as error:
        return [
            Fault("fault", lines.place(one["path"]), one["message"], _REMEDIES.get(one["code"], _KEYS))
            for one in error.errors
        ]
    except IpaasError as error:
        return [Fault("fault", "connector.py", error.detail, error.advice)]
    except ExpressionError as error:
        return [Fault("fault", MANIFEST, error.detail, error.advice)]
    except Exception as error:
        remedy = "Make connector.py importable: it may use the standard library and ipaas.sdk."
        return [Fault("fault", "connector.py", f"{type(error).__name__}: {error}", remedy)]
    found = [*_actions(connector, lines), *_samples(folder, connector.manifest), *_files(folder, connector.manifest)]
    found += _hints(connector.manifest, lines)
    return sorted(found, key=lambda one: one.level)


class _Lines:
    """Where a place of the manifest stands in its file."""

    def __init__(self, text: str) -> None:
        self._root = composed(text)

    def place(self, path: str) -> str:
        """``manifest.yaml:12 actions.read.path``; the line is that of the deepest part that is there."""
        node: Any = self._root
        line = 1
        for part in filter(None, path.strip("/").replace("/", ".").split(".")):
            following = _below(node, part)
            if following is None:
                break
            line, node = following
        return f"{MANIFEST}:{line} {path}".rstrip()


def _below(node: Any, part: str) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        found = [(key, value) for key, value in node.value if getattr(key, "value", None) == part]
        return (found[0][0].start_mark.line + 1, found[0][1]) if found else None
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        inner = node.value[int(part)]
        return inner.start_mark.line + 1, inner
    return None


def _actions(connector: Connector, lines: _Lines) -> Iterator[Fault]:
    """Templates compile, and examples fit and make a request."""
    for name, spec in connector.manifest.actions.items():
        place = lines.place(f"actions.{name}")
        try:
            action = connector.actions[name]
            if not spec.params_example and spec.params_schema.get("required"):
                remedy = "Give params_example: documentation and the generated suite use it."
                yield Fault("fault", place, "has required parameters and no example", remedy)
                continue
            params = action.checked_params(dict(spec.params_example))
            if name not in connector.handlers:
                settings = connector.with_config_defaults(connector.manifest.config_example)
                action.build(params, settings, "key")
        except ParamsInvalid as error:
            at = lines.place(f"actions.{name}.params_example")
            yield from (Fault("fault", at, f"{one['path']}: {one['message']}", _KEYS) for one in error.errors)
        except (ExpressionError, RequestNotBuildable) as error:
            yield Fault("fault", place, error.detail, error.advice)


def _samples(folder: Path, manifest: Manifest) -> Iterator[Fault]:
    remedy = "docs/how-to/write-a-connector.md shows what a sample holds."
    try:
        read_samples(folder, manifest)
    except ManifestInvalid as error:
        yield from (Fault("fault", one["path"], one["message"], remedy) for one in error.errors)
    except YamlInvalid as error:
        yield Fault("fault", "samples", error.detail, error.advice)


def _files(folder: Path, manifest: Manifest) -> Iterator[Fault]:
    try:
        readme = (folder / "README.md").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        yield Fault("fault", "README.md", "is missing", "Say what the connector is for, and name its actions.")
        return
    if missing := [name for name in manifest.actions if f"`{name}`" not in readme]:
        yield Fault("fault", "README.md", f"does not name {', '.join(missing[:8])}", "Name every action in it.")
    if manifest.title not in readme:
        yield Fault("fault", "README.md", f"does not say {manifest.title}", "Begin it with the connector's title.")
    if not (folder / "icon.svg").exists():
        yield Fault("fault", "icon.svg", "is missing", "Draw one of plain shapes, 32 by 32, in currentColor.")


def _hints(manifest: Manifest, lines: _Lines) -> Iterator[Fault]:
    if not manifest.errors:
        yield Fault("hint", lines.place("errors"), "there is no error table", "Say what the vendor's error codes mean.")
    if not manifest.test_action:
        yield Fault("hint", lines.place("test_action"), "no action tests a connection", "Name a safe action.")
    if not manifest.changelog_url:
        remedy = "Name the page on which the vendor announces changes."
        yield Fault("hint", lines.place("changelog_url"), "is not told", remedy)
    known = {scope for scheme in manifest.auth.values() for scope in scheme.scopes}
    for name, spec in manifest.actions.items():
        yield from _action_hints(spec, lines.place(f"actions.{name}"), known)


def _action_hints(spec: ActionSpec, place: str, known: set[str]) -> Iterator[Fault]:
    if spec.effect == "unkeyed":
        remedy = "Where the vendor takes a key or can be asked, say so in idempotency; else people decide in doubt."
        yield Fault("hint", place, "a repetition can not be recognised", remedy)
    unknown = sorted(set(spec.scopes) - known) if known else []
    if unknown:
        remedy = "Add it to the scopes of an authentication scheme, or correct it."
        yield Fault("hint", place, f"no scheme asks for the scope {', '.join(unknown)}", remedy)
    if spec.response.schema is None and spec.response.format == "json":
        yield Fault("hint", place, "the answer has no schema", "Describe it: a change of the vendor's is then noticed.")
