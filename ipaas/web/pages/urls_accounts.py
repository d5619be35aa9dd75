from django.urls import path

from ipaas.web.pages import keys, members, workspace_settings

app_name = "accounts"
MEMBER = "members/<uuid:member_id>/"
urlpatterns = [
    path("", members.member_list, name="settings"),
    path("members/add/", members.member_add, name="member_add"),
    path(f"{MEMBER}roles/", members.member_roles, name="member_roles"),
    path(f"{MEMBER}remove/", members.member_remove, name="member_remove"),
    path(f"{MEMBER}switch/", members.member_switch, name="member_switch"),
    path(f"{MEMBER}password-link/", members.member_link, name="member_link"),
    path("keys/", keys.key_list, name="keys"),
    path("keys/new/", keys.key_new, name="key_new"),
    path("keys/<slug:prefix>/rotate/", keys.key_rotate, name="key_rotate"),
    path("keys/<slug:prefix>/revoke/", keys.key_revoke, name="key_revoke"),
    path("service-accounts/new/", keys.account_new, name="account_new"),
    path("service-accounts/<slug:slug>/switch/", keys.account_switch, name="account_switch"),
    path("environments/", workspace_settings.environment_list, name="environments"),
    path("environments/new/", workspace_settings.environment_new, name="environment_new"),
    path("environments/<slug:slug>/edit/", workspace_settings.environment_edit, name="environment_edit"),
    path("network/", workspace_settings.network, name="network"),
    path("network/change/", workspace_settings.network_change, name="network_change"),
    path("policies/", workspace_settings.policies, name="policies"),
    path("health/", workspace_settings.health, name="health"),
]
