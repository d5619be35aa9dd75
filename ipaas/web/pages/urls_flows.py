from django.urls import path

from ipaas.web.pages import flow_deeds, flow_trials, flows

app_name = "flows"
ONE = "flows/<slug:slug>/"
urlpatterns = [
    path("flows/", flows.flow_list, name="flow_list"),
    path("flows/-new/", flows.flow_new, name="flow_new"),
    path("flows/-check/", flows.flow_check, name="flow_check"),
    path(ONE, flows.flow_detail, name="flow_detail"),
    path(f"{ONE}edit/", flows.flow_edit, name="flow_edit"),
    path(f"{ONE}publish/", flows.flow_publish, name="flow_publish"),
    path(f"{ONE}diff/", flows.flow_diff, name="flow_diff"),
    path(f"{ONE}text/", flows.flow_text, name="flow_text"),
    path(f"{ONE}deprecate/", flows.flow_deprecate, name="flow_deprecate"),
    path(f"{ONE}archive/", flows.flow_archive, name="flow_archive"),
    path(f"{ONE}restore/", flows.flow_restore, name="flow_restore"),
    path(f"{ONE}deploy/", flow_deeds.flow_deploy, name="flow_deploy"),
    path(f"{ONE}roll-back/", flow_deeds.flow_roll_back, name="flow_roll_back"),
    path(f"{ONE}undeploy/", flow_deeds.flow_undeploy, name="flow_undeploy"),
    path(f"{ONE}pause/", flow_deeds.flow_pause, name="flow_pause"),
    path(f"{ONE}resume/", flow_deeds.flow_resume, name="flow_resume"),
    path(f"{ONE}people/assign/", flow_deeds.flow_assign, name="flow_assign"),
    path(f"{ONE}people/withdraw/", flow_deeds.flow_withdraw, name="flow_withdraw"),
    path(f"{ONE}run/", flow_deeds.flow_run, name="flow_run"),
    path(f"{ONE}test/", flow_trials.flow_test, name="flow_test"),
    path(f"{ONE}promote/", flow_trials.flow_promote, name="flow_promote"),
]
