"""Functions of one's own: a folder becomes a connector, its code runs apart, what it must not do it can not."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ipaas.catalog import kept_code
from ipaas.cli.function_kit import functions
from ipaas.core import yamlio
from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.functions.folders import load_functions, run_tests
from ipaas.sdk.functions.running import run_function
from ipaas.sdk.loader import survey
from ipaas.sdk.manifest_reader import ManifestInvalid

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "functions" / "scoring"
GIVEN = {"total": 900, "country": "DE", "first_order": True}
BAD = """
import os, socket, time, pathlib
from ipaas.sdk.functions import Rejected

def environment(given): return dict(os.environ)
def connect(given): socket.create_connection(("127.0.0.1", 9))
def read(given): return pathlib.Path(given["path"]).read_text()
def write(given): pathlib.Path(given["path"]).write_text("x")
def endless(given):
    while True: pass
def large(given): return "x" * (2 << 30)
def odd(given): return object()
def secret(given): raise KeyError(given["word"])
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of the example, below a folder of connector folders."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "own" / "scoring"))


class NoTransports:
    def committing(self) -> None:
        raise AssertionError


async def called(connector: Any, given: dict[str, Any]) -> Any:
    return (await connector.execute("order_risk", given, NoTransports())).data


async def test_a_folder_becomes_a_connector_whose_actions_are_its_functions(own: Path) -> None:
    found = survey([own.parent], installed=False)
    assert found.unloaded == ()
    connector = found.connectors["scoring"]
    action = connector.manifest.actions["order_risk"]
    assert (connector.manifest.protocol, action.effect, action.timeout_s) == ("python", "safe", 5)
    assert action.params_example == {"total": 40, "country": "DE"}
    assert await called(connector, GIVEN) == {"points": 70, "verdict": "review"}
    with pytest.raises(ActionError) as caught:
        await called(connector, {**GIVEN, "country": "XX"})
    assert caught.value.error_class is ErrorClass.BUSINESS_REJECTION
    assert (caught.value.vendor_code, caught.value.message) == ("country", "we do not deliver to XX")
    with pytest.raises(ActionError, match="total"):
        await called(connector, {"country": "DE"})


async def test_an_output_that_breaks_its_schema_is_no_output(own: Path) -> None:
    code = (own / "functions.py").read_text().replace('"accept"', '"perhaps"').replace("40", "0")
    (own / "functions.py").write_text(code)
    with pytest.raises(ActionError, match="output breaks its schema: verdict"):
        await called(load_functions(own), GIVEN)


async def test_an_older_version_runs_apart_from_its_kept_copy(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_code, "_place", lambda digest: tmp_path / f"{digest}.py")
    before = load_functions(own)
    kept_code.keep_code([before])
    (own / "functions.py").write_text("raise SystemExit")
    digest = kept_code.digest_of(before)
    kept = kept_code.kept_handlers("scoring", digest, ("order_risk",))
    assert kept is not None
    before.handlers = dict(kept)
    assert (await called(before, GIVEN))["points"] == 70


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("connect", "PermissionError at socket.py"),
        ("write", "PermissionError at pathlib.py"),
        ("endless", "MB of memory or 1 seconds"),
        ("large", "or gives more than 10 MB"),
        ("odd", "TypeError at jsonio.py"),
        ("secret", "KeyError at functions.py:13"),
        ("absent", "AttributeError at running.py"),
    ],
)
def test_what_a_function_must_not_do_ends_it_alone(tmp_path: Path, function: str, told: str) -> None:
    (tmp_path / "functions.py").write_text(BAD)
    given = {"path": str(tmp_path / "made"), "word": "s3cret"}
    with pytest.raises(ActionError) as caught:
        run_function(tmp_path / "functions.py", function, given, 1 if function == "endless" else 20)
    assert told in caught.value.message
    assert "s3cret" not in caught.value.message
    assert not (tmp_path / "made").exists()


def test_a_function_sees_its_own_folder_and_no_environment(tmp_path: Path) -> None:
    place = tmp_path / "functions.py"
    place.write_text(BAD)
    (tmp_path / "table.txt").write_text("own")
    assert set(run_function(place, "environment", {})) <= {"LC_CTYPE"}
    assert run_function(place, "read", {"path": str(tmp_path / "table.txt")}) == "own"


def test_tests_of_a_folder_are_run_and_wrong_folders_told(own: Path) -> None:
    assert [one.problem for one in run_tests(own)] == ["", "", ""]
    found = CliRunner().invoke(functions, ["test", str(own)])
    assert (found.exit_code, found.stdout.splitlines()[-1]) == (0, "3 passed, 0 failed")
    document = yamlio.load((own / "functions.yaml").read_text())
    document["functions"]["order_risk"]["tests"][0]["expect"] = {"points": 1, "verdict": "accept"}
    (own / "functions.yaml").write_text(yamlio.dump(document))
    found = CliRunner().invoke(functions, ["test", str(own)])
    assert found.exit_code == 1
    assert 'it returned {"points":0,"verdict":"accept"}' in found.stdout
    del document["functions"]["order_risk"]["output"]
    (own / "functions.yaml").write_text(yamlio.dump({**document, "slug": "other"}))
    with pytest.raises(ManifestInvalid, match="order_risk"):
        load_functions(own)
    assert CliRunner().invoke(functions, ["test", str(own)]).exit_code == 2
    (own / "functions.py").unlink()
    assert len(survey([own.parent], installed=False).unloaded) == 1
