from django.urls import path, re_path

from ipaas.web import views
from ipaas.web.hooks import hook
from ipaas.web.pages import home, jump

app_name = "web"
urlpatterns = [
    re_path(r"^hooks/(?P<public_id>.*)$", hook, name="hook"),
    path("", views.workspace_redirect, name="workspace_redirect"),
    path("w/<slug:workspace>/", home.home, name="home"),
    path("profile/theme/", views.theme_select, name="theme_select"),
    path("profile/language/", views.language_select, name="language_select"),
    path("w/<slug:workspace>/jump/", jump.jump, name="jump"),
    path("w/<slug:workspace>/environment/", views.environment_select, name="environment_select"),
]
