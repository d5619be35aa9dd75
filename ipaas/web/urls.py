from django.urls import path

from ipaas.web import views

app_name = "web"
urlpatterns = [
    path("", views.workspace_redirect, name="workspace_redirect"),
    path("profile/theme/", views.theme_select, name="theme_select"),
    path("w/<slug:workspace>/environment/", views.environment_select, name="environment_select"),
]
