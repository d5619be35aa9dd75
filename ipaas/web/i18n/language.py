"""The language of a request: the person's own, else the browser's; programs are always answered in English."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

SOURCE = "en"
_FOR_PROGRAMS = ("/api/", "/hooks/")


def languages() -> dict[str, str]:
    """Code → the language's name in itself."""
    return dict(settings.LANGUAGES)


def language_of(request: HttpRequest) -> str:
    """What the person chose, stored with the user; else the cookie of an earlier choice; else what the browser asks."""
    if request.path_info.startswith(_FOR_PROGRAMS):
        return SOURCE
    chosen = request.user.language if request.user.is_authenticated else ""
    return chosen if chosen in languages() else translation.get_language_from_request(request)


class LanguageMiddleware:
    """What answers a request speaks its language; stands below the authentication, which knows the person."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        language = language_of(request)
        with translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language",))
        return response
