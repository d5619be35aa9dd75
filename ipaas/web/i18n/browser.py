"""The words of the scripts in ``static/src``; every page carries them as JSON, in its language."""

from django.utils.translation import get_language, gettext, gettext_noop

from ipaas.web.i18n.language import SOURCE

WORDS = {
    "now": gettext_noop("just now"),
    "ago": gettext_noop("%(amount)s ago"),
    "in": gettext_noop("in %(amount)s"),
    "second": gettext_noop("s"),
    "minute": gettext_noop("min"),
    "hour": gettext_noop("h"),
    "day": gettext_noop("d"),
    "time": gettext_noop("Time"),
    "copied": gettext_noop("Copied."),
    "dismiss": gettext_noop("Dismiss"),
    "recent": gettext_noop("Recent"),
    "offers": gettext_noop("%(count)s offers"),
    "refused": gettext_noop("The server answered %(status)s. Nothing was changed; load the page again and retry."),
    "unreachable": gettext_noop("The server could not be reached. Check the connection and retry."),
}
"""By the name that the scripts say: ``say("ago", {amount})``."""


PHRASES = (
    gettext_noop("Find"), gettext_noop("Replace"), gettext_noop("next"), gettext_noop("previous"), gettext_noop("all"),
    gettext_noop("match case"), gettext_noop("by word"), gettext_noop("regexp"), gettext_noop("replace"),
    gettext_noop("replace all"), gettext_noop("close"), gettext_noop("Go to line"), gettext_noop("go"),
    gettext_noop("current match"), gettext_noop("on line"), gettext_noop("replaced $ matches"),
    gettext_noop("replaced match on line $"), gettext_noop("Fold line"), gettext_noop("Unfold line"),
    gettext_noop("Folded lines"), gettext_noop("Unfolded lines"), gettext_noop("to"), gettext_noop("folded code"),
    gettext_noop("unfold"), gettext_noop("Completions"), gettext_noop("Diagnostics"), gettext_noop("No diagnostics"),
    gettext_noop("$ unchanged lines"), gettext_noop("Control character"), gettext_noop("Selection deleted"),
)  # fmt: skip
"""What the editor's packages say themselves; they look it up by the English words."""


def browser_words() -> dict[str, object]:
    words: dict[str, object] = {name: gettext(text) for name, text in WORDS.items()}
    if get_language() != SOURCE:
        words["phrases"] = {text: gettext(text) for text in PHRASES}
    return words
