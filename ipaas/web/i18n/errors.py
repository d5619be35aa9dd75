"""The words of the product's errors on pages; in the API, the log and the audit they stay English."""

from django.utils.translation import gettext

from ipaas.core.errors import IpaasError


def detail_of(error: IpaasError) -> str:
    """What happened, in the language of the page."""
    return _filled(error, error.template())


def advice_of(error: IpaasError) -> str:
    """What to do next, likewise."""
    return _filled(error, error.remedy)


def told(error: IpaasError) -> str:
    """Both, as one text."""
    return f"{detail_of(error)} {advice_of(error)}".strip()


def title_of(error: IpaasError) -> str:
    return gettext(error.title)


def _filled(error: IpaasError, template: str) -> str:
    return gettext(template).format_map(error.params) if template else ""
