from django.urls import path

from ipaas.web.pages import contracts, event_types, schema_inference, schemas

app_name = "contracts"
ONE = "schemas/<slug:slug>/"
CONTRACT = "contracts/<slug:slug>/"
EVENT_TYPE = "event-types/<slug:slug>/"
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
    path("event-types/", event_types.event_type_list, name="event_type_list"),
    path("event-types/-new/", event_types.event_type_new, name="event_type_new"),
    path("event-types/-check/", event_types.event_type_check, name="event_type_check"),
    path(EVENT_TYPE, event_types.event_type_detail, name="event_type_detail"),
    path(f"{EVENT_TYPE}edit/", event_types.event_type_edit, name="event_type_edit"),
    path(f"{EVENT_TYPE}publish/", event_types.event_type_publish, name="event_type_publish"),
    path(f"{EVENT_TYPE}diff/", event_types.event_type_diff, name="event_type_diff"),
    path(f"{EVENT_TYPE}text/", event_types.event_type_text, name="event_type_text"),
    path(f"{EVENT_TYPE}deprecate/", event_types.event_type_deprecate, name="event_type_deprecate"),
    path(f"{EVENT_TYPE}archive/", event_types.event_type_archive, name="event_type_archive"),
    path(f"{EVENT_TYPE}restore/", event_types.event_type_restore, name="event_type_restore"),
    path("contracts/", contracts.contract_list, name="contract_list"),
    path("contracts/-new/", contracts.contract_new, name="contract_new"),
    path("contracts/-check/", contracts.contract_check, name="contract_check"),
    path(CONTRACT, contracts.contract_detail, name="contract_detail"),
    path(f"{CONTRACT}edit/", contracts.contract_edit, name="contract_edit"),
    path(f"{CONTRACT}publish/", contracts.contract_publish, name="contract_publish"),
    path(f"{CONTRACT}diff/", contracts.contract_diff, name="contract_diff"),
    path(f"{CONTRACT}text/", contracts.contract_text, name="contract_text"),
    path(f"{CONTRACT}deprecate/", contracts.contract_deprecate, name="contract_deprecate"),
    path(f"{CONTRACT}archive/", contracts.contract_archive, name="contract_archive"),
    path(f"{CONTRACT}restore/", contracts.contract_restore, name="contract_restore"),
    path(f"{CONTRACT}share/", contracts.contract_share, name="contract_share"),
    path(f"{CONTRACT}unshare/", contracts.contract_unshare, name="contract_unshare"),
    path(f"{CONTRACT}export/<slug:form>/", contracts.contract_export, name="contract_export"),
]
