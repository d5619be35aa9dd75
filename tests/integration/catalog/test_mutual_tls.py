"""A vendor behind a private authority that asks for a certificate: told by the secret of a connection alone."""

from collections.abc import Callable
from pathlib import Path

from asgiref.sync import sync_to_async

from ipaas.accounts.models import Workspace
from ipaas.catalog.models import Connection
from ipaas.core.actor import SYSTEM
from ipaas.vault.services import create_secret
from tests.integration.catalog.conftest import TOKEN, Pay
from tests.integration.catalog.vendor import serving
from tests.integration.core.net.certificates import Authority


async def test_a_call_shows_the_certificate_and_trusts_the_authority_of_its_connection(
    pay: Pay, workspace: Workspace, connect: Callable[..., Connection], tmp_path: Path
) -> None:
    """Without either of them nothing reaches the vendor, and no other connection is trusted more for it."""
    authority = Authority(tmp_path)
    pair = authority.issue("client.example")
    whole = {"tls_client_cert": pair.cert, "tls_client_key": pair.key, "tls_ca": authority.pem}
    secrets = {
        "mutual": whole,
        "no-authority": {name: value for name, value in whole.items() if name != "tls_ca"},
        "no-certificate": {"tls_ca": authority.pem},
    }
    async with serving(authority.server("127.0.0.1", clients=True)) as vendor:
        for slug, fields in secrets.items():
            given = {"token": TOKEN, "api_key": TOKEN, **fields}
            await sync_to_async(create_secret)(workspace=workspace, slug=slug, fields=given, actor=SYSTEM)
            place = {"base_url": f"https://127.0.0.1:{vendor.port}", "slug": slug, "secret": slug}
            await sync_to_async(connect)(vendor.port, **place)
        refused = [await pay(connection=slug, effect_key=slug.encode()) for slug in ("no-authority", "no-certificate")]
        assert [one.kind == "ok" or one.error is None for one in refused] == [False, False]
        assert vendor.seen == []
        good = await pay(connection="mutual", effect_key=b"mutual")
        assert (good.kind, len(vendor.seen)) == ("ok", 1), good.error
