"""Public test suites that the product is held against: fetched by the package manager at set-up, never committed.

``python3 -m tests.suites`` fetches them; tests that need one are skipped where it is missing.
"""

import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".ipaas" / "suites"
NAME = "jsonschema-4.26.0"
JSON_SCHEMA = FOLDER / NAME / "json" / "tests" / "draft2020-12"


def fetch() -> None:
    """Fetch what is missing; the hashes are those of ``requirements/suites.txt``."""
    if JSON_SCHEMA.is_dir():
        return
    with TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "jsonschema"]
        words += ["--require-hashes", "--dest", folder, "--requirement", str(ROOT / "requirements" / "suites.txt")]
        subprocess.run(words, check=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tarfile.open(Path(folder) / f"{NAME}.tar.gz") as archive:
            archive.extractall(FOLDER, filter="data")


if __name__ == "__main__":
    fetch()
