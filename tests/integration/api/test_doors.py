"""What a person can do on a page a program can do by the API, with the same permission."""

import re

from tests.integration.api.test_description import ALL
from tests.integration.web.test_every_page import OF_THE_DEED, PERMISSION

BY_NAME = (("_new", "_create"), ("_detail", "_get"), ("_edit", "_update"), ("_check", "_validate"))
OPERATION = {
    "accounts:account_change": "service_account_update",
    "accounts:account_new": "service_account_create",
    "accounts:account_switch": "service_account_disable",
    "accounts:environments": "environment_list",
    "accounts:health": "work",
    "accounts:key_new": "api_key_create",
    "accounts:key_revoke": "api_key_revoke",
    "accounts:key_rotate": "api_key_rotate",
    "accounts:keys": "api_key_list",
    "accounts:member_link": "member_password_link",
    "accounts:member_remove": "member_delete",
    "accounts:member_reset": "member_reset_second_factor",
    "accounts:member_roles": "member_update",
    "accounts:member_switch": "member_deactivate",
    "accounts:network": "workspace",
    "accounts:reviews": "workspace",
    "accounts:reviews_change": "workspace_update",
    "accounts:network_change": "workspace_update",
    "accounts:policies": "policy_list",
    "accounts:settings": "member_list",
    "accounts:signin": "workspace",
    "accounts:signin_change": "workspace_update",
    "audit:checkpoints": "audit_checkpoints",
    "audit:entry_list": "audit_entry_list",
    "audit:export": "audit_export",
    "audit:export_start": "audit_job_create",
    "audit:job_file": "audit_job_file",
    "audit:job_list": "audit_job_list",
    "audit:verify": "audit_verify",
    "catalog:connection_choose": "connector_list",
    "catalog:connection_connect": "connection_credential",
    "catalog:connection_force": "connection_breaker",
    "catalog:connection_go": "share_link_create",  # consent belongs to a browser: a program hands out the link to it
    "catalog:connection_move": "connection_update",
    "accounts:vault": "vault_backend",
    "accounts:vault_change": "vault_backend_assign",
    "accounts:vault_check": "vault_backend_check",
    "accounts:vault_migrate": "vault_migration",
    "catalog:connection_new": "connection_create",
    "catalog:connection_share": "share_link_create",
    "catalog:connection_switch": "connection_disable",
    "catalog:connector_operation": "connector_get",
    "catalog:import_discard": "import_delete",
    "catalog:import_draft": "import_get",
    "catalog:share_revoke": "share_link_revoke",
    "catalog:stub_detail": "stub_list",
    "catalog:connector_deprecate": "connector_version_deprecate",
    "catalog:connector_edit": "import_create",
    "contracts:contract_check": "document_validate",
    "contracts:contract_edit": "contract_draft_save",
    "contracts:contract_export": "contract_published",
    "contracts:event_type_check": "document_validate",
    "contracts:event_type_edit": "event_type_draft_save",
    "contracts:schema_check": "document_validate",
    "contracts:schema_edit": "schema_draft_save",
    "events:endpoint_check": "endpoint_check_subscription",
    "events:delivery_detail": "receipt_content",
    "events:delivery_redeliver": "receipt_redeliver",
    "flows:flow_assign": "flow_people_assign",
    "flows:flow_check": "document_validate",
    "flows:flow_edit": "flow_draft_save",
    "flows:flow_roll_back": "flow_rollback",
    "flows:flow_run": "flow_trigger",
    "flows:flow_withdraw": "flow_person",
    "mapping:function_check": "document_validate",
    "mapping:function_edit": "function_draft_save",
    "mapping:lookup_check": "document_validate",
    "mapping:lookup_edit": "lookup_draft_save",
    "mapping:lookup_import": "lookup_rows_import",
    "governance:review_decide": "review_approve",
    "mapping:mapping_check": "document_validate",
    "ownership:term_check": "document_validate",
    "ownership:term_edit": "term_draft_save",
    "ownership:convention_check": "document_validate",
    "ownership:convention_edit": "convention_draft_save",
    "mapping:mapping_fields": "document_validate",
    "mapping:mapping_edit": "mapping_draft_save",
    "mapping:mapping_drift": "mapping_drift_ignore",
    "mapping:mapping_tests": "mapping_tests_list",
    "mapping:mapping_tests_change": "mapping_tests_create",
    "mapping:mapping_tests_check": "mapping_tests_list",
    "notices:delivery_detail": "webhook_delivery_get",
    "notices:delivery_redeliver": "webhook_delivery_redeliver",
    "notices:event_types": "webhook_types",
    "runtime:bulk_cancel": "bulk_job_create",
    "runtime:bulk_count": "bulk_job_preview",
    "runtime:bulk_jobs": "bulk_job_list",
    "runtime:bulk_pause": "bulk_job_pause",
    "runtime:bulk_replay_runs": "bulk_job_create",
    "runtime:bulk_resume": "bulk_job_resume",
    "runtime:bulk_stop": "bulk_job_stop",
    "runtime:dead_letter_correct_all": "bulk_job_create",
    "runtime:dead_letter_discard_all": "bulk_job_create",
    "runtime:dead_letter_group": "dead_letter_groups",
    "runtime:dead_letter_replay_all": "bulk_job_create",
    "runtime:filter_delete": "saved_filter_delete",
    "runtime:filter_save": "saved_filter_create",
    "runtime:run_compare": "run_diff",
    "runtime:run_correct": "run_replay",
    "runtime:run_data": "run_values",
    "vault:secret_change": "secret_update",
    "vault:secret_version_new": "secret_versions",
    "vault:secret_version_revoke": "secret_revoke",
    "web:home": "figure_list",
}
"""Page → operation, where the names do not say it."""
OTHERWISE = {
    "accounts:environments": "builders read the names too; variables are null without settings.view",
    "accounts:keys": "the page shows names and ages to all who see the settings, the API the scopes too",
    "catalog:connection_choose": "it begins the making of one; the list of connectors is no secret to readers",
    "runtime:run_correct": "a replay with an input needs deadletters.correct as well",
}
"""Pages whose operation asks for another permission, and why."""


OF_PAGES_ALONE = {"web:jump", "mapping:mapping_samples", "mapping:mapping_suggest", "mapping:mapping_presence"}
"""The palette: whatever it finds has a list of its own in the API. What helps a person to write a draft in a browser:
the draft itself is saved by ``mapping_draft_save``."""


def operation_of(page: str) -> str:
    if page in OPERATION:
        return OPERATION[page]
    name = page.partition(":")[2]
    for of_page, of_api in BY_NAME:
        name = re.sub(f"{of_page}$", of_api, name)
    return name


def test_what_a_page_can_do_the_api_can() -> None:
    known = {one["operationId"] for *_, one in ALL}
    pages = PERMISSION.keys() - OF_PAGES_ALONE
    assert {page: operation_of(page) for page in pages if operation_of(page) not in known} == {}


def test_both_ask_for_the_same_permission() -> None:
    asked = {one["operationId"]: one["description"].partition("\n\nPermission: ")[2].strip("`.") for *_, one in ALL}
    wrong = {}
    for page, permission in PERMISSION.items():
        if page in OF_PAGES_ALONE:
            continue
        needed = asked[operation_of(page)]
        if needed not in (permission, OF_THE_DEED.get(page), "that of the deed") and page not in OTHERWISE:
            wrong[page] = (permission, needed)
    assert wrong == {}


def test_the_table_names_what_there_is() -> None:
    assert set(OPERATION) - set(PERMISSION) == set()
    assert set(OTHERWISE) - set(PERMISSION) == set()
