"""Django settings; values come from ``ipaas.config``."""

import secrets
import sys
from pathlib import Path

import psycopg.conninfo
from csp.constants import NONCE, NONE, SELF

from ipaas.config import ROOT, settings

_conf = settings()
BASE_DIR = ROOT
DEBUG = _conf.debug


def _secret_key() -> str:
    if _conf.secret_key is not None:
        return _conf.secret_key.get_secret_value()
    path: Path = _conf.home / "keys" / "secret_key"
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = secrets.token_urlsafe(48)
    path.touch(mode=0o600)
    path.write_text(key)
    return key


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = list(_conf.allowed_hosts)
_https = bool(_conf.public_url and _conf.public_url.startswith("https://"))
CSRF_TRUSTED_ORIGINS = [_conf.public_url] if _conf.public_url else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "django_cotton.apps.SimpleAppConfig",
    "template_partials.apps.SimpleAppConfig",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "ipaas.outbox",
    "ipaas.audit",
    "ipaas.accounts",
    "ipaas.ownership",
    "ipaas.contracts",
    "ipaas.vault",
    "ipaas.catalog",
    "ipaas.mapping",
    "ipaas.flows",
    "ipaas.events",
    "ipaas.governance",
    "ipaas.runtime",
    "ipaas.notices",
    "ipaas.observability",
    "ipaas.web",
]

MIDDLEWARE = [
    "ipaas.web.probes.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ipaas.web.assets.AssetMiddleware",
    *(["ipaas.web.timing.ServerTimingMiddleware"] if _conf.server_timing else []),
    "ipaas.web.compression.CompressionMiddleware",
    "ipaas.web.requests.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ipaas.web.i18n.language.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ipaas.accounts.middleware.ActorMiddleware",
    "csp.middleware.CSPMiddleware",
]

ROOT_URLCONF = "ipaas.urls"
WSGI_APPLICATION = "ipaas.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django_cotton.cotton_loader.Loader",
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.l10n",
                "django_cotton.templatetags.cotton",
                "template_partials.templatetags.partials",
                "ipaas.web.templatetags.web_tags",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "ipaas.web.shell.shell_context",
            ],
        },
    }
]

_pg = psycopg.conninfo.conninfo_to_dict(_conf.database_url)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _pg.get("dbname", ""),
        "USER": _pg.get("user", ""),
        "PASSWORD": _pg.get("password", ""),
        "HOST": _pg.get("host", ""),
        "PORT": str(_pg.get("port", "")),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": _conf.password_min_length},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
EMAIL_BACKEND = f"ipaas.accounts.mail.{'SmtpBackend' if _conf.mail_url else 'FileBackend'}"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _conf.mail_from
PASSWORD_RESET_TIMEOUT = 24 * 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "ipaas.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/300s/key"}
MFA_ADAPTER = "ipaas.accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "ipaas.accounts.app_codes.SignInCodeForm",
    "reauthenticate": "ipaas.accounts.app_codes.ConfirmCodeForm",
    "add_webauthn": "ipaas.accounts.passkey_forms.AddPasskeyForm",
    "authenticate_webauthn": "ipaas.accounts.passkey_forms.SecondFactorForm",
    "reauthenticate_webauthn": "ipaas.accounts.passkey_forms.ConfirmForm",
    "login_webauthn": "ipaas.accounts.passkey_forms.SignInForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "ipaas"
MFA_TOTP_TOLERANCE = 1
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "ipaas.accounts.api_auth.ApiKeyAuthentication",
        "ipaas.accounts.api_auth.SessionActorAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["ipaas.accounts.api_auth.HasPermission"],
    "DEFAULT_PARSER_CLASSES": ["ipaas.web.api.formats.StrictJsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["ipaas.web.api.formats.JsonRenderer"],
    "DEFAULT_PAGINATION_CLASS": "ipaas.web.api.pagination.IdCursorPagination",
    "DEFAULT_SCHEMA_CLASS": "ipaas.web.api.openapi.Operation",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_THROTTLE_CLASSES": ["ipaas.web.api.throttling.PrincipalThrottle"],
    "EXCEPTION_HANDLER": "ipaas.web.api.problems.problem_response",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Integration platform",
    "DESCRIPTION": "All that the pages can do. Errors are problem details (RFC 9457) with a stable code.",
    "VERSION": "1",
    "LICENSE": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
    "SERVERS": [{"url": "/", "description": "This instance."}],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ipaas.web.api.openapi.complete",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "GET_LIB_DOC_EXCLUDES": "ipaas.web.api.openapi.undescribed",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "RunStatus": "ipaas.runtime.models.Run.Status",
        "StepStatus": "ipaas.runtime.models.StepRun.Status",
        "DeadLetterState": "ipaas.runtime.models.DeadLetter.State",
        "ApprovalState": "ipaas.runtime.models.Approval.State",
        "ActiveState": "ipaas.flows.models.Flow.State",
        "VersionState": "ipaas.core.documents.DocumentVersion.State",
        "SecretKind": "ipaas.vault.models.Secret.Kind",
        "WebhookState": "ipaas.notices.models.Webhook.State",
        "WebhookDeliveryState": "ipaas.notices.models.WebhookDelivery.State",
        "Decision": ["approved", "rejected"],
        "ChangeKind": ["added", "removed", "changed"],
        "AuditJobKind": "ipaas.audit.models.AuditJob.Kind",
        "BulkDeed": ["cancel", "correct", "discard", "replay", "replay_runs"],
        "RunDeed": ["cancel", "resume", "settle_happened", "settle_not_happened", "skip"],
        "ConnectorOrigin": "ipaas.web.api.connectors.ORIGINS",
        "PolicyOrigin": ["platform", "connector", "connection", "step"],
        "ImportKind": "ipaas.catalog.connector_models.DescriptionKind",
        "FindingLevel": ["dropped", "note"],
        "QualityLevel": ["bronze", "silver", "gold"],
        "SecretStore": "ipaas.vault.models.StoreKind",
        "ShareLinkState": ["open", "used", "revoked", "expired"],
        "ReviewState": "ipaas.governance.models.Review.State",
        "ImportState": "ipaas.catalog.models.ImportDraft.State",
        "FaultKind": ["status", "reject", "delay", "reset", "half", "drift"],
        "PlanDeed": ["create", "change", "text", "deploy", "unchanged", "archive", "invalid", "blocked"],
        "NeedKind": ["connection", "variable", "endpoint", "flow"],
        "NeedState": ["ready", "differs", "missing"],
        "OutsideEffect": ["reads", "writes", "emits", "starts"],
        "SchemaMode": "ipaas.contracts.compatibility.MODES",
        "SchemaVerdict": ["compatible", "incompatible", "undecided"],
        "SchemaProblemState": ["incompatible", "undecided"],
        "SchemaUserKind": ["flow", "mapping", "contract", "schema", "event_type"],
    },
}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _conf.redis_url,
        "KEY_PREFIX": "ipaas:cache",
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [ROOT / "locale"]
FORMAT_MODULE_PATH = ["ipaas.web.i18n.formats"]
LANGUAGE_COOKIE_NAME = "language"
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True
COTTON_ISOLATE_BY_DEFAULT = True
STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [("dist", ROOT / "static" / "dist")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Hashed names once collectstatic has run; plain names before (development, tests).
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if "collectstatic" in sys.argv or (STATIC_ROOT / "staticfiles.json").exists()
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LOGGING_CONFIG = None
