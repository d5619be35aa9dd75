from django.urls import path

from ipaas.web.pages import secret_rules, secrets

app_name = "vault"
ONE = "vault/secrets/<slug:slug>/"
urlpatterns = [
    path("vault/", secrets.secret_list, name="secret_list"),
    path("vault/new/", secrets.secret_new, name="secret_new"),
    path("vault/register/", secret_rules.secret_register, name="secret_register"),
    path(ONE, secrets.secret_detail, name="secret_detail"),
    path(f"{ONE}versions/", secrets.secret_version_new, name="secret_version_new"),
    path(f"{ONE}versions/<int:number>/revoke/", secrets.secret_version_revoke, name="secret_version_revoke"),
    path(f"{ONE}versions/<int:number>/collect/", secret_rules.secret_collect, name="secret_collect"),
    path(f"{ONE}rotation/", secret_rules.secret_rotation, name="secret_rotation"),
    path(f"{ONE}rotate/", secret_rules.secret_rotate, name="secret_rotate"),
    path(f"{ONE}reveal/", secret_rules.secret_reveal, name="secret_reveal"),
    path(f"{ONE}change/", secrets.secret_change, name="secret_change"),
    path(f"{ONE}delete/", secrets.secret_delete, name="secret_delete"),
]
