from django.urls import path

from ipaas.web.pages import (
    catalog,
    connection_connect,
    connection_revocations,
    connection_trials,
    connections,
    connector_versions,
    imports,
    stubs,
)

app_name = "catalog"
ONE = "connections/in/<slug:environment>/<slug:slug>/"
CONNECTOR = "catalog/of/<slug:connector>/"
STUB = "stubs/<slug:vendor>/"
urlpatterns = [
    path("catalog/", catalog.connector_list, name="connector_list"),
    path("catalog/import/", imports.import_new, name="import_new"),
    path("catalog/import/<uuid:draft_id>/", imports.import_draft, name="import_draft"),
    path("catalog/import/<uuid:draft_id>/keep/", imports.import_keep, name="import_keep"),
    path("catalog/import/<uuid:draft_id>/discard/", imports.import_discard, name="import_discard"),
    path(CONNECTOR, catalog.connector_detail, name="connector_detail"),
    path(f"{CONNECTOR}-edit/", connector_versions.connector_edit, name="connector_edit"),
    path(f"{CONNECTOR}-publish/", connector_versions.connector_publish, name="connector_publish"),
    path(f"{CONNECTOR}-deprecate/", connector_versions.connector_deprecate, name="connector_deprecate"),
    path(f"{CONNECTOR}<str:action>/", catalog.connector_operation, name="connector_operation"),
    path("connections/", connections.connection_list, name="connection_list"),
    path("connections/new/", connections.connection_choose, name="connection_choose"),
    path("connections/new/<slug:connector>/", connections.connection_new, name="connection_new"),
    path(ONE, connections.connection_detail, name="connection_detail"),
    path(f"{ONE}edit/", connections.connection_edit, name="connection_edit"),
    path(f"{ONE}connect/", connection_connect.connection_connect, name="connection_connect"),
    path(f"{ONE}connect/go/", connection_connect.connection_go, name="connection_go"),
    path(f"{ONE}share/", connection_connect.connection_share, name="connection_share"),
    path(f"{ONE}share/<uuid:link_id>/revoke/", connection_connect.share_revoke, name="share_revoke"),
    path(
        f"{ONE}revocations/<uuid:revocation_id>/retry/",
        connection_revocations.revocation_retry,
        name="revocation_retry",
    ),
    path(
        f"{ONE}revocations/<uuid:revocation_id>/settle/",
        connection_revocations.revocation_settle,
        name="revocation_settle",
    ),
    path(f"{ONE}test/", connections.connection_test, name="connection_test"),
    path(f"{ONE}try/", connection_trials.connection_try, name="connection_try"),
    path(f"{ONE}switch/", connections.connection_switch, name="connection_switch"),
    path(f"{ONE}breaker/", connections.connection_force, name="connection_force"),
    path(f"{ONE}version/", connection_trials.connection_move, name="connection_move"),
    path(f"{ONE}clone/", connections.connection_clone, name="connection_clone"),
    path(f"{ONE}delete/", connections.connection_delete, name="connection_delete"),
    path("stubs/", stubs.stub_list, name="stub_list"),
    path("stubs/-reset-all/", stubs.stub_reset, name="stub_reset"),
    path(STUB, stubs.stub_detail, name="stub_detail"),
    path(f"{STUB}fault/", stubs.stub_fault, name="stub_fault"),
    path(f"{STUB}clear/", stubs.stub_clear, name="stub_clear"),
    path(f"{STUB}start/", stubs.stub_start, name="stub_start"),
    path(f"{STUB}stop/", stubs.stub_stop, name="stub_stop"),
    path(f"{STUB}webhooks/", stubs.stub_send, name="stub_send"),
]
