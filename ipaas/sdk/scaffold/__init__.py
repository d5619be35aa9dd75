"""The beginning of a connector: a folder that works, to be changed piece by piece into the vendor's."""

import re
from importlib import resources
from pathlib import Path

from ipaas.core.errors import InvalidInput

_SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")


def new_folder(below: Path, slug: str, title: str) -> Path:
    """Write ``below/<slug>`` and give its path. Raises InvalidInput for what can not be taken."""
    folder, faults = below / slug, []
    if not _SLUG.match(slug) or len(slug) > 60:
        message = "use lower-case letters, digits and hyphens, at most 60, a letter first"
        faults.append({"path": "slug", "code": "slug.invalid", "message": message})
    elif folder.exists():
        faults.append({"path": "slug", "code": "slug.taken", "message": f"{folder} is there already"})
    if not 0 < len(title) <= 80 or not title.isprintable() or set(title) & set('{}"\\'):
        message = "1 to 80 printable characters without braces, quotes and backslashes"
        faults.append({"path": "title", "code": "title.invalid", "message": message})
    if faults:
        raise InvalidInput(faults)
    template = resources.files(__name__).joinpath("template")
    words = {"__slug__": slug, "__title__": title, "__Header__": "-".join(part.title() for part in slug.split("-"))}
    for name in ("manifest.yaml", "README.md", "icon.svg", "schemas/ticket.json", "samples/ticket-created.yaml"):
        text = template.joinpath(name).read_text("utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    return folder
