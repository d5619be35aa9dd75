"""The product's source files, parsed once for all architecture tests."""

import ast
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LAYERS = (
    ("config",),
    ("core",),
    ("expressions",),
    ("outbox",),
    ("sdk",),
    ("audit",),
    ("accounts",),
    ("ownership",),
    ("contracts", "vault", "policies"),
    ("catalog", "mapping"),
    ("flows", "events"),
    ("governance",),
    ("runtime",),
    ("notices",),
    ("ingress",),
    ("observability",),
    ("web", "cli", "launcher", "settings", "urls", "wsgi", "celery"),
    ("reference",),
)


@dataclass(frozen=True)
class Source:
    """One Python file; ``package`` is the part after ``ipaas``, or the top folder elsewhere."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def package(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return parts[1] if parts[0] == "ipaas" and len(parts) > 1 else parts[0]

    def imports(self) -> set[str]:
        """Absolute names of everything imported anywhere in the file."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
        return found


@lru_cache(maxsize=1)
def tracked() -> tuple[Path, ...]:
    """Files that are, or are about to be, committed."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        ignored = {".venv", "node_modules", ".git", ".ipaas", "staticfiles", "__pycache__"}
        found = (path for path in ROOT.rglob("*") if not ignored & set(path.relative_to(ROOT).parts))
    else:
        found = (ROOT / name for name in done.stdout.decode().split("\0") if name)
    return tuple(path for path in found if path.is_file())


@lru_cache(maxsize=1)
def product_sources() -> tuple[Source, ...]:
    """Python files of the product, its connectors and its entry point; neither tests nor migrations."""
    wanted = []
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        if path.suffix == ".py" and parts[0] in {"ipaas", "connectors", "manage.py"} and "migrations" not in parts:
            text = path.read_text()
            wanted.append(Source(path, text, ast.parse(text)))
    return tuple(wanted)


def layer_of(package: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if package in names)
