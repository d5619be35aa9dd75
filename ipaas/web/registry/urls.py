"""Addresses of the registry, as Confluent's clients call them."""

from django.urls import path, register_converter

from ipaas.web.registry import views


class SubjectConverter:
    """Any name in one part of an address."""

    regex = "[^/]{1,255}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(SubjectConverter, "subject")
app_name = "registry"
SUBJECT, VERSION = "subjects/<subject:subject>", "subjects/<subject:subject>/versions/<str:version>"
ID = "schemas/ids/<int:number>"
urlpatterns = [
    path("", views.root, name="root"),
    path("schemas/types", views.schema_types, name="schema_types"),
    path("subjects", views.subject_list, name="subject_list"),
    path(SUBJECT, views.subject_detail, name="subject_detail"),
    path(f"{SUBJECT}/versions", views.version_list, name="version_list"),
    path(VERSION, views.version_detail, name="version_detail"),
    path(f"{VERSION}/schema", views.version_schema, name="version_schema"),
    path(f"{VERSION}/referencedby", views.version_referenced_by, name="version_referenced_by"),
    path(ID, views.id_detail, name="id_detail"),
    path(f"{ID}/schema", views.id_schema, name="id_schema"),
    path(f"{ID}/subjects", views.id_subjects, name="id_subjects"),
    path(f"{ID}/versions", views.id_versions, name="id_versions"),
    path(f"compatibility/{SUBJECT}/versions", views.compatible, name="compatible"),
    path(f"compatibility/{VERSION}", views.compatible, name="compatible_with"),
    path("config", views.config, name="config"),
    path("config/<subject:subject>", views.subject_config, name="subject_config"),
    path("mode", views.mode, name="mode"),
    path("mode/<subject:subject>", views.mode, name="subject_mode"),
]
