"""Help for the handlers of a connector.py."""

from ipaas.core.errors import IpaasError
from ipaas.sdk.connector import HandlerCall, Result, net_failure
from ipaas.sdk.requests import BuiltRequest


async def exchange(call: HandlerCall, request: BuiltRequest) -> Result:
    """Send a request of the handler's own making; the answer is judged by the action's rules. Raises ActionError."""
    try:
        answer = await call.io.http.send(request.method, request.path, request.query, request.headers, request.body)
    except IpaasError as error:
        raise net_failure(error) from error
    return call.compiled.read(request, answer)
