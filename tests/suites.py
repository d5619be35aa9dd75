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
JSON_SCHEMA = FOLDER / "jsonschema-4.26.0" / "json" / "tests" / "draft2020-12"
JSONATA = FOLDER / "jsonata2py-0.1.3" / "tests" / "resources" / "jsonata-test-suite"
SUITES = (JSON_SCHEMA, JSONATA)


def fetch() -> None:
    """Fetch what is missing; the hashes are those of ``requirements/suites.txt``."""
    names = [one.relative_to(FOLDER).parts[0] for one in SUITES if not one.is_dir()]
    if not names:
        return
    sources = ",".join(one.relative_to(FOLDER).parts[0].rpartition("-")[0] for one in SUITES)
    with TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", sources]
        words += ["--require-hashes", "--dest", folder, "--requirement", str(ROOT / "requirements" / "suites.txt")]
        subprocess.run(words, check=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in names:
            with tarfile.open(Path(folder) / f"{name}.tar.gz") as archive:
                archive.extractall(FOLDER, filter="data")


if __name__ == "__main__":
    fetch()
