"""The names of states as they stand inside a sentence: English for programs, told in the language of a page."""

from django.utils.translation import gettext_noop

from ipaas.core.phrases import Phrase, said

NAMES = frozenset(
    {
        gettext_noop("accepted"),
        gettext_noop("active"),
        gettext_noop("approved"),
        gettext_noop("archived"),
        gettext_noop("cancelled"),
        gettext_noop("compensated"),
        gettext_noop("compensating"),
        gettext_noop("dead"),
        gettext_noop("disabled"),
        gettext_noop("discarded"),
        gettext_noop("done"),
        gettext_noop("expired"),
        gettext_noop("failed"),
        gettext_noop("gone"),
        gettext_noop("held"),
        gettext_noop("in_review"),
        gettext_noop("needs_operator"),
        gettext_noop("not deployed"),
        gettext_noop("open"),
        gettext_noop("paused"),
        gettext_noop("pending"),
        gettext_noop("published"),
        gettext_noop("queued"),
        gettext_noop("rejected"),
        gettext_noop("replayed"),
        gettext_noop("resumed"),
        gettext_noop("retired"),
        gettext_noop("returned"),
        gettext_noop("revoked"),
        gettext_noop("running"),
        gettext_noop("stopped"),
        gettext_noop("succeeded"),
        gettext_noop("superseded"),
        gettext_noop("unknown"),
        gettext_noop("used"),
        gettext_noop("waiting"),
        gettext_noop("withdrawn"),
    }
)


def state_name(state: str) -> Phrase:
    """A state to put into a phrase; one without a name here stays as it is."""
    return said(state)
