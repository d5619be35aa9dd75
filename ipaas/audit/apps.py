from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "ipaas.audit"
    label = "audit"

    def ready(self) -> None:
        from ipaas.audit.actions import register_actions

        register_actions(
            {
                "audit.exported": "Entries of the audit trail were exported.",
                "runs.journaled": "Runs ended; the entry holds their count and the digest of their journal.",
                "audit.key_created": "A key pair for signing checkpoints and exports was made.",
            }
        )
