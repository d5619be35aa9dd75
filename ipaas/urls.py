"""URL map of the pages and the API."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("ipaas.web.urls")),
    path("accounts/", include("ipaas.accounts.urls")),
]

if settings.DEBUG:
    urlpatterns.append(path("design/", include("ipaas.web.design.urls")))
