"""A person without code goes from a vendor's OpenAPI document to a flow that is limited, retried and masked."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser

from bench.victim import Instance
from ipaas.launcher.layout import ROOT
from tests.e2e.test_tutorial import running
from tests.e2e.walk import Walk

__all__ = ["running"]


def test_any_api_becomes_a_flow(running: Instance, browser: Browser, tmp_path: Path) -> None:
    for name in (".venv", "ipaas"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "docs" / "how-to", tmp_path / "docs" / "how-to")
    password = (running.home / "keys" / "demo_password").read_text().strip()
    walk = Walk(browser, f"http://127.0.0.1:{running.port}", password, tmp_path, running.environment)

    walk.follow(ROOT / "docs" / "how-to" / "connect-to-any-api.md")
