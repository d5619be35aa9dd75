"""The quality of each connector is that of its last test, and the tests here pass."""

from pathlib import Path

import pytest

from ipaas.sdk.loader import load_folder
from ipaas.sdk.quality import Facts, has_stand_in, judge, read_quality
from ipaas.sdk.samples import read_samples

ALL = sorted(path.parent for path in (Path(__file__).resolve().parents[2] / "connectors").glob("*/manifest.yaml"))
FOLDERS = [folder for folder in ALL if has_stand_in(load_folder(folder).manifest)]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_quality_is_current(folder: Path) -> None:
    manifest = load_folder(folder).manifest
    computed = judge(Facts(manifest, tuple(read_samples(folder, manifest))), {})
    assert read_quality(folder) == computed, f"run: ipaas connector test connectors/{folder.name}"
