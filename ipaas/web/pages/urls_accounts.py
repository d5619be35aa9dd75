from django.urls import path

from ipaas.web.pages import (
    invitations,
    keys,
    members,
    review_settings,
    signin_settings,
    vault_settings,
    workspace_settings,
)

app_name = "accounts"
MEMBER = "members/<uuid:member_id>/"
urlpatterns = [
    path("", members.member_list, name="settings"),
    path("invitations/new/", invitations.invitation_new, name="invitation_new"),
    path("invitations/<uuid:invitation_id>/renew/", invitations.invitation_renew, name="invitation_renew"),
    path("invitations/<uuid:invitation_id>/revoke/", invitations.invitation_revoke, name="invitation_revoke"),
    path(f"{MEMBER}roles/", members.member_roles, name="member_roles"),
    path(f"{MEMBER}remove/", members.member_remove, name="member_remove"),
    path(f"{MEMBER}switch/", members.member_switch, name="member_switch"),
    path(f"{MEMBER}password-link/", members.member_link, name="member_link"),
    path(f"{MEMBER}reset-second-factor/", members.member_reset, name="member_reset"),
    path("keys/", keys.key_list, name="keys"),
    path("keys/new/", keys.key_new, name="key_new"),
    path("keys/<slug:prefix>/rotate/", keys.key_rotate, name="key_rotate"),
    path("keys/<slug:prefix>/revoke/", keys.key_revoke, name="key_revoke"),
    path("service-accounts/new/", keys.account_new, name="account_new"),
    path("service-accounts/<slug:slug>/change/", keys.account_change, name="account_change"),
    path("service-accounts/<slug:slug>/switch/", keys.account_switch, name="account_switch"),
    path("environments/", workspace_settings.environment_list, name="environments"),
    path("environments/new/", workspace_settings.environment_new, name="environment_new"),
    path("environments/<slug:slug>/edit/", workspace_settings.environment_edit, name="environment_edit"),
    path("network/", workspace_settings.network, name="network"),
    path("network/change/", workspace_settings.network_change, name="network_change"),
    path("sign-in/", signin_settings.signin, name="signin"),
    path("sign-in/change/", signin_settings.signin_change, name="signin_change"),
    path("vault/", vault_settings.vault, name="vault"),
    path("vault/change/", vault_settings.vault_change, name="vault_change"),
    path("vault/check/", vault_settings.vault_check, name="vault_check"),
    path("vault/migrate/", vault_settings.vault_migrate, name="vault_migrate"),
    path("policies/", workspace_settings.policies, name="policies"),
    path("reviews/", review_settings.reviews, name="reviews"),
    path("reviews/change/", review_settings.reviews_change, name="reviews_change"),
    path("health/", workspace_settings.health, name="health"),
]
