from django.urls import path

from ipaas.web.pages import mapping_editor, mapping_tests, mappings

app_name = "mapping"
ONE = "mappings/<slug:slug>/"
urlpatterns = [
    path("mappings/", mappings.mapping_list, name="mapping_list"),
    path("mappings/-new/", mappings.mapping_new, name="mapping_new"),
    path("mappings/-check/", mappings.mapping_check, name="mapping_check"),
    path("mappings/-fields/", mapping_editor.mapping_fields, name="mapping_fields"),
    path("mappings/-suggest/", mapping_editor.mapping_suggest, name="mapping_suggest"),
    path("mappings/-tests/", mapping_tests.mapping_tests_check, name="mapping_tests_check"),
    path(ONE, mappings.mapping_detail, name="mapping_detail"),
    path(f"{ONE}edit/", mappings.mapping_edit, name="mapping_edit"),
    path(f"{ONE}samples/", mapping_editor.mapping_samples, name="mapping_samples"),
    path(f"{ONE}presence/", mappings.mapping_presence, name="mapping_presence"),
    path(f"{ONE}publish/", mappings.mapping_publish, name="mapping_publish"),
    path(f"{ONE}diff/", mappings.mapping_diff, name="mapping_diff"),
    path(f"{ONE}text/", mappings.mapping_text, name="mapping_text"),
    path(f"{ONE}deprecate/", mappings.mapping_deprecate, name="mapping_deprecate"),
    path(f"{ONE}archive/", mappings.mapping_archive, name="mapping_archive"),
    path(f"{ONE}restore/", mappings.mapping_restore, name="mapping_restore"),
    path(f"{ONE}tests/", mapping_tests.mapping_tests, name="mapping_tests"),
    path(f"{ONE}tests/change/", mapping_tests.mapping_tests_change, name="mapping_tests_change"),
    path(f"{ONE}drift/<uuid:drift_id>/", mapping_tests.mapping_drift, name="mapping_drift"),
]
