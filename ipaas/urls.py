"""URL map of the pages and the API."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

handler400 = "ipaas.web.errors.bad_request"
handler403 = "ipaas.web.errors.permission_denied"
handler404 = "ipaas.web.errors.not_found"
handler500 = "ipaas.web.errors.defect"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("ipaas.web.urls")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_runtime")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_flows")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_mapping")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_contracts")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_ownership")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_governance")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_events")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_notices")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_catalog")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_vault")),
    path("w/<slug:workspace>/", include("ipaas.web.pages.urls_audit")),
    path("w/<slug:workspace>/settings/", include("ipaas.web.pages.urls_accounts")),
    path("accounts/", include("ipaas.accounts.urls")),
    path("api/v1/", include("ipaas.web.api.urls")),
    path("api/registry/", include("ipaas.web.registry.urls")),
]

if settings.DEBUG:
    urlpatterns.append(path("design/", include("ipaas.web.design.urls")))
