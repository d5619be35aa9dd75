"""Process settings from the environment (prefix ``IPAAS_``); documented in docs/reference/settings.md."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Typed settings; a bad value is reported with its name at start-up."""

    model_config = SettingsConfigDict(env_prefix="IPAAS_", extra="ignore", frozen=True)

    home: Path = Field(
        ROOT / ".ipaas",
        description=(
            "State folder: keys, logs, `state.json` and, where the servers' user can reach it, the data of the "
            "embedded servers. Two instances need two homes."
        ),
    )
    port: int = Field(8000, ge=0, le=65535, description="Port of the pages and the API.")
    ingress_port: int = Field(8001, ge=0, le=65535, description="Port of the webhook ingress.")
    host: str = Field("127.0.0.1", description="Address the servers listen on. `0.0.0.0` in containers.")
    database_url: str = Field(
        "postgresql://ipaas@127.0.0.1:5432/ipaas",
        validation_alias=AliasChoices("DATABASE_URL", "IPAAS_DATABASE_URL"),
        description=(
            "PostgreSQL 15 or newer, as `postgresql://user:password@host:5432/database`, or with `?host=/folder` "
            "for a socket. Replaces the embedded server. `IPAAS_DATABASE_URL` is understood too."
        ),
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("REDIS_URL", "IPAAS_REDIS_URL"),
        description=(
            "Redis 7 or newer, or Valkey, as `redis://:password@host:6379/0`. Replaces the embedded server. "
            "`IPAAS_REDIS_URL` is understood too."
        ),
    )
    secret_key: SecretStr | None = Field(
        None, description="Signs sessions. All hosts of one installation need the same one."
    )
    kek: SecretStr | None = Field(
        None,
        description=(
            "Key-encryption key: 32 bytes in base64; during a rotation several as `2:<base64>,1:<base64>`, the "
            "first is current. Overrides the key file."
        ),
    )
    kek_file: Path | None = Field(
        None,
        description=(
            'Key-encryption keys by version: `{"current": 1, "keys": {"1": "<32 bytes in base64>"}}`, mode 0600. '
            "**Keep a copy away from the database: without it no secret and no payload can be read again.**"
        ),
    )
    secrets_dir: Path | None = Field(
        None,
        description=(
            "Folder of mounted secrets, `<workspace>/<secret>/<field>`, for workspaces whose vault has the file "
            "backend. See [the vault](../explanation/vault.md)."
        ),
    )
    break_glass: bool = Field(
        False,
        description=(
            "Whether administrators may read the live value of a secret, with a reason, on record and told to all "
            "administrators. Off: nobody can. For an emergency; switch it off again."
        ),
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description=(
            "What a reader of `/metrics` sends as `Authorization: Bearer …`, at least 16 characters. Without it "
            "only a reader on the machine itself is answered, and none that comes through a proxy."
        ),
    )
    api_rate: int = Field(
        1200,
        ge=0,
        le=10_000_000,
        description=(
            "Requests to the API per minute for each API key or signed-in person (for each address while nobody "
            "is recognised); 0 for no limit. Counted in Redis; without Redis each process counts for itself."
        ),
    )
    debug: bool = Field(False, description="Development mode: detailed error pages. Never with real data.")
    allowed_hosts: list[str] = Field(
        ["127.0.0.1", "localhost", "[::1]"], description="Host names the pages answer to, as a JSON list."
    )
    connector_folders: list[Path] = Field(
        [],
        description=(
            "Folders of connector folders of your own, as a JSON list; loaded beside those of the product and of "
            "installed packages. Their `connector.py` is executed: name only folders that you trust. A folder with a "
            "`functions.yaml` holds functions, which run apart."
        ),
    )
    server_timing: bool = Field(
        False,
        description=(
            "Pages and API tell in the header `Server-Timing` how long they took and how many queries they "
            "made. For measuring; it tells strangers about the inside."
        ),
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="How many proxies in front of the product write `X-Forwarded-For`; 0 ignores that header.",
    )
    client_cert_proxies: list[IPv4Network | IPv6Network] = Field(
        [],
        description=(
            "Networks of the proxies that end TLS in front of the ingress and hand on the client certificate of a "
            'sender, as a JSON list such as `["10.0.0.5/32"]`. From any other address its header is ignored. The proxy '
            "must remove the header from what senders send."
        ),
    )
    client_cert_header: str = Field(
        "Client-Cert",
        pattern=r"^[A-Za-z0-9-]{1,80}$",
        description=(
            "The header in which they do: RFC 9440 (`Client-Cert`), nginx (`X-SSL-Client-Cert` of "
            "`$ssl_client_escaped_cert`), Envoy (`X-Forwarded-Client-Cert`) and the like."
        ),
    )
    public_url: str | None = Field(
        None,
        description=(
            "The address people use, such as `https://ipaas.example.org`. Needed behind a proxy: an https address "
            "turns on secure cookies and HSTS."
        ),
    )
    mail_url: SecretStr | None = Field(
        None,
        description=(
            "The mail server that the product's own mails (invitations, notices) go to: "
            "`smtps://user:password@host:465` (TLS), `smtp://user:password@host:587` (STARTTLS, insisted on) or "
            "`smtp+plain://host:25` (neither). Without it each mail becomes a file in `mail/` of the home, and pages "
            "show its link once to who sent it."
        ),
    )
    mail_from: str = Field("ipaas@localhost", max_length=254, description="The sender of these mails.")
    password_min_length: int = Field(
        12,
        ge=8,
        le=128,
        description=(
            "Characters that a new password needs at least, 8 to 128. Common passwords and those like the person's "
            "name or address are refused besides."
        ),
    )
    oidc_issuer: str | None = Field(
        None,
        description=(
            "OpenID Connect provider for [single sign-on](../how-to/single-sign-on.md), such as "
            "`https://login.example.org/realms/main`. Its configuration is read from "
            "`/.well-known/openid-configuration` below it."
        ),
    )
    oidc_client_id: str = Field(
        "", max_length=300, description="What the provider calls this installation; needed with an issuer."
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="The secret that belongs to it; without one the provider must accept PKCE alone."
    )
    oidc_name: str = Field("single sign-on", max_length=60, description="What the sign-in page calls the provider.")
    oidc_scopes: str = Field("openid email profile", max_length=300, description="What the provider is asked to tell.")
    oidc_groups_claim: str = Field("groups", max_length=100, description="The claim that lists a person's groups.")
    oidc_roles: dict[str, list[str]] = Field(
        default_factory=dict,
        description=(
            'Roles by group as JSON: `{"ops": ["acme:operator", "acme:auditor"]}`. Workspaces named here are '
            "governed by it for all who sign in this way."
        ),
    )
    oidc_trust_email: bool = Field(
        False,
        description=(
            "Take addresses as verified although the provider does not send `email_verified`. Only for a provider "
            "whose people can not choose their address."
        ),
    )
    files_root: Path | None = Field(
        None,
        description=(
            "Folder whose files flows may read and write, each workspace only below the folder of its own slug: "
            "`/srv/ipaas/files` gives the workspace acme `/srv/ipaas/files/acme`. Without it the connectors for local "
            "files and SQLite refuse. With several worker hosts it lies on storage that they share."
        ),
    )
    demo_warehouse_url: SecretStr | None = Field(
        None,
        description=(
            "Where the demo writes its orders, as `postgresql://user:password@host:5432/database?sslmode="
            "verify-full`; the user must be allowed to make a table there. With `DATABASE_URL` and without this "
            "setting the demo leaves its warehouse step out."
        ),
    )
    retention_days: int = Field(
        90,
        ge=1,
        le=3650,
        description=(
            "Days, 1 to 3650, that ended runs, their values, deliveries, closed dead letters and decided "
            "approvals are kept. The scheduler drops whole days (UTC) once an hour; a day that holds an unended "
            "run, an open dead letter or a run that waits for an operator stays until that is settled."
        ),
    )
    key_retention_days: int = Field(
        400,
        ge=1,
        le=3650,
        description=(
            "Days, 1 to 3650, that results of effects, idempotency keys of starts and polls, and senders' "
            "delivery ids are kept. Never less than `IPAAS_RETENTION_DAYS`, so that whatever can be replayed "
            "finds what it has done; results that a kept run may still need stay longer."
        ),
    )
    export_days: int = Field(
        7, ge=1, le=365, description="Days, 1 to 365, that exports made in the background can be downloaded."
    )
    log_format: str = Field(
        "json", pattern="^(json|console)$", description="`json` (one object per line) or `console`."
    )
    log_level: str = Field("INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`.")

    @field_validator("mail_url")
    @classmethod
    def _known_mail_scheme(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("smtp://", "smtps://", "smtp+plain://")):
            message = "begins with smtp://, smtps:// or smtp+plain://"
            raise ValueError(message)
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _safe_issuer(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            message = "is an https address (http only on this machine)"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _signon_is_whole(self) -> "Settings":
        if self.oidc_issuer is not None and not self.oidc_client_id:
            message = "IPAAS_OIDC_ISSUER needs IPAAS_OIDC_CLIENT_ID"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _keys_outlive_runs(self) -> "Settings":
        """A run that can be replayed must find what it has done: a forgotten effect would happen twice."""
        if self.key_retention_days < self.retention_days:
            message = "IPAAS_KEY_RETENTION_DAYS must not be less than IPAAS_RETENTION_DAYS"
            raise ValueError(message)
        return self


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Read once per process; ends the process with a sentence for each setting that can not be used."""
    try:
        return Settings()
    except ValidationError as error:
        raise SystemExit("\n".join(_told(one) for one in error.errors(include_url=False))) from None
    except SettingsError as error:
        raise SystemExit(_told_json(str(error))) from None


def _told(found: ErrorDetails) -> str:
    names = ".".join(map(str, found["loc"])) or "settings"
    name = names if names.isupper() else f"IPAAS_{names.upper()}"
    return f"{name}: {found['msg'].removeprefix('Value error, ')}. See docs/reference/settings.md."


def _told_json(text: str) -> str:
    name = text.partition('"')[2].partition('"')[0].upper()
    return f'IPAAS_{name}: it is not JSON. Write a list as ["one", "two"]; see docs/reference/settings.md.'
