from django.urls import path

from ipaas.web import views
from ipaas.web.pages import home

app_name = "web"
urlpatterns = [
    path("", views.workspace_redirect, name="workspace_redirect"),
    path("w/<slug:workspace>/", home.home, name="home"),
    path("profile/theme/", views.theme_select, name="theme_select"),
    path("w/<slug:workspace>/environment/", views.environment_select, name="environment_select"),
]
