"""Getting a vendor's description from its address, through the one door out."""

import asyncio

from ipaas.accounts.models import Workspace
from ipaas.catalog.imports import MAX_BYTES
from ipaas.catalog.resolution import egress_of
from ipaas.core import jsonio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import InvalidInput
from ipaas.core.net import EgressRefused, HttpClient, NetError, RawAnswer, check_url
from ipaas.core.phrases import said, sentences
from ipaas.sdk.openapi.graphql import INTROSPECTION

DEADLINE_S = 30.0
_ACCEPT = ((b"accept", b"application/json, application/yaml, text/yaml, */*;q=0.5"), (b"accept-encoding", b"gzip"))


def fetch_description(*, workspace: Workspace, url: str, actor: Actor, kind: str = "") -> bytes:
    """The text at an address, at most 24 MB, without a credential and without following redirects.

    Of ``graphql`` the address is the endpoint, which is asked for its schema by introspection.
    Raises InvalidInput with the reason: an address that the egress guard refuses, no answer, another status than 200.
    """
    require_permission(actor, "connectors.edit", workspace)
    egress = egress_of(workspace.settings)
    try:
        check_url(url, egress)
    except EgressRefused as error:
        raise _refused(sentences(error.detail, error.advice)) from error

    method, body = ("POST", jsonio.dumps(INTROSPECTION)) if kind == "graphql" else ("GET", b"")
    headers = (*_ACCEPT, (b"content-type", b"application/json")) if body else _ACCEPT

    async def call() -> RawAnswer:
        async with HttpClient() as client:
            return await client.call(
                method, url, headers, body, egress=egress, deadline_s=DEADLINE_S, max_body=MAX_BYTES
            )

    try:
        answer = asyncio.run(call())
    except NetError as error:
        raise _refused(sentences(error.detail, error.advice)) from error
    if 300 <= answer.status < 400:
        raise _refused(said("The address answers with a redirect; give the address that it leads to."))
    if answer.status != 200:
        told = said("The address answers with status {status}.", status=answer.status)
        hint = said("A schema that is not told without a credential can be pasted.") if body else ""
        raise _refused(sentences(told, hint))
    return answer.body


def _refused(message: str) -> InvalidInput:
    return InvalidInput([{"path": "url", "code": "url.unusable", "message": message}])
