from django.urls import path

from ipaas.web.pages import conventions, terms

app_name = "ownership"
TERM = "terms/<slug:slug>/"
CONVENTION = "conventions/<slug:slug>/"
urlpatterns = [
    path("terms/", terms.term_list, name="term_list"),
    path("terms/-new/", terms.term_new, name="term_new"),
    path("terms/-check/", terms.term_check, name="term_check"),
    path(TERM, terms.term_detail, name="term_detail"),
    path(f"{TERM}edit/", terms.term_edit, name="term_edit"),
    path(f"{TERM}publish/", terms.term_publish, name="term_publish"),
    path(f"{TERM}diff/", terms.term_diff, name="term_diff"),
    path(f"{TERM}text/", terms.term_text, name="term_text"),
    path(f"{TERM}deprecate/", terms.term_deprecate, name="term_deprecate"),
    path(f"{TERM}archive/", terms.term_archive, name="term_archive"),
    path(f"{TERM}restore/", terms.term_restore, name="term_restore"),
    path("conventions/", conventions.convention_list, name="convention_list"),
    path("conventions/-new/", conventions.convention_new, name="convention_new"),
    path("conventions/-check/", conventions.convention_check, name="convention_check"),
    path(CONVENTION, conventions.convention_detail, name="convention_detail"),
    path(f"{CONVENTION}edit/", conventions.convention_edit, name="convention_edit"),
    path(f"{CONVENTION}publish/", conventions.convention_publish, name="convention_publish"),
    path(f"{CONVENTION}diff/", conventions.convention_diff, name="convention_diff"),
    path(f"{CONVENTION}text/", conventions.convention_text, name="convention_text"),
    path(f"{CONVENTION}deprecate/", conventions.convention_deprecate, name="convention_deprecate"),
    path(f"{CONVENTION}archive/", conventions.convention_archive, name="convention_archive"),
    path(f"{CONVENTION}restore/", conventions.convention_restore, name="convention_restore"),
]
