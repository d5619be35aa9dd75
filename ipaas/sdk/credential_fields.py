"""Fields of secrets, checked before they become part of a request."""

import base64
from collections.abc import Mapping

from ipaas.core.errors import IpaasError
from ipaas.sdk.manifest import AuthScheme, SecretField

DEFAULT_FIELDS: Mapping[str, tuple[SecretField, ...]] = {
    "none": (),
    "api_key": (SecretField("api_key", "API key"),),
    "basic": (SecretField("username", "User name"), SecretField("password", "Password")),
    "bearer": (SecretField("token", "Token"),),
    "hmac": (SecretField("key_id", "Key id"), SecretField("secret", "Secret")),
    "oauth2_client_credentials": (
        SecretField("client_id", "Client id"),
        SecretField("client_secret", "Client secret"),
    ),
    "oauth2_authorization_code": (
        SecretField("client_id", "Client id"),
        SecretField("client_secret", "Client secret", optional=True),
    ),
    "jwt_bearer": (
        SecretField("issuer", "Issuer (client id or address of the service account)"),
        SecretField("private_key", "Private key (PEM)"),
        SecretField("key_id", "Key id", optional=True),
        SecretField("subject", "Subject, where it is not the issuer", optional=True),
    ),
    "aws_sigv4": (
        SecretField("access_key_id", "Access key id"),
        SecretField("secret_access_key", "Secret access key"),
        SecretField("session_token", "Session token of a temporary key", optional=True),
        SecretField("region", "Region, where it is not the usual one", optional=True),
    ),
    "session": (SecretField("username", "User name"), SecretField("password", "Password")),
    "digest": (SecretField("username", "User name"), SecretField("password", "Password")),
    "all": (),
}


class CredentialUnusable(IpaasError):
    """The secret cannot be used for the authentication {scheme}: {reason}."""

    status = 422
    code = "credential_unusable"
    title = "Credential unusable"
    remedy = "Store a new version of the secret with the fields that the scheme asks for."


def checked_field(scheme: AuthScheme, fields: Mapping[str, str], name: str, *, header: bool = True) -> str:
    """A field that is there; ``header``: and that a header may hold. Raises CredentialUnusable without quoting it."""
    value = fields.get(name, "")
    if not value:
        raise CredentialUnusable(scheme=scheme.name, reason=f"the field {name} is empty")
    if header and not is_header_text(value):
        raise CredentialUnusable(scheme=scheme.name, reason=f"the field {name} holds a character that no header may")
    return value


def basic(username: str, password: str) -> str:
    """A Basic credential (RFC 7617 2)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def is_header_text(value: str) -> bool:
    return bool(value) and all(32 < ord(char) < 127 for char in value)


def usable_key(text: str) -> str:
    """A PEM key as it was meant: keys copied out of a JSON file bring their line ends as two characters."""
    return text.replace("\\n", "\n") if text.startswith("-----BEGIN") else text
