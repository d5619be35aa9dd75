"""The command palette: what fits, as the person may see it, at a bounded number of queries."""

import re
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Workspace
from tests.factories.people import make_member
from tests.integration.api.conftest import _no_vendor_is_called, acme, deployed, globex, production, subjects

__all__ = ["_no_vendor_is_called", "acme", "deployed", "globex", "production", "subjects"]
pytestmark = pytest.mark.django_db
MOST_QUERIES = 24


def client_of(workspace: Workspace, role: str) -> Client:
    client = Client()
    client.force_login(make_member(workspace, f"{role}@{workspace.slug}.example", role).user)
    return client


def offers(client: Client, text: str = "", workspace: str = "acme") -> dict[str, str]:
    """Label → address of all that is offered."""
    answer = client.get(f"/w/{workspace}/jump/", {"q": text})
    assert answer.status_code == 200
    found = re.findall(r'data-url="([^"]*)".*?<span class="clip">(.*?)</span>', answer.content.decode())
    return {label: url for url, label in found}


@pytest.mark.parametrize(
    ("text", "label", "url"),
    [
        ("orders", "Orders", "/w/acme/flows/orders/"),
        ("ORDER-ROW", "Order row", "/w/acme/mappings/order-row/"),
        ("payments", "Kestrel Pay", "/w/acme/connections/in/production/payments/"),
        ("shop", "Shop", "/w/acme/endpoints/in/production/shop/"),
        ("dead", "Dead letters", "/w/acme/dead-letters/"),
        ("new conn", "New connection", "/w/acme/connections/new/"),
    ],
)
def test_a_part_of_a_name_finds_it(acme: Workspace, subjects: dict[str, Any], text: str, label: str, url: str) -> None:
    found = offers(client_of(acme, "builder"), text)

    assert url in found.values(), found
    assert label.casefold() in {one.casefold() for one in found}


def test_a_run_is_found_by_a_whole_business_id_and_by_its_own(acme: Workspace, subjects: dict[str, Any]) -> None:
    client, page = client_of(acme, "operator"), f"/w/acme/runs/{subjects['run']}/"

    assert offers(client, "o-1").get("o-1") == page
    assert page in offers(client, str(subjects["run"])).values()
    assert page not in offers(client, "o-").values()


def test_only_what_the_roles_allow_is_offered(acme: Workspace, subjects: dict[str, Any]) -> None:
    approver = client_of(acme, "approver")

    assert {"Home", "Runs", "Approvals", "Flows", "Sign out"} <= offers(approver).keys()
    assert {"Connections", "Vault", "Audit", "New flow", "New secret"}.isdisjoint(offers(approver))
    assert "/w/acme/connections/in/production/payments/" not in offers(approver, "payments").values()


def test_nothing_of_another_workspace_is_offered(acme: Workspace, globex: Workspace, subjects: dict[str, Any]) -> None:
    charlie = client_of(globex, "admin")

    for text in ("orders", "payments", "shop", "o-1", str(subjects["run"])):
        assert not any("/w/acme/" in url for url in offers(charlie, text, "globex").values()), text


def test_other_places_and_looks_are_deeds(acme: Workspace, globex: Workspace, subjects: dict[str, Any]) -> None:
    client = client_of(acme, "builder")
    make_member(globex, "builder@acme.example", "auditor")

    found = offers(client)

    assert found["Workspace: Globex"] == "/w/globex/"
    assert found["Environment: Berlin"] == "/w/acme/environment/"
    assert found["Theme: dark"] == "/profile/theme/"
    assert found["Language: Deutsch"] == "/profile/language/"


def test_it_costs_few_queries(acme: Workspace, subjects: dict[str, Any], django_assert_max_num_queries: Any) -> None:
    client = client_of(acme, "builder")
    offers(client, "o-1")
    with django_assert_max_num_queries(MOST_QUERIES):
        offers(client, "o")
