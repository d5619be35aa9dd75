from django.urls import path

from ipaas.web.pages import audit

app_name = "audit"
urlpatterns = [
    path("audit/", audit.entry_list, name="entry_list"),
    path("audit/verify/", audit.verify, name="verify"),
    path("audit/export/<slug:fmt>/", audit.export, name="export"),
    path("audit/checkpoints/", audit.checkpoints, name="checkpoints"),
]
