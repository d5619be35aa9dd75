"""Roles and what they permit. A permission that no role lists is denied to everybody."""

from django.utils.translation import gettext_noop

from ipaas.core.actor import register_permissions
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said

PERMISSIONS: dict[str, str] = {
    "flows.view": gettext_noop("See flows, their documents, versions and deployments."),
    "flows.edit": gettext_noop("Create flows and change their drafts."),
    "flows.publish": gettext_noop("Publish a version of a flow and choose which version runs where."),
    "flows.pause": gettext_noop("Stop and resume new runs of a flow."),
    "flows.assign": gettext_noop("Choose the owners and stewards of a flow."),
    "flows.trigger": gettext_noop("Start a run of a flow by hand or through the API."),
    "mappings.view": gettext_noop("See mappings and their versions."),
    "mappings.edit": gettext_noop("Create mappings and change their drafts."),
    "mappings.publish": gettext_noop("Publish a version of a mapping."),
    "lookups.view": gettext_noop("See lookups, their rows and versions."),
    "lookups.edit": gettext_noop("Create lookups and change their drafts, also by CSV."),
    "lookups.publish": gettext_noop("Publish a version of a lookup."),
    "functions.view": gettext_noop("See reusable functions and their versions."),
    "functions.edit": gettext_noop("Create reusable functions and change their drafts."),
    "functions.publish": gettext_noop("Publish a version of a reusable function."),
    "schemas.view": gettext_noop("See schemas and their versions."),
    "schemas.edit": gettext_noop("Create schemas and change their drafts."),
    "schemas.publish": gettext_noop("Publish a version of a schema."),
    "event_types.view": gettext_noop("See event types, and who publishes and takes them."),
    "event_types.edit": gettext_noop("Create event types and change their drafts."),
    "event_types.publish": gettext_noop("Publish a version of an event type."),
    "contracts.view": gettext_noop("See contracts and their versions."),
    "contracts.edit": gettext_noop("Create contracts and change their drafts."),
    "contracts.publish": gettext_noop("Publish a version of a contract, and the link by which partners read it."),
    "schemas.override": gettext_noop("Decide, with a reason, to publish a schema that may break readers or writers."),
    "domains.view": gettext_noop("See domains, their owners and stewards."),
    "domains.edit": gettext_noop("Make and change domains and choose their stewards."),
    "reviews.view": gettext_noop("See reviews of changes, their evidence and comments."),
    "reviews.request": gettext_noop("Send drafts to review, comment on reviews, take them back."),
    "reviews.decide": gettext_noop("Approve or return changes of others as their steward or as a second person."),
    "reviews.bypass": gettext_noop("Publish past a review in an emergency, with a reason, where the policy allows it."),
    "terms.view": gettext_noop("See the glossary: terms and their versions."),
    "terms.edit": gettext_noop("Create terms of the glossary and change their drafts."),
    "terms.publish": gettext_noop("Publish a version of a term."),
    "conventions.view": gettext_noop("See conventions and their versions."),
    "conventions.edit": gettext_noop("Create conventions and change their drafts."),
    "conventions.publish": gettext_noop("Publish a version of a convention: from then on drafts are checked by it."),
    "runs.view": gettext_noop("See runs, their steps and redacted data."),
    "runs.replay": gettext_noop("Run a run again with the same effect keys: nothing happens twice."),
    "runs.replay_new_effects": gettext_noop("Run a run again with new effect keys: effects happen again."),
    "runs.cancel": gettext_noop("Cancel a run."),
    "runs.skip": gettext_noop("Skip a step of a run, with a reason."),
    "runs.resume": gettext_noop("Resume a run that waits for an operator."),
    "deadletters.view": gettext_noop("See dead letters and their causes."),
    "deadletters.correct": gettext_noop("Correct the input of a dead letter and replay it."),
    "deadletters.discard": gettext_noop("Discard a dead letter, with a reason."),
    "approvals.view": gettext_noop("See approvals and their evidence."),
    "approvals.decide": gettext_noop("Approve or reject what a flow asks one's role (or oneself, by delegation)."),
    "connectors.view": gettext_noop("See connectors that the workspace made, their versions and reviews."),
    "connectors.edit": gettext_noop("Import vendors' descriptions and send what they become to review."),
    "connectors.publish": gettext_noop("Publish, deprecate and retire versions of connectors of the workspace."),
    "connections.view": gettext_noop("See connections, their limits and breakers."),
    "connections.edit": gettext_noop("Create and change connections."),
    "connections.test": gettext_noop("Send a connection's test call."),
    "connections.force_breaker": gettext_noop("Force the circuit breaker of a connection open or closed."),
    "webhooks.view": gettext_noop("See webhooks, their deliveries and the answers to them."),
    "webhooks.edit": gettext_noop("Create and change webhooks, pause them, rotate their secrets."),
    "webhooks.redeliver": gettext_noop("Send deliveries of webhooks again, and test events."),
    "secrets.view": gettext_noop("See which secrets exist, their versions and expiry; never a value."),
    "secrets.write": gettext_noop("Create and delete secrets, revoke versions."),
    "secrets.rotate": gettext_noop("Enter a new version of a secret, or have the platform make one."),
    "secrets.reveal": gettext_noop("Read a secret in an emergency, where the installation allows it at all."),
    "stubs.view": gettext_noop("See stand-in vendors, what reached them and their faults."),
    "stubs.script": gettext_noop("Script faults of stand-in vendors."),
    "audit.view": gettext_noop("Read the audit trail."),
    "audit.export": gettext_noop("Export the audit trail and verify its chain."),
    "settings.view": gettext_noop("See settings of the workspace, environments and members."),
    "settings.edit": gettext_noop("Change settings of the workspace and its environments."),
    "users.manage": gettext_noop("Add and remove members and choose their roles."),
    "apikeys.manage": gettext_noop("Create, rotate and revoke API keys and service accounts."),
}

_VIEW = {name for name in PERMISSIONS if name.endswith(".view") and name not in {"audit.view", "settings.view"}}
_KINDS = (
    "flows", "mappings", "lookups", "functions", "schemas", "contracts", "event_types", "terms", "conventions",
    "connectors",
)  # fmt: skip
_DOCUMENTS = {f"{kind}.edit" for kind in _KINDS}
_PUBLISH = {f"{kind}.publish" for kind in _KINDS}
_STUBS = {"stubs.view", "stubs.script"}

ROLES: dict[str, frozenset[str]] = {
    "builder": frozenset(
        _VIEW
        | _DOCUMENTS
        | _PUBLISH
        | _STUBS
        | {"flows.trigger", "flows.pause", "connections.edit", "connections.test", "secrets.write", "secrets.rotate"}
        | {
            "runs.replay",
            "runs.cancel",
            "approvals.decide",
            "reviews.request",
            "reviews.decide",
            "webhooks.edit",
            "webhooks.redeliver",
        }
    ),
    "steward": frozenset(
        _VIEW
        | _DOCUMENTS
        | _PUBLISH
        | {"flows.pause", "deadletters.correct", "approvals.decide", "reviews.request", "reviews.decide"}
        | {"audit.view", "settings.view", "schemas.override"}
    ),
    "operator": frozenset(
        _VIEW
        | _STUBS
        | {"flows.trigger", "flows.pause", "runs.replay", "runs.replay_new_effects", "runs.cancel", "runs.skip"}
        | {"runs.resume", "deadletters.correct", "deadletters.discard"}
        | {"connections.test", "connections.force_breaker", "approvals.decide", "webhooks.redeliver"}
    ),
    "approver": frozenset({"flows.view", "runs.view", "approvals.view", "approvals.decide"}),
    "auditor": frozenset(_VIEW | {"audit.view", "audit.export", "settings.view"}),
    "admin": frozenset(PERMISSIONS),
}

FLOW_ROLES: dict[str, frozenset[str]] = {
    "owner": frozenset(
        {
            "flows.edit",
            "flows.publish",
            "flows.pause",
            "flows.trigger",
            "flows.assign",
            "reviews.request",
            "reviews.decide",
        }
    ),
    "steward": frozenset({"flows.edit", "flows.publish", "flows.pause", "reviews.request", "reviews.decide"}),
}
"""What a member may do to one flow beyond the roles of the workspace: deeds on the flow itself, nothing that shows
more of its runs. Guards let these through by ``Actor.may_somewhere``, so every such deed checks its own subject."""

FLOW_DESCRIPTIONS: dict[str, str] = {
    "owner": gettext_noop(
        "Answers for the flow: changes, publishes, deploys, pauses and starts it, and chooses its stewards."
    ),
    "steward": gettext_noop("Looks after its quality: changes, publishes, deploys and pauses it."),
}

DESCRIPTIONS: dict[str, str] = {
    "builder": gettext_noop("Configures flows, mappings, schemas, contracts, connections and secrets."),
    "steward": gettext_noop("Owns the quality of a flow or a domain; publishes versions."),
    "operator": gettext_noop("Keeps runs healthy: replays, resumes, skips, cancels, clears dead letters."),
    "approver": gettext_noop("Decides in human steps."),
    "auditor": gettext_noop("Reads and exports everything, changes nothing."),
    "admin": gettext_noop("Everything, including members, settings and API keys."),
}

register_permissions(PERMISSIONS)


def permissions_of(roles: list[str]) -> frozenset[str]:
    """What the roles permit together; a role that is not (or no longer) known permits nothing."""
    return frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles))


def check_roles(roles: list[str]) -> list[str]:
    """The roles, sorted and each once; an unknown role or none raises ``InvalidInput``."""
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        wrong = said("there is no role {role!r}", role=unknown[0]) if unknown else said("at least one role is needed")
        message = said("{wrong}; the roles are {roles}", wrong=wrong, roles=", ".join(ROLES))
        raise InvalidInput([{"path": "roles", "code": "role.unknown", "message": message}])
    return sorted(set(roles))
