from django.urls import path

from ipaas.web.pages import approvals, bulk, corrections, dead_letters, runs

app_name = "runtime"
urlpatterns = [
    path("runs/", runs.run_list, name="run_list"),
    path("runs/bulk/cancel/", bulk.bulk_cancel, name="bulk_cancel"),
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
    path("approvals/<uuid:approval_id>/delegate/", approvals.approval_delegate, name="approval_delegate"),
]
