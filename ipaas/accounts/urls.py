"""Sign-in, sign-out, the own password and second factor; nobody signs up, so nothing else is reachable."""

from allauth.account import views
from django.urls import include, path
from django.views.generic import RedirectView

from ipaas.accounts import invitation_views, password_views, signon_views
from ipaas.accounts.app_codes import SetUpAppView

_to_signin = RedirectView.as_view(pattern_name="account_login")

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/set/", views.password_set, name="account_set_password"),
    path("password/reset/", password_views.password_reset, name="account_reset_password"),
    path("password/new/<uidb64>/<token>/", password_views.NewPasswordView.as_view(), name="account_password_new"),
    path("invitation/", invitation_views.join, name="account_join"),
    path("invitation/<str:token>/", invitation_views.invitation, name="account_invitation"),
    path("sso/", signon_views.signon, name="account_signon"),
    path("sso/callback/", signon_views.signon_callback, name="account_signon_callback"),
    path("two-factor/totp/activate/", SetUpAppView.as_view(), name="mfa_activate_totp"),
    path("two-factor/", include("allauth.mfa.urls")),
    # the library links to this name; it leads back to sign-in
    path("signup/", _to_signin, name="account_signup"),
]
