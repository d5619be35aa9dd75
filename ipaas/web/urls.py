from django.urls import path, re_path

from ipaas.web import api_reader, views
from ipaas.web.hooks import hook
from ipaas.web.pages import connecting, contracts, home, jump, profile

app_name = "web"
urlpatterns = [
    re_path(r"^hooks/(?P<public_id>.*)$", hook, name="hook"),
    path("api/docs/", api_reader.api_docs, name="api_docs"),
    path("api/docs/<slug:name>/", api_reader.api_operation, name="api_operation"),
    path("", views.workspace_redirect, name="workspace_redirect"),
    path("w/<slug:workspace>/", home.home, name="home"),
    path("profile/", profile.profile_detail, name="profile"),
    path("profile/sessions/", profile.session_list, name="session_list"),
    path("profile/sessions/<int:session_id>/end/", profile.session_end, name="session_end"),
    path("profile/sessions/end-others/", profile.session_end_others, name="session_end_others"),
    path("profile/theme/", views.theme_select, name="theme_select"),
    path("profile/language/", views.language_select, name="language_select"),
    path("connect/", connecting.shared, name="connect_shared"),
    path("connect/link/<str:token>/", connecting.share_link, name="connect_link"),
    path("connect/go/", connecting.shared_go, name="connect_go"),
    path("connect/callback/", connecting.callback, name="connect_callback"),
    path("connect/done/", connecting.done, name="connect_done"),
    path("contract/<str:key>/", contracts.contract_public, name="contract_public"),
    path("contract/<str:key>/<slug:form>.json", contracts.contract_public_export, name="contract_public_export"),
    path("w/<slug:workspace>/jump/", jump.jump, name="jump"),
    path("w/<slug:workspace>/environment/", views.environment_select, name="environment_select"),
]
