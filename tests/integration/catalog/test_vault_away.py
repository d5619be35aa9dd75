"""A backend of the vault that does not answer: calls wait, use no attempt, and go on by themselves."""

from asgiref.sync import sync_to_async

from ipaas.accounts.models import Environment
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.vault.backends import usual_config
from ipaas.vault.models import Backend, SecretVersion
from ipaas.vault.opening import forget_all
from ipaas.vault.services import create_secret
from ipaas.vault.stores.bao import forget_tokens
from tests.factories.ledger import MemoryLedger
from tests.integration.catalog.conftest import TOKEN, Pay
from tests.integration.catalog.test_gateway import Connected
from tests.integration.catalog.vendor import Vendor

NOWHERE = "127.0.0.1:1"


def _away(environment: Environment) -> None:
    """The values stand in an OpenBao at a port where nobody listens."""
    workspace = environment.workspace
    workspace.refresh_from_db()
    workspace.settings = {"egress_allow": [*workspace.settings["egress_allow"], NOWHERE]}
    workspace.save()
    login = create_secret(workspace=workspace, slug="login", fields={"token": "t"}, kind="login", actor=SYSTEM)
    config = {**usual_config(workspace, "openbao"), "address": f"http://{NOWHERE}", "auth": "token"}
    Backend.objects.create(workspace=workspace, kind="openbao", config=config, login=login, chosen=True)
    SecretVersion.objects.filter(secret__slug="pay").update(store="openbao", store_ref="1")
    forget_all()
    forget_tokens()


async def test_calls_wait_while_the_backend_is_away(
    pay: Pay, connected: Connected, vendor: Vendor, ledger: MemoryLedger, environment: Environment
) -> None:
    await connected()
    await sync_to_async(_away)(environment)
    for _ in range(3):
        outcome = await pay()
        assert outcome.error is not None
        assert (outcome.kind, outcome.error.code, outcome.intent) == ("deferred", "vault.unavailable", False)
        assert outcome.due_at is not None
        assert outcome.due_at > now()
        assert TOKEN not in repr(outcome)
    assert (vendor.seen, ledger.intents) == ([], [])
    await sync_to_async(SecretVersion.objects.filter(secret__slug="pay").update)(store="builtin", store_ref="")
    assert (await pay()).kind == "ok"
