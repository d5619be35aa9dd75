from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "ipaas.runtime"
    label = "runtime"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.audit.jobs import QUEUE
        from ipaas.core import providers
        from ipaas.governance.services import on_deployment_changed
        from ipaas.runtime.audit_jobs import queue_audit_job
        from ipaas.runtime.triggers import follow_deployment

        on_deployment_changed(follow_deployment)
        providers.register(QUEUE, queue_audit_job)
        audit.register_actions(
            {
                "run.started": "A run was started by hand or through the API.",
                "run.tested": "A step of a flow was tried out by a run of its own.",
                "run.replayed": "A run was run again from its records, with the same or with new effect keys.",
                "run.resumed": "A stopped run was taken up again where it had stopped.",
                "run.cancelled": "A run was asked to stop.",
                "run.step_skipped": "A step was left out by an operator, and the run taken up again.",
                "run.effect_settled": "An operator said whether an effect of unknown outcome had happened.",
                "run.discarded": "A dead letter was closed without another try.",
                "approval.decided": "An approval was given or refused.",
                "approval.delegated": "Somebody handed the say in an approval to another person.",
                "runs.exported": "A list of runs was exported.",
                "filter.saved": "A filter of the list of runs was kept under a name.",
                "filter.deleted": "A filter of the list of runs was forgotten.",
                "bulk.started": "A deed over many runs was begun.",
                "bulk.stopped": "A deed over many runs was stopped.",
                "bulk.paused": "A deed over many runs was held.",
                "bulk.resumed": "A deed over many runs was taken up again.",
                "mapping.drift_ignored": "Data that had moved away from a mapping's schema was said to be no matter.",
                "mapping.drift_tested": "Data that had moved away from a mapping's schema became a test of it.",
                "flow.held_released": "Runs held while a flow was paused were let go.",
            }
        )
