"""The reference pages of the documentation, each made from what the product itself goes by.

``python3 manage.py docs`` writes them; a test fails when one of them is stale or something has no description.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from ipaas.accounts.roles_page import roles_page
from ipaas.cli.reference import cli_reference, error_reference, load_all
from ipaas.expressions.reference import render_reference
from ipaas.flows import reference as documents
from ipaas.mapping.formats.reference import formats_reference
from ipaas.notices.reference import event_reference
from ipaas.policies.schema import reference_page
from ipaas.reference.audit_page import audit_page
from ipaas.reference.class_page import class_page
from ipaas.reference.connector_pages import connector_pages
from ipaas.reference.settings_page import settings_page
from ipaas.sdk.reference import render as manifest_page
from ipaas.web.api.reference import pages as api_pages

PAGES: Mapping[str, Callable[[], str]] = {
    **documents.PAGES,
    "expressions.md": render_reference,
    "mapping-formats.md": formats_reference,
    "policies.md": reference_page,
    "connector-manifest.md": manifest_page,
    "roles.md": roles_page,
    "settings.md": settings_page,
    "error-classes.md": class_page,
    "errors.md": error_reference,
    "audit-actions.md": audit_page,
    "cli.md": cli_reference,
    "event-types.md": event_reference,
}


def pages() -> dict[str, str]:
    """Name below ``docs/reference`` → content, of every generated file. Django must be set up."""
    load_all()
    return {**{name: render() for name, render in PAGES.items()}, **api_pages(), **connector_pages()}


def write_pages(folder: Path) -> list[str]:
    """Bring the folder up to date, and name what has changed; pages of connectors that are gone are removed."""
    wanted, changed = pages(), []
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            changed.append(name)
    for path in folder.glob("connectors/*.md"):
        if (name := f"connectors/{path.name}") not in wanted:
            path.unlink()
            changed.append(name)
    return changed
