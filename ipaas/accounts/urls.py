"""Sign-in, sign-out and the own password; accounts are made by administrators, so nothing else is reachable."""

from allauth.account import views
from django.urls import path
from django.views.generic import RedirectView

_to_signin = RedirectView.as_view(pattern_name="account_login")

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/set/", views.password_set, name="account_set_password"),
    # the library links to these names; both lead back to sign-in
    path("signup/", _to_signin, name="account_signup"),
    path("password/reset/", _to_signin, name="account_reset_password"),
]
