"""What can be wrong with deeds on endpoints."""

from ipaas.core.errors import Conflict, IpaasError


class EndpointInUse(Conflict):
    """The endpoint {endpoint} starts {users}."""

    code = "endpoint_in_use"
    title = "Endpoint in use"
    remedy = "Undeploy these flows first, or deploy versions with another trigger; or pause the endpoint."


class EndpointSubscribed(Conflict):
    """The endpoint {endpoint} is subscribed to at the vendor ({state})."""

    code = "endpoint_subscribed"
    title = "Endpoint subscribed"
    remedy = "End the subscription first; where it is in doubt, check it."


class SubscriptionFailed(IpaasError):
    """The vendor was asked and nothing came of it: {reason}"""

    status = 502
    code = "subscription_failed"
    title = "Subscription failed"
    remedy = "Mend what the message names, then try again; in doubt, check the subscription."
