"""The connector manifest as frozen dataclasses; ``manifest_reader`` makes and checks them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ipaas.core.errors import ErrorClass
from ipaas.sdk.handshakes import Handshake
from ipaas.sdk.signatures import SignatureScheme


class Effect(StrEnum):
    """What a repetition of an action does to the world, hence what may follow an unknown outcome."""

    SAFE = "safe"
    KEYED = "keyed"
    LOOKUP = "lookup"
    UNKEYED = "unkeyed"


@dataclass(frozen=True, slots=True)
class SecretField:
    name: str
    title: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class HmacAuth:
    """How requests are signed with a shared secret."""

    algorithm: str = "sha256"
    encoding: str = "hex"
    header: str = "X-Signature"
    key_header: str = "X-Key-Id"
    timestamp_header: str = "X-Timestamp"
    signed: str = "{method}\n{path}\n{query}\n{timestamp}\n{body_sha256}"


@dataclass(frozen=True, slots=True)
class Login:
    """The request that opens a session; templates read ``secret`` and ``config``."""

    path: str = ""
    method: str = "POST"
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    body_format: str = "json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is in a delivery or an answer: a header or a dotted path into the body."""

    header: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Where an answer holds the token of the next call; ``serial``: the one before ends with that answer."""

    header: str = ""
    path: str = ""
    serial: bool = True


@dataclass(frozen=True, slots=True)
class HookCall:
    """An action and its parameters as templates."""

    action: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RotationHook:
    """How the provider makes the next credential, and ends the one before: ``fields`` are read from the answer."""

    create: HookCall
    fields: Mapping[str, str]
    read: HookCall | None = None
    revoke: HookCall | None = None


@dataclass(frozen=True, slots=True)
class AuthScheme:
    """One way to authenticate; ``fields`` are the names of the secret's fields.

    ``together`` are the schemes of the type ``all``, each of which goes along with every call. With ``send_body``
    (templates by their place in the body) no header holds the credential.
    """

    name: str
    type: str
    title: str = ""
    location: str = "header"
    parameter: str = ""
    prefix: str = ""
    fields: tuple[SecretField, ...] = ()
    hmac: HmacAuth = HmacAuth()
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    audience: str = ""
    client_auth: str = "basic"
    authorize_url: str = ""
    pkce: bool = True
    extra_params: Mapping[str, str] = field(default_factory=dict)
    algorithm: str = "RS256"
    claims: Mapping[str, Any] = field(default_factory=dict)
    service: str = ""
    region: str = ""
    login: Login = Login()
    token: Place = Place()
    send_header: str = "authorization"
    send_prefix: str = "Bearer "
    send_body: Mapping[str, Any] = field(default_factory=dict)
    expires_s: int | None = None
    rotates: Rotation | None = None
    rotation: RotationHook | None = None
    together: tuple["AuthScheme", ...] = ()

    @property
    def parts(self) -> tuple["AuthScheme", ...]:
        """The plain schemes that it consists of."""
        return self.together or (self,)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Token bucket: ``rate`` per second, at most ``burst`` at once, ``daily_quota`` per UTC day."""

    rate: float
    burst: int | None = None
    daily_quota: int | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Defaults of the retry policy; None leaves the platform's value."""

    attempts: int | None = None
    base_s: float | None = None
    cap_s: float | None = None


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """Classifies an answer when every condition given holds."""

    error_class: ErrorClass
    statuses: frozenset[int] = frozenset()
    status_class: int | None = None
    path: str = ""
    equals: tuple[Any, ...] = ()
    regex: str = ""
    present: bool | None = None
    header: str = ""
    code: str = ""
    message: str = ""
    retryable: bool | None = None
    applied: bool | None = None
    applied_given: bool = False


@dataclass(frozen=True, slots=True)
class Lookup:
    """How to find out after an unknown outcome whether the effect happened."""

    action: str
    params: Mapping[str, Any]
    found: str
    result: Any = "{{ data }}"
    settle_s: float = 0


@dataclass(frozen=True, slots=True)
class Idempotency:
    header: str = ""
    field: str = ""
    natural: tuple[str, ...] = ()
    lookup: Lookup | None = None


@dataclass(frozen=True, slots=True)
class Pagination:
    """How a list goes on; ``kind`` says which of the other values count."""

    items: str
    kind: str = "cursor"
    param: str = ""
    next: str = ""
    size: int | str | None = None
    start: int | None = None
    max_pages: int = 100


@dataclass(frozen=True, slots=True)
class CompensatedBy:
    action: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    schema: Any = None
    result: Any = None
    format: str = "json"
    enforce: bool = True


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One operation as the manifest describes it; ``effect`` is an Effect's value or an expression yielding one."""

    name: str
    title: str
    doc: str
    effect: str
    params_schema: Mapping[str, Any]
    params_example: Mapping[str, Any] = field(default_factory=dict)
    method: str = ""
    path: str = ""
    free_path: bool = False
    query: Any = None
    headers: Any = None
    cookies: Any = None
    body: Any = None
    has_body: bool = False
    body_format: str = "json"
    omit_null: bool = True
    response: ResponseSpec = ResponseSpec()
    idempotency: Idempotency = Idempotency()
    pagination: Pagination | None = None
    sensitive: tuple[str, ...] = ()
    compensates: tuple[str, ...] = ()
    compensated_by: CompensatedBy | None = None
    errors: tuple[ErrorRule, ...] = ()
    timeout_s: float | None = None
    cost: int = 1
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventSpec:
    name: str
    title: str
    schema: Any = None


@dataclass(frozen=True, slots=True)
class SubscriptionCall:
    """An action and its parameters as templates; what else is given depends on the deed."""

    action: str
    params: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    secret: str = ""
    found: str = ""
    every_s: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """How the vendor is told where to deliver, asked to go on, and told to stop."""

    create: SubscriptionCall
    delete: SubscriptionCall
    check: SubscriptionCall | None = None
    renew: SubscriptionCall | None = None


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    name: str
    title: str
    doc: str
    kind: str
    signature: SignatureScheme | None = None
    handshake: Handshake | None = None
    answer_status: int = 0
    delivery_id: Place | None = None
    event_type: Place | None = None
    events: Mapping[str, EventSpec] = field(default_factory=dict)
    action: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    params_schema: Mapping[str, Any] = field(default_factory=dict)
    params_example: Mapping[str, Any] = field(default_factory=dict)
    items: str = ""
    key: str = ""
    event: str = ""
    next_cursor: str = ""
    more: str = ""
    initial_cursor: Any = None
    subscription: Subscription | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole connector; ``document`` is the validated source with schemas put in place of their paths."""

    slug: str
    title: str
    summary: str
    category: str
    vendor: str
    version: str
    document: Mapping[str, Any]
    auth: Mapping[str, AuthScheme]
    actions: Mapping[str, ActionSpec]
    triggers: Mapping[str, TriggerSpec]
    errors: tuple[ErrorRule, ...] = ()
    api_version: str = ""
    api_sunset: str = ""
    changelog_url: str = ""
    migration: Mapping[str, str] = field(default_factory=dict)
    docs_url: str = ""
    protocol: str = "http"
    base_urls: Mapping[str, str] = field(default_factory=dict)
    default_headers: Mapping[str, str] = field(default_factory=dict)
    config_schema: Mapping[str, Any] = field(default_factory=dict)
    config_example: Mapping[str, Any] = field(default_factory=dict)
    rate_limit: RateLimit | None = None
    concurrency: int | None = None
    timeout_s: float | None = None
    retry: Retry = Retry()
    sensitive: tuple[str, ...] = ()
    test_action: str = ""
    test_params: Mapping[str, Any] = field(default_factory=dict)
    stub: Mapping[str, Any] = field(default_factory=dict)
