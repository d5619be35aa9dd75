from django.apps import AppConfig

DEEDS = {
    "draft_saved": "The draft of a {kind} was changed.",
    "published": "A version of a {kind} was published.",
    "version_deprecated": "A version of a {kind} was deprecated.",
    "archived": "A {kind} was taken out of use.",
    "restored": "An archived {kind} was brought back.",
}
FLOW_DEEDS = {
    "flow.deployed": "A version of a flow was activated in an environment.",
    "flow.rolled_back": "An environment went back to the version before.",
    "flow.undeployed": "A flow was taken out of an environment.",
    "flow.paused": "A flow starts no new runs.",
    "flow.resumed": "A paused flow starts runs again.",
}


class GovernanceConfig(AppConfig):
    name = "ipaas.governance"
    label = "governance"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.core.document_types import document_kinds

        audit.register_actions(
            {f"{kind}.{deed}": text.format(kind=kind) for kind in document_kinds() for deed, text in DEEDS.items()}
        )
        audit.register_actions(FLOW_DEEDS)
