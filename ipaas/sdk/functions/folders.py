"""Folders of functions: read into the manifest of a connector, and tested."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.core.yamlio import load
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError
from ipaas.sdk.functions.running import USUAL_TIMEOUT_S, check_output, function_handlers, run_function
from ipaas.sdk.manifest_reader import ManifestInvalid, parse_manifest
from ipaas.sdk.schemas import Validator, compile_schema, findings

DESCRIPTION, CODE = "functions.yaml", "functions.py"
PROTOCOL = "python"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One test of a function; ``problem`` is empty when it passed."""

    function: str
    name: str
    problem: str


def is_function_folder(folder: Path) -> bool:
    return (folder / DESCRIPTION).is_file()


def load_functions(folder: Path) -> Connector:
    """The connector that a folder of functions is. Its code is read, never executed here. Raises ManifestInvalid."""
    document = described(folder)
    manifest = parse_manifest(_manifest(document))
    file = folder / CODE
    try:
        code = file.read_bytes()
    except OSError as error:
        raise _invalid(manifest.slug, "functions", f"there is no {CODE} beside {DESCRIPTION}") from error
    return Connector(manifest, function_handlers(file.resolve(), manifest.actions), None, code)


def described(folder: Path) -> dict[str, Any]:
    """The valid description of a folder. Raises ManifestInvalid."""
    try:
        document = load((folder / DESCRIPTION).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(folder.name, "", f"{DESCRIPTION} cannot be read") from error
    except IpaasError as error:
        raise _invalid(folder.name, "", str(error.detail)) from error
    found = findings(_form(), document)
    if not found and document["slug"] != folder.name:
        found = [{"path": "slug", "code": "folder", "message": f"the folder is called {folder.name}"}]
    if found:
        raise ManifestInvalid(found, connector=folder.name)
    return dict(document)


def _manifest(document: Mapping[str, Any]) -> dict[str, Any]:
    actions = {name: _action(one) for name, one in document["functions"].items()}
    return {
        **{key: document[key] for key in ("slug", "title", "summary", "version")},
        "category": "generic",
        "vendor": "own functions",
        "protocol": PROTOCOL,
        "auth": [{"name": "none", "type": "none", "title": "No sign-in"}],
        "actions": actions,
    }


def _action(told: Mapping[str, Any]) -> dict[str, Any]:
    tests = "; ".join(one["name"] for one in told["tests"])
    return {
        "title": told["title"],
        "doc": f"{told['doc'].rstrip()} Tested: {tests}.",
        "effect": "safe",
        "params_schema": told["input"],
        "params_example": told["tests"][0]["input"],
        "response": {"schema": told["output"]},
        "timeout_s": told.get("timeout_s", USUAL_TIMEOUT_S),
    }


def run_tests(folder: Path) -> Iterator[CaseResult]:
    """Every test of a folder, each in a process apart as in a flow. Raises ManifestInvalid."""
    connector = load_functions(folder)
    for name, told in described(folder)["functions"].items():
        for case in told["tests"]:
            yield CaseResult(name, case["name"], _problem(connector, folder, name, told, case))


def _problem(connector: Connector, folder: Path, name: str, told: Mapping[str, Any], case: Mapping[str, Any]) -> str:
    try:
        given = connector.action(name).checked_params(case["input"])
        output = run_function((folder / CODE).resolve(), name, dict(given), told.get("timeout_s", USUAL_TIMEOUT_S))
        check_output(told["output"], output)
    except ActionError as error:
        if case.get("error") == error.vendor_code:
            return ""
        return f"{error.vendor_code}: {error.message}"
    except IpaasError as error:
        return "" if case.get("error") == error.code else str(error.detail)
    if "error" in case:
        return f"it returned {_shown(output)}, the error {case['error']} is expected"
    same = jsonio.canonical(output) == jsonio.canonical(case["expect"])
    return "" if same else f"it returned {_shown(output)}, {_shown(case['expect'])} is expected"


def _shown(value: Any) -> str:
    return jsonio.dumps(value).decode()[:300]


@cache
def _form() -> Validator:
    return compile_schema(json.loads(Path(__file__).with_name("functions.schema.json").read_text("utf-8")))


def _invalid(slug: str, path: str, message: str) -> ManifestInvalid:
    return ManifestInvalid([{"path": path, "code": "functions", "message": message}], connector=slug)
