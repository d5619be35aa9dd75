"""Writes the reference pages; ``python3 manage.py docs`` runs this."""

import sys
from pathlib import Path

import django

from ipaas.config import ROOT

if __name__ == "__main__":
    django.setup()
    from ipaas.reference import write_pages

    changed = write_pages(Path(ROOT) / "docs" / "reference")
    sys.stdout.write("".join(f"  wrote docs/reference/{name}\n" for name in changed))
