"""Files of the pages under ``/static/`` and the documentation under ``/docs/``, answered before anything else."""

from collections.abc import Callable
from wsgiref.headers import Headers

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

DOCS = settings.BASE_DIR / "static" / "docs"


class AssetMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise has no types
    """WhiteNoise, with the built documentation beside the static files, under the policy of all other pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        super().__init__(get_response)
        self.index_file, self.add_headers_function = "index.html", _add_policy
        if DOCS.is_dir():
            self.add_files(str(DOCS), prefix="/docs/")


def _add_policy(headers: Headers, path: str, url: str) -> None:
    if path.endswith(".html"):
        headers["Content-Security-Policy"] = build_policy()
        headers["X-Frame-Options"] = settings.X_FRAME_OPTIONS
