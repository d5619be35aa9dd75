"""The URL map of development: with the component page."""

from django.urls import include, path

from ipaas import urls

urlpatterns = [path("design/", include("ipaas.web.design.urls")), *urls.urlpatterns]
