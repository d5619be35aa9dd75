from django.urls import path

from ipaas.web.pages import functions, lookups, mapping_editor, mapping_tests, mappings

app_name = "mapping"
ONE = "mappings/<slug:slug>/"
LOOKUP = "lookups/<slug:slug>/"
FUNCTION = "functions/<slug:slug>/"
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
    path("lookups/", lookups.lookup_list, name="lookup_list"),
    path("lookups/-new/", lookups.lookup_new, name="lookup_new"),
    path("lookups/-check/", lookups.lookup_check, name="lookup_check"),
    path(LOOKUP, lookups.lookup_detail, name="lookup_detail"),
    path(f"{LOOKUP}edit/", lookups.lookup_edit, name="lookup_edit"),
    path(f"{LOOKUP}publish/", lookups.lookup_publish, name="lookup_publish"),
    path(f"{LOOKUP}diff/", lookups.lookup_diff, name="lookup_diff"),
    path(f"{LOOKUP}text/", lookups.lookup_text, name="lookup_text"),
    path(f"{LOOKUP}deprecate/", lookups.lookup_deprecate, name="lookup_deprecate"),
    path(f"{LOOKUP}archive/", lookups.lookup_archive, name="lookup_archive"),
    path(f"{LOOKUP}restore/", lookups.lookup_restore, name="lookup_restore"),
    path(f"{LOOKUP}rows/", lookups.lookup_rows, name="lookup_rows"),
    path(f"{LOOKUP}import/", lookups.lookup_import, name="lookup_import"),
    path("functions/", functions.function_list, name="function_list"),
    path("functions/-new/", functions.function_new, name="function_new"),
    path("functions/-check/", functions.function_check, name="function_check"),
    path(FUNCTION, functions.function_detail, name="function_detail"),
    path(f"{FUNCTION}edit/", functions.function_edit, name="function_edit"),
    path(f"{FUNCTION}publish/", functions.function_publish, name="function_publish"),
    path(f"{FUNCTION}diff/", functions.function_diff, name="function_diff"),
    path(f"{FUNCTION}text/", functions.function_text, name="function_text"),
    path(f"{FUNCTION}deprecate/", functions.function_deprecate, name="function_deprecate"),
    path(f"{FUNCTION}archive/", functions.function_archive, name="function_archive"),
    path(f"{FUNCTION}restore/", functions.function_restore, name="function_restore"),
]
