"""Process settings from the environment (prefix ``IPAAS_``); documented in docs/reference/settings.md."""

from functools import lru_cache
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Typed settings; a bad value is reported with its name at start-up."""

    model_config = SettingsConfigDict(env_prefix="IPAAS_", extra="ignore", frozen=True)

    home: Path = Field(ROOT / ".ipaas", description="State folder: embedded servers, keys, logs.")
    port: int = Field(8000, ge=0, le=65535, description="Port of the pages and the API.")
    ingress_port: int = Field(8001, ge=0, le=65535, description="Port of the webhook ingress.")
    host: str = Field("127.0.0.1", description="Address the servers listen on.")
    database_url: str = Field(
        "postgresql://ipaas@127.0.0.1:5432/ipaas",
        validation_alias=AliasChoices("DATABASE_URL", "IPAAS_DATABASE_URL"),
        description="PostgreSQL 15 or newer; replaces the embedded server.",
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("REDIS_URL", "IPAAS_REDIS_URL"),
        description="Redis 7 or newer, or Valkey; replaces the embedded server.",
    )
    secret_key: SecretStr | None = Field(
        None, description="Signs sessions; default: a file in the home folder, made at first start."
    )
    kek: SecretStr | None = Field(None, description="Key-encryption key, 32 bytes in base64; overrides the key file.")
    kek_file: Path | None = Field(
        None, description="Key-encryption key file; default: keys/kek.json in the home folder."
    )
    metrics_token: SecretStr | None = Field(
        None, min_length=16, description="Token for /metrics; without it only the machine itself may ask."
    )
    api_rate: int = Field(
        1200, ge=0, le=10_000_000, description="Requests to the API per minute and key or person; 0: no limit."
    )
    server_timing: bool = Field(
        False,
        description="Tell in the header Server-Timing how long pages and API took and how many queries they made.",
    )
    debug: bool = Field(False, description="Development mode: detailed error pages, the component page.")
    allowed_hosts: list[str] = Field(["127.0.0.1", "localhost", "[::1]"], description="Host names the pages answer to.")
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="How many proxies in front write X-Forwarded-For; 0 ignores that header."
    )
    public_url: str | None = Field(None, description="Address people use; needed behind a proxy (https).")
    demo_warehouse_url: SecretStr | None = Field(
        None, description="PostgreSQL database that the demo writes its orders to; up makes one in the embedded server."
    )
    retention_days: int = Field(90, ge=1, le=3650, description="Days that runs, their values and deliveries are kept.")
    key_retention_days: int = Field(
        400, ge=1, le=3650, description="Days that results of effects and keys against repetition are kept."
    )
    log_format: str = Field("json", pattern="^(json|console)$", description="json or console.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @model_validator(mode="after")
    def _keys_outlive_runs(self) -> "Settings":
        """A run that can be replayed must find what it has done: a forgotten effect would happen twice."""
        if self.key_retention_days < self.retention_days:
            message = "IPAAS_KEY_RETENTION_DAYS must not be less than IPAAS_RETENTION_DAYS"
            raise ValueError(message)
        return self


@lru_cache(maxsize=1)
def settings() -> Settings:
    return Settings()
