from django.urls import path

from ipaas.web.pages import approvals, bulk, corrections, dead_letters, run_list, runs

app_name = "runtime"
urlpatterns = [
    path("runs/", run_list.run_list, name="run_list"),
    path("runs/bulk/cancel/", run_list.bulk_cancel, name="bulk_cancel"),
    path("runs/bulk/replay/", run_list.bulk_replay_runs, name="bulk_replay_runs"),
    path("runs/bulk/count/<slug:deed>/", run_list.bulk_count, name="bulk_count"),
    path("runs/export/<slug:fmt>/", run_list.run_export, name="run_export"),
    path("runs/filters/save/", run_list.filter_save, name="filter_save"),
    path("runs/filters/<uuid:filter_id>/delete/", run_list.filter_delete, name="filter_delete"),
    path("runs/<uuid:run_id>/", runs.run_detail, name="run_detail"),
    path("runs/<uuid:run_id>/data.json", runs.run_data, name="run_data"),
    path("runs/<uuid:run_id>/replay/", runs.run_replay, name="run_replay"),
    path("runs/<uuid:run_id>/replay/preview/", runs.run_replay_preview, name="run_replay_preview"),
    path("runs/<uuid:run_id>/correct/", corrections.run_correct, name="run_correct"),
    path("runs/<uuid:run_id>/resume/", runs.run_resume, name="run_resume"),
    path("runs/<uuid:run_id>/skip/", runs.run_skip, name="run_skip"),
    path("runs/<uuid:run_id>/settle/", runs.run_settle, name="run_settle"),
    path("runs/<uuid:run_id>/cancel/", runs.run_cancel, name="run_cancel"),
    path("bulk-jobs/", bulk.bulk_jobs, name="bulk_jobs"),
    path("bulk-jobs/<uuid:job_id>/stop/", bulk.bulk_stop, name="bulk_stop"),
    path("bulk-jobs/<uuid:job_id>/pause/", bulk.bulk_pause, name="bulk_pause"),
    path("bulk-jobs/<uuid:job_id>/resume/", bulk.bulk_resume, name="bulk_resume"),
    path("dead-letters/", dead_letters.dead_letter_list, name="dead_letter_list"),
    path("dead-letters/group/", dead_letters.dead_letter_group, name="dead_letter_group"),
    path("dead-letters/group/replay/", dead_letters.dead_letter_replay_all, name="dead_letter_replay_all"),
    path("dead-letters/group/discard/", dead_letters.dead_letter_discard_all, name="dead_letter_discard_all"),
    path("dead-letters/<uuid:letter_id>/", dead_letters.dead_letter_detail, name="dead_letter_detail"),
    path("dead-letters/<uuid:letter_id>/correct/", dead_letters.dead_letter_correct, name="dead_letter_correct"),
    path("dead-letters/<uuid:letter_id>/replay/", dead_letters.dead_letter_replay, name="dead_letter_replay"),
    path("dead-letters/<uuid:letter_id>/discard/", dead_letters.dead_letter_discard, name="dead_letter_discard"),
    path("approvals/", approvals.approval_list, name="approval_list"),
    path("approvals/<uuid:approval_id>/", approvals.approval_detail, name="approval_detail"),
    path("approvals/<uuid:approval_id>/decide/", approvals.approval_decide, name="approval_decide"),
]
