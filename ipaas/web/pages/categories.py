"""The categories of connectors in words, and how a list of connectors is narrowed down by them."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.web.pages.support import asked
from ipaas.web.readmodels import Option

WORDS = {
    "accounting": gettext_noop("Accounting"),
    "billing": gettext_noop("Billing"),
    "chat": gettext_noop("Chat"),
    "code-hosting": gettext_noop("Code hosting"),
    "crm": gettext_noop("CRM"),
    "database": gettext_noop("Databases"),
    "documents": gettext_noop("Documents"),
    "erp": gettext_noop("ERP"),
    "files": gettext_noop("Files"),
    "fulfilment": gettext_noop("Fulfilment"),
    "generic": gettext_noop("Generic"),
    "identity": gettext_noop("Identity"),
    "inventory": gettext_noop("Inventory"),
    "logistics": gettext_noop("Logistics"),
    "loyalty": gettext_noop("Loyalty"),
    "mail": gettext_noop("Mail"),
    "marketing": gettext_noop("Marketing"),
    "messaging": gettext_noop("Messaging"),
    "monitoring": gettext_noop("Monitoring"),
    "payments": gettext_noop("Payments"),
    "queue": gettext_noop("Queues"),
    "shipping": gettext_noop("Shipping"),
    "storage": gettext_noop("Storage"),
    "storefront": gettext_noop("Storefronts"),
    "ticketing": gettext_noop("Ticketing"),
    "warehouse": gettext_noop("Data warehouses"),
}


def category_word(category: str) -> str:
    return _(WORDS[category]) if category in WORDS else category.replace("-", " ").capitalize()


def _searched(row: Mapping[str, Any]) -> str:
    return " ".join((row["title"], row["slug"], row["summary"], category_word(row["category"]))).lower()


def narrowed(
    request: WorkspaceRequest, rows: Iterable[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], dict[str, Any]]:
    """The rows that ``?q=`` and ``?category=`` leave, and the filter as the pages show it.

    A row has title, slug, summary and category; what is searched is what is shown.
    """
    found = list(rows)
    text, category = asked(request, "q").lower(), asked(request, "category")
    wanted = [
        row for row in found if (not category or row["category"] == category) and (not text or text in _searched(row))
    ]
    known = sorted({row["category"] for row in found}, key=category_word)
    choices = [Option("", _("Any category"), not category)]
    choices += [Option(one, category_word(one), one == category) for one in known]
    clear_url = request.path if text or category else ""
    return wanted, {"q": asked(request, "q"), "category": choices, "clear_url": clear_url}
