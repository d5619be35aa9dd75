from django.urls import path

from ipaas.web.pages import schema_inference, schemas

app_name = "contracts"
ONE = "schemas/<slug:slug>/"
urlpatterns = [
    path("schemas/", schemas.schema_list, name="schema_list"),
    path("schemas/-new/", schemas.schema_new, name="schema_new"),
    path("schemas/-infer/", schema_inference.schema_infer, name="schema_infer"),
    path("schemas/-check/", schemas.schema_check, name="schema_check"),
    path(ONE, schemas.schema_detail, name="schema_detail"),
    path(f"{ONE}edit/", schemas.schema_edit, name="schema_edit"),
    path(f"{ONE}publish/", schemas.schema_publish, name="schema_publish"),
    path(f"{ONE}accept-break/", schemas.schema_accept_break, name="schema_accept_break"),
    path(f"{ONE}diff/", schemas.schema_diff, name="schema_diff"),
    path(f"{ONE}text/", schemas.schema_text, name="schema_text"),
    path(f"{ONE}deprecate/", schemas.schema_deprecate, name="schema_deprecate"),
    path(f"{ONE}archive/", schemas.schema_archive, name="schema_archive"),
    path(f"{ONE}restore/", schemas.schema_restore, name="schema_restore"),
]
