from django.urls import path

from ipaas.web.pages import secrets

app_name = "vault"
ONE = "vault/secrets/<slug:slug>/"
urlpatterns = [
    path("vault/", secrets.secret_list, name="secret_list"),
    path("vault/new/", secrets.secret_new, name="secret_new"),
    path(ONE, secrets.secret_detail, name="secret_detail"),
    path(f"{ONE}versions/", secrets.secret_version_new, name="secret_version_new"),
    path(f"{ONE}versions/<int:number>/revoke/", secrets.secret_version_revoke, name="secret_version_revoke"),
    path(f"{ONE}change/", secrets.secret_change, name="secret_change"),
    path(f"{ONE}delete/", secrets.secret_delete, name="secret_delete"),
]
