from django.apps import AppConfig

DEEDS = {
    "draft_saved": "The draft of a {kind} was changed.",
    "published": "A version of a {kind} was published.",
    "version_deprecated": "A version of a {kind} was deprecated.",
    "version_retired": "A version of a {kind} was retired.",
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
REVIEW_DEEDS = {
    "review.requested": "A draft was sent to review.",
    "review.approved": "A person approved a change; its state says whether that was enough.",
    "review.returned": "A person returned a change with what is to be done.",
    "review.withdrawn": "A review was taken back.",
    "review.commented": "Somebody said something about a change.",
    "review.expired": "Nobody decided, or used an approval, in time.",
    "review.reminded": "Those who are asked for a decision were reminded.",
    "review.bypassed": "An administrator published past a review, with a reason.",
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
        audit.register_actions(REVIEW_DEEDS)
