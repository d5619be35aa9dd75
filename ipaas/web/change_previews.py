"""What one correction would do to the first few inputs that it meets, masked."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.core.phrases import in_words
from ipaas.runtime.models import DeadLetter, Run
from ipaas.runtime.patches import Changes
from ipaas.runtime.showing import ShownRun
from ipaas.web.differences import differences
from ipaas.web.i18n.errors import told
from ipaas.web.readmodels import DiffRow

MOST_SAMPLES = 5
MOST_ROWS = 50


@dataclass(frozen=True)
class ChangedSample:
    """``problem``: why this one would be refused."""

    letter_id: Any
    business_key: str
    rows: tuple[DiffRow, ...]
    problem: str = ""


def changed_samples(letters: Iterable[DeadLetter], changes: Changes) -> list[ChangedSample]:
    """The newest dead letters with what the changes do to their inputs; nothing is changed."""
    return [_sample(letter, changes) for letter in list(letters)[:MOST_SAMPLES]]


def _sample(letter: DeadLetter, changes: Changes) -> ChangedSample:
    try:
        shown = ShownRun(Run.objects.get(id=letter.run_id))
        if not shown.has_input:
            return ChangedSample(letter.id, letter.business_key, (), _("The input is no longer kept."))
        after = shown.masked_input(changes.applied(shown.sealed_input))
    except InvalidInput as error:
        return ChangedSample(letter.id, letter.business_key, (), in_words(error.errors[0]["message"]))
    except IpaasError as error:
        return ChangedSample(letter.id, letter.business_key, (), told(error))
    return ChangedSample(letter.id, letter.business_key, tuple(differences(shown.whole_input, after))[:MOST_ROWS])
