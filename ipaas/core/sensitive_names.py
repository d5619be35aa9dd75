"""Which names of fields say that their value is a secret or payment data.

Words decide, not substrings: ``authorization`` and ``db_password`` are sensitive; ``author``, ``token_count``,
``tokens_used``, ``password_changed_at`` and ``next_page_token`` are not.
"""

import functools
import re
from typing import Final

_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")

_NOUNS: Final = frozenset(
    [
        "password",
        "passwords",
        "passwd",
        "pwd",
        "passphrase",
        "passcode",
        "secret",
        "secrets",
        "token",
        "credential",
        "credentials",
        "authorization",
        "cookie",
        "cookies",
        "cvv",
        "cvc",
        "cvn",
        "csc",
        "iban",
        "pan",
        "jwt",
        "otp",
        "totp",
        "bearer",
        "ssn",
        "apikey",
    ]
)
_PHRASES: Final = frozenset(
    {
        ("api", "key"),
        ("api", "keys"),
        ("access", "key"),
        ("private", "key"),
        ("secret", "key"),
        ("signing", "key"),
        ("encryption", "key"),
        ("shared", "key"),
        ("master", "key"),
        ("license", "key"),
        ("account", "key"),
        ("access", "tokens"),
        ("refresh", "tokens"),
        ("api", "tokens"),
        ("auth", "tokens"),
        ("session", "id"),
        ("card", "number"),
        ("card", "no"),
        ("account", "number"),
        ("security", "code"),
        ("verification", "code"),
        ("backup", "codes"),
        ("recovery", "codes"),
        ("authorization", "code"),
        ("auth", "code"),
        ("connection", "string"),
        ("social", "security"),
        ("pin", "code"),
        ("session", "key"),
    }
)
_RUN_TOGETHER: Final = {
    "accesstoken": ("access", "token"),
    "refreshtoken": ("refresh", "token"),
    "idtoken": ("id", "token"),
    "authtoken": ("auth", "token"),
    "clientsecret": ("client", "secret"),
    "cardnumber": ("card", "number"),
    "privatekey": ("private", "key"),
    "accesskey": ("access", "key"),
    "secretkey": ("secret", "key"),
    "setcookie": ("set", "cookie"),
    "sessionid": ("session", "id"),
    "securitycode": ("security", "code"),
    "userpassword": ("user", "password"),
    "accountnumber": ("account", "number"),
    "sessiontoken": ("session", "token"),
    "bearertoken": ("bearer", "token"),
    "signingkey": ("signing", "key"),
    "csrftoken": ("csrf", "token"),
    "nextpagetoken": ("page", "token"),
    "pagetoken": ("page", "token"),
    "tokentype": ("token", "type"),
    "tokencount": ("token", "count"),
    "maxtokens": ("max", "tokens"),
}
_ABOUT: Final = frozenset(
    [
        "count",
        "counts",
        "used",
        "usage",
        "type",
        "types",
        "kind",
        "length",
        "size",
        "limit",
        "limits",
        "policy",
        "expires",
        "expiry",
        "expiration",
        "expired",
        "at",
        "in",
        "on",
        "changed",
        "updated",
        "created",
        "reset",
        "required",
        "enabled",
        "set",
        "strength",
        "rotation",
        "version",
        "label",
        "name",
        "title",
        "url",
        "uri",
        "link",
        "endpoint",
        "ttl",
        "age",
        "min",
        "max",
        "present",
        "provided",
        "valid",
        "status",
        "state",
        "hint",
        "scope",
        "scopes",
        "brand",
        "country",
        "method",
        "format",
        "lifetime",
        "field",
        "fields",
        "ref",
        "reference",
        "slug",
        "category",
        "budget",
        "total",
        "per",
        "last4",
    ]
)
_ASKING: Final = frozenset(
    {"has", "is", "needs", "requires", "require", "use", "uses", "forgot", "reset", "num", "count"}
)
_PAGING: Final = frozenset(
    {"page", "next", "previous", "continuation", "sync", "delta", "skip", "resume", "pagination"}
)


@functools.lru_cache(maxsize=8192)
def is_sensitive_key(name: str) -> bool:
    """Whether the value under this key is masked wherever it is shown."""
    words = _words(name)
    if not words or (words[0] in _ASKING and len(words) > 1):
        return False
    end = _end_of_noun(words)
    return end > 0 and not all(word in _ABOUT for word in words[end:] or ("",))


def _words(name: str) -> tuple[str, ...]:
    """Lower-case words, digits at their ends dropped, words that are usually run together taken apart."""
    words: list[str] = []
    for part in _BOUNDARY.split(name[:200]):
        word = part.lower()
        word = word if word == "last4" else word.rstrip("0123456789")
        words.extend(_RUN_TOGETHER.get(word, (word,) if word else ()))
    return tuple(words)


def _end_of_noun(words: tuple[str, ...]) -> int:
    """The place after the last sensitive noun or phrase; 0 when there is none."""
    for end in range(len(words), 0, -1):
        pair = words[end - 2 : end] if end > 1 else ()
        if pair in _PHRASES:
            return end
        if words[end - 1] in _NOUNS:
            return 0 if words[end - 1] == "token" and end > 1 and words[end - 2] in _PAGING else end
    return 0
