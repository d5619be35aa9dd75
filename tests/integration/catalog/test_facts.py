"""What flows are told about connections."""

from collections.abc import Callable

from ipaas.accounts.models import Environment
from ipaas.catalog import services
from ipaas.catalog.models import Connection
from ipaas.core.actor import SYSTEM
from ipaas.flows.catalogue import catalogue_of


def test_flows_learn_effects_parameters_and_compensations(connect: Callable[..., Connection]) -> None:
    connection = connect(9)
    catalogue = catalogue_of(connection.workspace_id)
    assert catalogue is not None
    charge = catalogue.action("payments", "create_charge")
    assert charge is not None
    assert (charge.effect, charge.undone_by) == ("keyed", "refund_charge")
    search = catalogue.action("payments", "search_charges")
    assert search is not None
    assert search.effect == "safe"
    assert catalogue.action("payments", "fly") is None
    assert catalogue.action("elsewhere", "fly") is None


def test_the_most_careful_effect_of_all_environments_counts(connect: Callable[..., Connection]) -> None:
    connection = connect(9)
    staging = Environment.objects.create(workspace=connection.workspace, slug="staging", name="Staging")
    services.create_connection(
        environment=staging, slug="payments", connector="payments", config={"mode": "lookup"}, actor=SYSTEM
    )
    catalogue = catalogue_of(connection.workspace_id)
    assert catalogue is not None
    charge = catalogue.action("payments", "create_charge")
    assert charge is not None
    assert charge.effect == "lookup"
