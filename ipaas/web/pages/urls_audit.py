from django.urls import path

from ipaas.web.pages import audit

app_name = "audit"
urlpatterns = [
    path("audit/", audit.entry_list, name="entry_list"),
    path("audit/verify/", audit.verify, name="verify"),
    path("audit/jobs/", audit.job_list, name="job_list"),
    path("audit/jobs/export/<slug:fmt>/", audit.export_start, name="export_start"),
    path("audit/jobs/<uuid:job_id>/file/", audit.job_file, name="job_file"),
    path("audit/export/<slug:fmt>/", audit.export, name="export"),
    path("audit/checkpoints/", audit.checkpoints, name="checkpoints"),
]
