"""The catalogue of the platform's own events."""

from collections.abc import Mapping

from django.utils.translation import gettext_noop

from ipaas.outbox.event_types import EventType

_Fields = Mapping[str, tuple[str, str | int]]
_ID = "019af0a2-7c1e-7d55-9a3f-5b1c6f0f3a10"
_RUN: _Fields = {
    "run_id": (gettext_noop("The run."), _ID),
    "flow": (gettext_noop("The slug of its flow."), "orders"),
    "environment": (gettext_noop("The slug of its environment."), "production"),
}
_END: _Fields = {
    "error_class": (gettext_noop("The class of the error; empty without one."), "business_rejection"),
    "error_code": (gettext_noop("The vendor's code or ours; empty without one."), "no_stock"),
    "step": (gettext_noop("The step that ended the run; empty without one."), "reserve_stock"),
}
_ASKED: _Fields = {
    "approval_id": (gettext_noop("The approval."), _ID),
    "role": (gettext_noop("The role that is asked."), "approver"),
}
_SUBJECT: _Fields = {"by": (gettext_noop("Who did it."), "alice@example.com")}
_FLOW: _Fields = {
    "flow_id": (gettext_noop("The flow."), _ID),
    "flow": (gettext_noop("Its slug."), "orders"),
    **_SUBJECT,
}
_PLACED: _Fields = {**_FLOW, "environment": (gettext_noop("The slug of the environment."), "production")}
_VERSION: _Fields = {"version": (gettext_noop("The number of the version."), 3)}
_CONNECTION: _Fields = {
    "connection_id": (gettext_noop("The connection."), _ID),
    "connection": (gettext_noop("Its slug."), "payments"),
    **_SUBJECT,
}
_PLACE: _Fields = {
    "connection_id": (gettext_noop("The connection."), _ID),
    "connection": (gettext_noop("Its slug."), "payments"),
    "environment": (gettext_noop("The slug of its environment."), "production"),
}
_REVIEW: _Fields = {
    "document_id": (gettext_noop("The document."), _ID),
    "document": (gettext_noop("Its slug."), "order-to-shipment"),
    "review": (gettext_noop("The review."), _ID),
    "kind": (gettext_noop("The kind of the document."), "mapping"),
    "title": (gettext_noop("The title of the document."), "Order to shipment"),
    **_SUBJECT,
}
_ONE_SECRET: _Fields = {
    "secret_id": (gettext_noop("The secret."), _ID),
    "secret": (gettext_noop("Its slug."), "payments-key"),
}
_SECRET: _Fields = {**_ONE_SECRET, **_SUBJECT}
_STORE: _Fields = {
    "backend_id": (gettext_noop("The store."), _ID),
    "backend": (gettext_noop("Its kind."), "openbao"),
    "since": (gettext_noop("When it was first found away, ISO 8601."), "2026-12-01T00:00:00+00:00"),
    **_SUBJECT,
}
_MEMBER: _Fields = {
    "member_id": (gettext_noop("The person."), _ID),
    "member": (gettext_noop("The person's address."), "bob@example.com"),
    **_SUBJECT,
}
_WEBHOOK: _Fields = {
    "webhook_id": (gettext_noop("The webhook."), _ID),
    "webhook": (gettext_noop("Its slug."), "pager"),
    **_SUBJECT,
}

_DRIFT: _Fields = {
    "mapping": (gettext_noop("The slug of the mapping."), "order-to-shipment"),
    "schema": (gettext_noop("The schema that its source should satisfy."), "order@3"),
    "path": (gettext_noop("The place in the data, a JSON pointer; * is any number of a list."), "/lines/*/tax"),
    "kind": (gettext_noop("unknown_field, new_value or other_type."), "unknown_field"),
    "what": (gettext_noop("The type of what was found there, or the new choice."), "number"),
}


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
    _type(
        "run.succeeded",
        gettext_noop("Run succeeded"),
        gettext_noop("A run came to its end without a failure."),
        RUN_ENDED,
    ),
    _type(
        "mapping.drifted",
        gettext_noop("Data moved away from its schema"),
        gettext_noop(
            "Inputs of a mapping were found to differ from the schema of its source in a way not seen before."
        ),
        _DRIFT,
    ),
    _type(
        "run.dead_lettered",
        gettext_noop("Run dead-lettered"),
        gettext_noop("A run failed for good and waits as a dead letter."),
        RUN_ENDED,
    ),
    _type(
        "run.refused",
        gettext_noop("Run refused"),
        gettext_noop("What came in broke a contract that refuses such data, so that nothing ran."),
        RUN_ENDED,
    ),
    _type(
        "run.compensated",
        gettext_noop("Run compensated"),
        gettext_noop("A run failed, and what it had done was undone."),
        RUN_ENDED,
    ),
    _type(
        "run.needs_operator",
        gettext_noop("Run needs an operator"),
        gettext_noop("Only a person can say how a run goes on."),
        RUN_ENDED,
    ),
    _type(
        "run.cancelled",
        gettext_noop("Run cancelled"),
        gettext_noop("A run stopped because somebody cancelled it."),
        RUN_ENDED,
    ),
    _type(
        "review.requested",
        gettext_noop("Review requested"),
        gettext_noop("A change was sent to review."),
        _REVIEW,
    ),
    _type(
        "review.approved",
        gettext_noop("Review approved"),
        gettext_noop("Somebody approved a change; more people may have to."),
        _REVIEW,
    ),
    _type(
        "review.returned",
        gettext_noop("Review returned"),
        gettext_noop("Somebody returned a change with what is to be done."),
        _REVIEW,
    ),
    _type("review.withdrawn", gettext_noop("Review withdrawn"), gettext_noop("A review was taken back."), _REVIEW),
    _type(
        "review.expired",
        gettext_noop("Review expired"),
        gettext_noop("Nobody decided, or used an approval, in time."),
        _REVIEW,
    ),
    _type(
        "review.reminded",
        gettext_noop("Review still waits"),
        gettext_noop("Half of the time of a review is over, and nobody has decided."),
        _REVIEW,
    ),
    _type(
        "review.bypassed",
        gettext_noop("Published past a review"),
        gettext_noop("An administrator published without the review that the policy asks for."),
        {
            "document_id": (gettext_noop("The document."), _ID),
            "document": (gettext_noop("Its slug."), "order-to-shipment"),
            "reason": (gettext_noop("Why."), "the shop stands still"),
            **_SUBJECT,
        },
    ),
    _type(
        "approval.waiting",
        gettext_noop("Approval waiting"),
        gettext_noop("A run asks people for a decision."),
        {**_RUN, **_ASKED},
    ),
    _type(
        "approval.escalated",
        gettext_noop("Approval escalated"),
        gettext_noop("Nobody has decided for a while."),
        {**_RUN, **_ASKED},
    ),
    _type(
        "approval.expired",
        gettext_noop("Approval expired"),
        gettext_noop("Nobody has decided in time."),
        {**_RUN, **_ASKED},
    ),
    _type(
        "approval.decided",
        gettext_noop("Approval decided"),
        gettext_noop("Somebody approved or rejected; the state is pending while others have to approve too."),
        {
            "run_id": (gettext_noop("The run."), _ID),
            "approval": (gettext_noop("The approval."), _ID),
            "decision": (gettext_noop("approved or rejected."), "approved"),
            "state": (gettext_noop("What the question is now."), "approved"),
            **_SUBJECT,
        },
    ),
    _type(
        "approval.delegated",
        gettext_noop("Approval delegated"),
        gettext_noop("Somebody handed the say in an approval to another person."),
        {"run_id": (gettext_noop("The run."), _ID), "approval": (gettext_noop("The approval."), _ID), **_SUBJECT},
    ),
    _type(
        "flow.published",
        gettext_noop("Flow published"),
        gettext_noop("A version of a flow was published."),
        {**_FLOW, **_VERSION},
    ),
    _type(
        "flow.deployed",
        gettext_noop("Flow deployed"),
        gettext_noop("An environment runs a version from now on."),
        {**_PLACED, **_VERSION},
    ),
    _type(
        "flow.rolled_back",
        gettext_noop("Flow rolled back"),
        gettext_noop("An environment runs the version before."),
        {**_PLACED, **_VERSION},
    ),
    _type(
        "flow.undeployed",
        gettext_noop("Flow undeployed"),
        gettext_noop("A flow was taken out of an environment."),
        _PLACED,
    ),
    _type("flow.paused", gettext_noop("Flow paused"), gettext_noop("A flow starts no new runs."), _FLOW),
    _type("flow.resumed", gettext_noop("Flow resumed"), gettext_noop("A paused flow starts runs again."), _FLOW),
    _type(
        "connection.disabled",
        gettext_noop("Connection disabled"),
        gettext_noop("Calls over a connection fail."),
        _CONNECTION,
    ),
    _type(
        "connection.enabled",
        gettext_noop("Connection enabled"),
        gettext_noop("A connection may be used again."),
        _CONNECTION,
    ),
    _type(
        "connection.breaker_opened",
        gettext_noop("Breaker opened"),
        gettext_noop("Calls fail so often that none are made for a while."),
        _PLACE,
    ),
    _type(
        "connection.breaker_closed",
        gettext_noop("Breaker closed"),
        gettext_noop("Calls over a connection are made again."),
        _PLACE,
    ),
    _type(
        "connection.breaker_forced",
        gettext_noop("Breaker forced"),
        gettext_noop("Somebody forced the breaker of a connection open or closed, or freed it."),
        {**_CONNECTION, "state": (gettext_noop("open, closed, or own judgement."), "open")},
    ),
    _type(
        "connection.end_announced",
        gettext_noop("End announced"),
        gettext_noop("A vendor's answers say that an operation in use is deprecated, or when it is gone."),
        {
            **_CONNECTION,
            "environment": (gettext_noop("The slug of its environment."), "production"),
            "operation": (gettext_noop("The operation that ends."), "list_orders"),
            "deprecated_at": (gettext_noop("Deprecated from then on, ISO 8601; empty without."), ""),
            "sunset_at": (gettext_noop("Gone from then on, ISO 8601; empty without."), "2027-06-30T00:00:00+00:00"),
        },
    ),
    _type(
        "connection.revocation_failed",
        gettext_noop("Old credential not ended"),
        gettext_noop("A credential that was replaced is still good at its provider; told once a day."),
        {
            **_CONNECTION,
            "environment": (gettext_noop("The slug of its environment."), "production"),
            "secret": (gettext_noop("The slug of the secret."), "payments-key"),
            "version": (gettext_noop("The number of the version that was replaced."), 3),
        },
    ),
    _type(
        "secret.expiring",
        gettext_noop("Secret expiring"),
        gettext_noop("What the provider says about a secret ends within fourteen days; told once for each date."),
        {
            **_ONE_SECRET,
            "expires_at": (gettext_noop("When, ISO 8601."), "2026-12-01T00:00:00+00:00"),
        },
    ),
    _type(
        "secret.rotation_due",
        gettext_noop("Secret to be rotated"),
        gettext_noop("A secret is to be rotated by a person: told a week before, on the day and every week after it."),
        {**_ONE_SECRET, "due_at": (gettext_noop("By when, ISO 8601."), "2026-12-01T00:00:00+00:00")},
    ),
    _type(
        "secret.rotated",
        gettext_noop("Secret rotated by the platform"),
        gettext_noop("The platform made the next value of a secret; signing secrets wait to be collected."),
        {**_SECRET, **_VERSION},
    ),
    _type(
        "secret.rotation_failed",
        gettext_noop("Rotation failed"),
        gettext_noop("The platform could not rotate a secret; told once a day while it tries."),
        {**_ONE_SECRET, "error_code": (gettext_noop("What stood in the way."), "vault.unavailable")},
    ),
    _type(
        "secret.revealed",
        gettext_noop("Secret read in an emergency"),
        gettext_noop("A person broke the glass and read the live value of a secret."),
        {**_SECRET, **_VERSION, "reason": (gettext_noop("The reason given."), "the vendor locked us out")},
    ),
    _type(
        "secret.version_added",
        gettext_noop("Secret rotated"),
        gettext_noop("A new version of a secret was entered."),
        _SECRET,
    ),
    _type(
        "secret.version_revoked",
        gettext_noop("Secret revoked"),
        gettext_noop("A version of a secret was revoked."),
        _SECRET,
    ),
    _type(
        "vault.backend_down",
        gettext_noop("Store of secrets away"),
        gettext_noop("The store that keeps secrets could not be used for a minute; runs that need it wait."),
        _STORE,
    ),
    _type(
        "vault.backend_back",
        gettext_noop("Store of secrets back"),
        gettext_noop("The store that keeps secrets can be used again; runs that waited go on."),
        _STORE,
    ),
    _type(
        "invitation.created",
        gettext_noop("Member invited"),
        gettext_noop("Somebody was asked to join the workspace."),
        {
            "invitation_id": (gettext_noop("The invitation."), _ID),
            "invitation": (gettext_noop("The address that was asked."), "bob@example.com"),
            **_SUBJECT,
        },
    ),
    _type(
        "member.added",
        gettext_noop("Member added"),
        gettext_noop("A person became a member of the workspace."),
        _MEMBER,
    ),
    _type("member.roles_changed", gettext_noop("Roles changed"), gettext_noop("A member has other roles."), _MEMBER),
    _type("member.removed", gettext_noop("Member removed"), gettext_noop("A membership was ended."), _MEMBER),
    _type(
        "webhook.disabled",
        gettext_noop("Webhook disabled"),
        gettext_noop("A webhook failed for days and is tried no more."),
        _WEBHOOK,
    ),
    _type(
        "webhook.test",
        gettext_noop("Test"),
        gettext_noop("Somebody tries out a webhook; it comes without being chosen."),
        _WEBHOOK,
    ),
)
