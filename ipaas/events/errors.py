"""What can be wrong with deeds on endpoints."""

from ipaas.core.errors import Conflict


class EndpointInUse(Conflict):
    """The endpoint {endpoint} starts {users}."""

    code = "endpoint_in_use"
    title = "Endpoint in use"
    remedy = "Undeploy these flows first, or deploy versions with another trigger; or pause the endpoint."
