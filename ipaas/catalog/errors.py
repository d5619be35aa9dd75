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


class ConnectorCodeMissing(ConnectorMissing):
    """This host does not have the code of {connector} {version}, to which the connection is pinned, but {installed}."""

    code = "connector_code_missing"
    title = "Code of the connector missing"
    remedy = "Move the connection to the installed version, or start this host once with the version before."


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


class TokenBusy(IpaasError):
    """Another worker is fetching the access token of {connection}."""

    status = 503
    code = "token_busy"
    title = "Access token under way"
    remedy = "Nothing to do: the call is made again in a moment."


class ReconnectNeeded(IpaasError):
    """The other side ended what was granted to the connection {connection} ({told})."""

    status = 409
    code = "reconnect_needed"
    title = "To be connected again"
    remedy = "Open the connection and connect it again; runs that failed meanwhile can be resumed or replayed."


class NotConnected(IpaasError):
    """Nobody has connected {connection} yet."""

    status = 409
    code = "not_connected"
    title = "Not connected yet"
    remedy = "Open the connection and connect it, or send a share link to whoever may."


class AuthorizationInvalid(IpaasError):
    """This answer belongs to no connection that is waited for in this browser."""

    status = 400
    code = "authorization_invalid"
    title = "Not connected"
    remedy = "Begin again on the page of the connection, and finish in the same browser within ten minutes."


class AuthorizationRefused(IpaasError):
    """The other side did not agree: {told}."""

    status = 422
    code = "authorization_refused"
    title = "Not connected"
    remedy = "What was connected before stays as it is. Look at client id, redirect address and scopes, and try again."


class ShareLinkEnded(IpaasError):
    """This link does not work: it was used, revoked, has expired, or was never made."""

    status = 410
    code = "share_link_ended"
    title = "Link ended"
    remedy = "Ask whoever sent it for a new one."


class TargetNotBound(IpaasError):
    """A connector asked for {host}:{port}, which is not the address of this connection."""

    status = 422
    code = "target_not_bound"
    title = "Other target refused"
    remedy = "Correct the host and port of the connection."


class NoFilesAllowed(IpaasError):
    """This installation lets no flow reach files on its machines."""

    status = 422
    code = "no_files_allowed"
    title = "No files allowed"
    remedy = "An operator names a folder in IPAAS_FILES_ROOT."


class ConnectorVersionRetired(Conflict):
    """The version {version} of the connector {connector} is retired."""

    code = "connector_version_retired"
    title = "Connector version retired"
    remedy = "Choose another version; the page of the connector lists them."


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


class ProviderRefused(IpaasError):
    """The provider made no new credential for {connection}, and the present one stays: {reason}."""

    status = 502
    code = "provider_refused"
    title = "Not rotated at the provider"
    remedy = "Look whether the credential may make and end credentials, then rotate again."

    def __init__(self, *, connection: str, reason: str, told: str = "") -> None:
        """``told`` is the error class of the call."""
        self.code_told, self.reason = told, reason
        super().__init__(connection=connection, reason=reason)


class RevocationFailed(IpaasError):
    """The old credential of {connection} is not ended at its provider yet: {reason}."""

    status = 502
    code = "revocation_failed"
    title = "Not ended at the provider"
    remedy = "It is tried again every hour. End it at the provider yourself, then say so on the connection's page."


class CredentialNotEnded(Conflict):
    """An old credential of the connection {connection} is not ended at its provider yet."""

    code = "credential_not_ended"
    title = "Old credential not ended"
    remedy = "Have it ended now, or say that it is ended, on the connection's page; then delete the connection."

    def __init__(self, *, connection: str) -> None:
        super().__init__(what="", connection=connection)
