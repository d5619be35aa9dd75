"""The words of the product's errors on pages; in the API, the log and the audit they stay English."""

from django.utils.translation import gettext

from ipaas.core.errors import IpaasError
from ipaas.core.phrases import in_words


def told(error: IpaasError) -> str:
    """What happened and what to do next, as one text in the language of the page."""
    return f"{in_words(error.detail)} {in_words(error.advice)}".strip()


def title_of(error: IpaasError) -> str:
    return gettext(error.title)
