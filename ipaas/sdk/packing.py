"""A connector's folder as a Python package: a wheel whose entry point names the folder inside."""

import base64
import hashlib
import zipfile
from pathlib import Path

from ipaas.sdk.loader import ENTRY_POINT_GROUP, load_folder

_TAKEN = ("manifest.yaml", "connector.py", "README.md", "icon.svg", "quality.json", "schemas/*.json", "samples/*.yaml")
_INIT = '''"""The connector {slug}; its folder is the entry point's value."""

from pathlib import Path

FOLDER = Path(__file__).parent / "{slug}"
'''
_WHEEL = "Wheel-Version: 1.0\nGenerator: ipaas\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_SINCE = (2020, 1, 1, 0, 0, 0)
"""Time of every member: the same folder makes the same file."""


def pack_folder(folder: Path, into: Path) -> Path:
    """Write the wheel of a connector and give its path. Raises what ``load_folder`` raises.

    The form is that of https://packaging.python.org/specifications/binary-distribution-format/.
    """
    manifest = load_folder(folder).manifest
    package = f"ipaas_connector_{manifest.slug.replace('-', '_')}"
    info = f"{package}-{manifest.version}.dist-info"
    point = f"[{ENTRY_POINT_GROUP}]\n{manifest.slug} = {package}:FOLDER\n"
    metadata = (
        f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: {manifest.version}\n"
        f"Summary: {' '.join(manifest.summary.split())}\nRequires-Python: >=3.11\n"
    )
    files = {f"{package}/__init__.py": _INIT.format(slug=manifest.slug).encode()}
    for path in sorted(path for pattern in _TAKEN for path in folder.glob(pattern)):
        files[f"{package}/{manifest.slug}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    files[f"{info}/METADATA"] = metadata.encode()
    files[f"{info}/WHEEL"] = _WHEEL.encode()
    files[f"{info}/entry_points.txt"] = point.encode()
    rows = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items())
    files[f"{info}/RECORD"] = f"{rows}{info}/RECORD,,\n".encode()
    into.mkdir(parents=True, exist_ok=True)
    target = into / f"{package}-{manifest.version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _SINCE)
            member.external_attr = 0o644 << 16
            wheel.writestr(member, content, zipfile.ZIP_DEFLATED)
    return target


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
