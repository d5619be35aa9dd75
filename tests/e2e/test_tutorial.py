"""A newcomer does what the tutorial says, nothing else, and arrives where it says."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from bench.victim import Instance, instance
from ipaas.launcher.layout import ROOT
from tests.e2e.walk import Walk

TUTORIAL = ROOT / "docs" / "tutorial"
PARTS = ("first-flow.md", "failed-order.md", "script-with-a-key.md", "auditors-export.md", "steward-signs-off.md")


@pytest.fixture(scope="module")
def running() -> Iterator[Instance]:
    """The first command of the tutorial has been typed."""
    with instance() as found:
        yield found


def test_the_parts_are_done_one_after_the_other(running: Instance, browser: Browser, tmp_path: Path) -> None:
    for name in (".venv", "ipaas"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    password = (running.home / "keys" / "demo_password").read_text().strip()
    address = f"http://127.0.0.1:{running.port}"
    walk = Walk(browser, address, password, tmp_path, running.environment)

    for part in PARTS:
        walk.follow(TUTORIAL / part)

    assert {path.name for path in TUTORIAL.glob("*.md")} == {"index.md", *PARTS}
