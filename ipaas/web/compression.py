"""Answers travel compressed, but for those that a change is made conditional upon."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressionMiddleware(GZipMiddleware):
    """Django's own (it pads at random, against guessing from lengths); an answer with an ETag stays as it is.

    A compressed answer would need another tag (RFC 9110, 8.8.3.3), and ``If-Match`` could not be met with it.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response if response.has_header("ETag") else super().process_response(request, response)
