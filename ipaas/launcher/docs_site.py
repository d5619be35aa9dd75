"""The documentation as a site: built from ``docs/`` into ``static/docs``, unless its inputs are unchanged.

The product's pages forbid scripts and styles in the text of a page, and so does the site: what the theme writes
there is moved elsewhere after the build.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ipaas.launcher.bootstrap import exclusive
from ipaas.launcher.console import complain, run_quietly, task
from ipaas.launcher.environment import product_environment
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.frontend import RECORD, content_hash, recorded
from ipaas.launcher.layout import ROOT

BUILT = "static/docs"
ABOUT = ("SECURITY.md", "THREAT_MODEL.md", "CHANGELOG.md", "CONTRIBUTING.md")
SOURCES = ("docs", "mkdocs.yml", *ABOUT, "ipaas/launcher/docs_site.py", "requirements/embedded.txt")
SHADOW_STYLE = re.compile(r'(\w+)\.appendChild\(\w+\("style",\{\},(\w+)\.toString\(\)\)\)')
INLINE_SCRIPT = re.compile(r"<script>(?P<text>.*?)</script>", re.DOTALL)


def docs(_arguments: argparse.Namespace) -> int:
    """``docs``: bring the reference pages and the site up to date."""
    with tempfile.TemporaryDirectory(prefix="ipaas-docs-") as home:
        argv = [sys.executable, "-m", "ipaas.reference"]
        done = subprocess.run(argv, cwd=ROOT, env=product_environment({"IPAAS_HOME": home}), check=False)
    if done.returncode:
        raise LauncherError("The reference pages were not written; the lines above say why.")
    return 0 if ensure_docs() else 1


def ensure_docs(root: Path = ROOT) -> bool:
    """Build the site, unless it was built from these very inputs; False when it does not build.

    The product runs without it, so that the failure is told and no more.
    """
    try:
        with exclusive():
            if not docs_are_built(root):
                with task("Building the documentation"):
                    build_docs(root, root / BUILT)
    except LauncherError as error:
        complain(f"  ! the documentation is not built: {error}")
        return False
    return True


def docs_are_built(root: Path = ROOT) -> bool:
    return recorded(root / BUILT) == content_hash(root, SOURCES)


def build_docs(root: Path, target: Path) -> None:
    """Build aside and move into place; a broken link or a page without a place in the navigation fails the build."""
    inputs = content_hash(root, SOURCES)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".docs-", dir=target.parent) as folder:
        stage = Path(folder)
        _stage(root, stage)
        run_quietly([sys.executable, "-m", "zensical", "build", "--strict"], cwd=stage)
        site = stage / "site"
        (site / "404.html").unlink(missing_ok=True)
        move_scripts_to_files(site)
        adopt_style_sheets(site)
        run_quietly([sys.executable, "-m", "whitenoise.compress", "--quiet", "--no-brotli", str(site)], cwd=stage)
        (site / RECORD).write_text(inputs)
        site.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        site.replace(target)


def _stage(root: Path, stage: Path) -> None:
    """The sources as the builder wants them: documents of the root folder become pages under ``about/``."""
    shutil.copytree(root / "docs", stage / "docs", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(root / "mkdocs.yml", stage)
    about = stage / "docs" / "about"
    about.mkdir()
    for name in ABOUT:
        text = (root / name).read_text("utf-8").replace("](docs/", "](../")
        (about / name).write_text(text, "utf-8")
    for page in stage.joinpath("docs").rglob("*.md"):
        text = page.read_text("utf-8")
        linked = re.sub(rf"\]\(\.\./\.\./({'|'.join(map(re.escape, ABOUT))})", r"](../about/\1", text)
        if linked != text:
            page.write_text(linked, "utf-8")


def move_scripts_to_files(site: Path) -> None:
    """Replace each script in the text of a page by one file per script; data for scripts (JSON) stays."""
    folder = site / "assets" / "inline"
    folder.mkdir(parents=True, exist_ok=True)
    for page in site.rglob("*.html"):
        up = os.path.relpath(folder, page.parent)

        def moved(found: re.Match[str], up: str = up) -> str:
            text = found["text"]
            name = hashlib.sha256(text.encode()).hexdigest()[:16] + ".js"
            (folder / name).write_text(text, "utf-8")
            return f'<script src="{up}/{name}"></script>'

        page.write_text(INLINE_SCRIPT.sub(moved, page.read_text("utf-8")), "utf-8")


def adopt_style_sheets(site: Path) -> None:
    """Let the search box adopt its style sheet instead of writing a style element, which the policy refuses."""
    adopted = r"\1.adoptedStyleSheets=[(s=>(s.replaceSync(\2.toString()),s))(new CSSStyleSheet)]"
    for bundle in site.glob("assets/javascripts/bundle.*.js"):
        text, count = SHADOW_STYLE.subn(adopted, bundle.read_text("utf-8"))
        if count != 1:
            raise LauncherError(f"{bundle.name} writes styles {count} times: this release of the theme is not known.")
        bundle.write_text(text, "utf-8")
