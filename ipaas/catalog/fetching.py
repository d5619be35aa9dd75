"""Getting a vendor's description from its address, through the one door out."""

import asyncio

from ipaas.accounts.models import Workspace
from ipaas.catalog.imports import MAX_BYTES
from ipaas.catalog.resolution import egress_of
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import InvalidInput
from ipaas.core.net import EgressRefused, HttpClient, NetError, RawAnswer, check_url

DEADLINE_S = 30.0
_ACCEPT = ((b"accept", b"application/json, application/yaml, text/yaml, */*;q=0.5"), (b"accept-encoding", b"gzip"))


def fetch_description(*, workspace: Workspace, url: str, actor: Actor) -> bytes:
    """The text at an address, at most 24 MB, without a credential and without following redirects.

    Raises InvalidInput with the reason: an address that the egress guard refuses, no answer, another status than 200.
    """
    require_permission(actor, "connections.edit", workspace)
    egress = egress_of(workspace.settings)
    try:
        check_url(url, egress)
    except EgressRefused as error:
        raise _refused(f"{error.detail} {error.advice}".strip()) from error

    async def get() -> RawAnswer:
        async with HttpClient() as client:
            return await client.call("GET", url, _ACCEPT, egress=egress, deadline_s=DEADLINE_S, max_body=MAX_BYTES)

    try:
        answer = asyncio.run(get())
    except NetError as error:
        raise _refused(f"{error.detail} {error.advice}".strip()) from error
    if 300 <= answer.status < 400:
        raise _refused("The address answers with a redirect; give the address that it leads to.")
    if answer.status != 200:
        raise _refused(f"The address answers with status {answer.status}.")
    return answer.body


def _refused(message: str) -> InvalidInput:
    return InvalidInput([{"path": "url", "code": "url.unusable", "message": message}])
