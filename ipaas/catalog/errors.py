"""What can be wrong with a connection; each becomes a failure of class configuration when it stops a call."""

from ipaas.core.errors import Conflict, IpaasError, NotFound


class ConnectionMissing(NotFound):
    """There is no connection {connection} in this environment."""

    code = "connection_missing"
    title = "Connection missing"
    remedy = "Create the connection in this environment, or correct its name in the flow."


class ConnectionDisabled(IpaasError):
    """The connection {connection} is disabled."""

    status = 409
    code = "connection_disabled"
    title = "Connection disabled"
    remedy = "Enable the connection, then resume or replay."


class ConnectorMissing(IpaasError):
    """The connector {connector} is not installed."""

    status = 422
    code = "connector_missing"
    title = "Connector missing"
    remedy = "Install the connector, or choose another for the connection."


class CredentialDetached(IpaasError):
    """The connection {connection} has no secret for the address it calls."""

    status = 422
    code = "credential_detached"
    title = "Secret detached"
    remedy = "Choose the secret again: changing the address detaches it, so that no credential reaches another host."


class CredentialUnreadable(IpaasError):
    """The secret of the connection {connection} cannot be used: {reason}"""

    status = 422
    code = "credential_unreadable"
    title = "Secret not usable"
    remedy = "Enter a new version of the secret."


class TargetNotBound(IpaasError):
    """A connector asked for {host}:{port}, which is not the address of this connection."""

    status = 422
    code = "target_not_bound"
    title = "Other target refused"
    remedy = "Correct the host and port of the connection."


class ConnectorVersionInUse(Conflict):
    """The version {version} of the connector {connector} is used by {users}."""

    code = "connector_version_in_use"
    title = "Connector version in use"
    remedy = "Move these connections to another version first, or delete them."


class ConnectionInUse(Conflict):
    """The connection {connection} is used by {users}."""

    code = "connection_in_use"
    title = "Connection in use"
    remedy = "Change or archive what uses it first, or disable the connection."


class ImportNotRead(Conflict):
    """The description {slug} is not read yet."""

    code = "import_not_read"
    title = "Description not read yet"
    remedy = "Wait until its state is ready; when it is failed, its problem says why."
