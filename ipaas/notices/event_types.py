"""The catalogue of the platform's own events."""

from collections.abc import Mapping

from ipaas.outbox.event_types import EventType

_Fields = Mapping[str, tuple[str, str | int]]
_ID = "019af0a2-7c1e-7d55-9a3f-5b1c6f0f3a10"
_RUN: _Fields = {
    "run_id": ("The run.", _ID),
    "flow": ("The slug of its flow.", "orders"),
    "environment": ("The slug of its environment.", "production"),
}
_END: _Fields = {
    "error_class": ("The class of the error; empty without one.", "business_rejection"),
    "error_code": ("The vendor's code or ours; empty without one.", "no_stock"),
    "step": ("The step that ended the run; empty without one.", "reserve_stock"),
}
_ASKED: _Fields = {"approval_id": ("The approval.", _ID), "role": ("The role that is asked.", "approver")}
_SUBJECT: _Fields = {"by": ("Who did it.", "alice@example.com")}
_FLOW: _Fields = {"flow_id": ("The flow.", _ID), "flow": ("Its slug.", "orders"), **_SUBJECT}
_PLACED: _Fields = {**_FLOW, "environment": ("The slug of the environment.", "production")}
_VERSION: _Fields = {"version": ("The number of the version.", 3)}
_CONNECTION: _Fields = {
    "connection_id": ("The connection.", _ID),
    "connection": ("Its slug.", "payments"),
    **_SUBJECT,
}
_PLACE: _Fields = {
    "connection_id": ("The connection.", _ID),
    "connection": ("Its slug.", "payments"),
    "environment": ("The slug of its environment.", "production"),
}
_SECRET: _Fields = {"secret_id": ("The secret.", _ID), "secret": ("Its slug.", "payments-key"), **_SUBJECT}
_MEMBER: _Fields = {
    "member_id": ("The person.", _ID),
    "member": ("The person's address.", "bob@example.com"),
    **_SUBJECT,
}
_WEBHOOK: _Fields = {"webhook_id": ("The webhook.", _ID), "webhook": ("Its slug.", "pager"), **_SUBJECT}


def _type(name: str, title: str, doc: str, fields: _Fields) -> EventType:
    return EventType(
        f"ipaas.{name}",
        title,
        doc,
        {key: doc for key, (doc, _) in fields.items()},
        {key: example for key, (_, example) in fields.items()},
    )


RUN_ENDED: _Fields = {**_RUN, **_END}
TEST = "ipaas.webhook.test"
CATALOGUE: tuple[EventType, ...] = (
    _type("run.succeeded", "Run succeeded", "A run came to its end without a failure.", RUN_ENDED),
    _type("run.dead_lettered", "Run dead-lettered", "A run failed for good and waits as a dead letter.", RUN_ENDED),
    _type("run.compensated", "Run compensated", "A run failed, and what it had done was undone.", RUN_ENDED),
    _type("run.needs_operator", "Run needs an operator", "Only a person can say how a run goes on.", RUN_ENDED),
    _type("run.cancelled", "Run cancelled", "A run stopped because somebody cancelled it.", RUN_ENDED),
    _type("approval.waiting", "Approval waiting", "A run asks people for a decision.", {**_RUN, **_ASKED}),
    _type("approval.escalated", "Approval escalated", "Nobody has decided for a while.", {**_RUN, **_ASKED}),
    _type("approval.expired", "Approval expired", "Nobody has decided in time.", {**_RUN, **_ASKED}),
    _type(
        "approval.decided",
        "Approval decided",
        "Somebody approved or rejected; the state is pending while others have to approve too.",
        {
            "run_id": ("The run.", _ID),
            "approval": ("The approval.", _ID),
            "decision": ("approved or rejected.", "approved"),
            "state": ("What the question is now.", "approved"),
            **_SUBJECT,
        },
    ),
    _type(
        "approval.delegated",
        "Approval delegated",
        "Somebody handed the say in an approval to another person.",
        {"run_id": ("The run.", _ID), "approval": ("The approval.", _ID), **_SUBJECT},
    ),
    _type("flow.published", "Flow published", "A version of a flow was published.", {**_FLOW, **_VERSION}),
    _type("flow.deployed", "Flow deployed", "An environment runs a version from now on.", {**_PLACED, **_VERSION}),
    _type("flow.rolled_back", "Flow rolled back", "An environment runs the version before.", {**_PLACED, **_VERSION}),
    _type("flow.undeployed", "Flow undeployed", "A flow was taken out of an environment.", _PLACED),
    _type("flow.paused", "Flow paused", "A flow starts no new runs.", _FLOW),
    _type("flow.resumed", "Flow resumed", "A paused flow starts runs again.", _FLOW),
    _type("connection.disabled", "Connection disabled", "Calls over a connection fail.", _CONNECTION),
    _type("connection.enabled", "Connection enabled", "A connection may be used again.", _CONNECTION),
    _type(
        "connection.breaker_opened",
        "Breaker opened",
        "Calls fail so often that none are made for a while.",
        _PLACE,
    ),
    _type("connection.breaker_closed", "Breaker closed", "Calls over a connection are made again.", _PLACE),
    _type(
        "connection.breaker_forced",
        "Breaker forced",
        "Somebody forced the breaker of a connection open or closed, or freed it.",
        {**_CONNECTION, "state": ("open, closed, or own judgement.", "open")},
    ),
    _type(
        "secret.expiring",
        "Secret expiring",
        "What the provider says about a secret ends within fourteen days; told once for each date.",
        {
            "secret_id": ("The secret.", _ID),
            "secret": ("Its slug.", "payments-key"),
            "expires_at": ("When, ISO 8601.", "2026-12-01T00:00:00+00:00"),
        },
    ),
    _type("secret.version_added", "Secret rotated", "A new version of a secret was entered.", _SECRET),
    _type("secret.version_revoked", "Secret revoked", "A version of a secret was revoked.", _SECRET),
    _type(
        "invitation.created",
        "Member invited",
        "Somebody was asked to join the workspace.",
        {
            "invitation_id": ("The invitation.", _ID),
            "invitation": ("The address that was asked.", "bob@example.com"),
            **_SUBJECT,
        },
    ),
    _type("member.added", "Member added", "A person became a member of the workspace.", _MEMBER),
    _type("member.roles_changed", "Roles changed", "A member has other roles.", _MEMBER),
    _type("member.removed", "Member removed", "A membership was ended.", _MEMBER),
    _type("webhook.disabled", "Webhook disabled", "A webhook failed for days and is tried no more.", _WEBHOOK),
    _type("webhook.test", "Test", "Somebody tries out a webhook; it comes without being chosen.", _WEBHOOK),
)
