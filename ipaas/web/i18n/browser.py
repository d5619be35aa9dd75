"""The words of the scripts in ``static/src``; every page carries them as JSON, in its language."""

from django.utils.translation import gettext, gettext_noop

WORDS = {
    "now": gettext_noop("just now"),
    "ago": gettext_noop("%(amount)s ago"),
    "in": gettext_noop("in %(amount)s"),
    "second": gettext_noop("s"),
    "minute": gettext_noop("min"),
    "hour": gettext_noop("h"),
    "day": gettext_noop("d"),
    "copied": gettext_noop("Copied."),
    "dismiss": gettext_noop("Dismiss"),
    "recent": gettext_noop("Recent"),
    "offers": gettext_noop("%(count)s offers"),
    "refused": gettext_noop("The server answered %(status)s. Nothing was changed; load the page again and retry."),
    "unreachable": gettext_noop("The server could not be reached. Check the connection and retry."),
}
"""By the name that the scripts say: ``say("ago", {amount})``."""


def browser_words() -> dict[str, str]:
    return {name: gettext(text) for name, text in WORDS.items()}
