"""Parameters in cookies over the real gateway: beside the credential's, shown by name, and in the copy for a shell."""

import shlex
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async

from ipaas.accounts.models import Workspace
from ipaas.catalog.models import Connection
from ipaas.catalog.trials import Trial, try_operation
from ipaas.core import jsonio
from ipaas.core.actor import SYSTEM
from tests.factories.descriptions import import_connector
from tests.integration.catalog.conftest import TOKEN
from tests.integration.catalog.vendor import Vendor

NAMES = ("locale", "session_token", "sid")
SOURCE: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Crumbs", "version": "1"},
    "servers": [{"url": "https://crumbs.example"}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "cookie", "name": "sid"}}},
    "security": [{"key": []}],
    "paths": {
        "/crumbs": {
            "get": {
                "operationId": "find",
                "parameters": [{"name": name, "in": "cookie", "schema": {"type": "string"}} for name in NAMES],
                "responses": {},
            }
        }
    },
}


async def test_cookies_go_out_beside_the_credential(
    workspace: Workspace, connect: Callable[..., Connection], vendor: Vendor
) -> None:
    def tried() -> Trial:
        import_connector(workspace=workspace, slug="crumbs", source=jsonio.dumps(SOURCE), actor=SYSTEM)
        connection = connect(vendor.port, slug="crumbs", connector="crumbs")
        params = {"locale": "de; sid=evil\r\nX-A: b", "session_token": "classified", "sid": "mine"}
        return try_operation(connection=connection, action="find", params=params, actor=SYSTEM)

    trial = await sync_to_async(tried)()
    [seen] = vendor.seen
    line = "locale=de%3B%20sid=evil%0D%0AX-A:%20b"
    assert seen.headers["cookie"] == f"{line}; session_token=classified; sid={TOKEN}"
    assert "x-a" not in seen.headers
    shown = trial.request["cookie_fields"]
    assert (shown["locale"], shown["sid"]) == ("de; sid=evil\r\nX-A: b", "mine")
    assert shown["session_token"].startswith("‹redacted:")
    assert "cookie" not in trial.request["headers"]
    words = shlex.split(trial.curl)
    given = words[words.index("-b") + 1].split("; ")
    assert (given[0], given[2:]) == (line, ["sid=$API_KEY"])
    assert given[1].startswith("session_token=%E2%80%B9redacted")
