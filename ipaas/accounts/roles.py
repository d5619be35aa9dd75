"""Roles and what they permit. A permission that no role lists is denied to everybody."""

from ipaas.core.actor import register_permissions
from ipaas.core.errors import InvalidInput

PERMISSIONS: dict[str, str] = {
    "flows.view": "See flows, their documents, versions and deployments.",
    "flows.edit": "Create flows and change their drafts.",
    "flows.publish": "Publish a version of a flow and choose which version runs where.",
    "flows.pause": "Stop and resume new runs of a flow.",
    "flows.assign": "Choose the owners and stewards of a flow.",
    "flows.trigger": "Start a run of a flow by hand or through the API.",
    "mappings.view": "See mappings and their versions.",
    "mappings.edit": "Create mappings and change their drafts.",
    "mappings.publish": "Publish a version of a mapping.",
    "schemas.view": "See schemas and their versions.",
    "schemas.edit": "Create schemas and change their drafts.",
    "schemas.publish": "Publish a version of a schema.",
    "runs.view": "See runs, their steps and redacted data.",
    "runs.replay": "Run a run again with the same effect keys: nothing happens twice.",
    "runs.replay_new_effects": "Run a run again with new effect keys: effects happen again.",
    "runs.cancel": "Cancel a run.",
    "runs.skip": "Skip a step of a run, with a reason.",
    "runs.resume": "Resume a run that waits for an operator.",
    "deadletters.view": "See dead letters and their causes.",
    "deadletters.correct": "Correct the input of a dead letter and replay it.",
    "deadletters.discard": "Discard a dead letter, with a reason.",
    "approvals.view": "See approvals and their evidence.",
    "approvals.decide": "Approve or reject what waits for a decision.",
    "connections.view": "See connections, their limits and breakers.",
    "connections.edit": "Create and change connections.",
    "connections.test": "Send a connection's test call.",
    "connections.force_breaker": "Force the circuit breaker of a connection open or closed.",
    "secrets.view": "See which secrets exist, their versions and expiry; never a value.",
    "secrets.write": "Create and delete secrets, revoke versions.",
    "secrets.rotate": "Enter a new version of a secret.",
    "stubs.view": "See stand-in vendors, what reached them and their faults.",
    "stubs.script": "Script faults of stand-in vendors.",
    "audit.view": "Read the audit trail.",
    "audit.export": "Export the audit trail and verify its chain.",
    "settings.view": "See settings of the workspace, environments and members.",
    "settings.edit": "Change settings of the workspace and its environments.",
    "users.manage": "Add and remove members and choose their roles.",
    "apikeys.manage": "Create, rotate and revoke API keys and service accounts.",
}

_VIEW = {name for name in PERMISSIONS if name.endswith(".view") and name not in {"audit.view", "settings.view"}}
_DOCUMENTS = {f"{kind}.edit" for kind in ("flows", "mappings", "schemas")}
_PUBLISH = {f"{kind}.publish" for kind in ("flows", "mappings", "schemas")}
_STUBS = {"stubs.view", "stubs.script"}

ROLES: dict[str, frozenset[str]] = {
    "builder": frozenset(
        _VIEW
        | _DOCUMENTS
        | _PUBLISH
        | _STUBS
        | {"flows.trigger", "flows.pause", "connections.edit", "connections.test", "secrets.write", "secrets.rotate"}
        | {"runs.replay", "runs.cancel"}
    ),
    "steward": frozenset(
        _VIEW | _DOCUMENTS | _PUBLISH | {"flows.pause", "deadletters.correct", "audit.view", "settings.view"}
    ),
    "operator": frozenset(
        _VIEW
        | _STUBS
        | {"flows.trigger", "flows.pause", "runs.replay", "runs.replay_new_effects", "runs.cancel", "runs.skip"}
        | {"runs.resume", "deadletters.correct", "deadletters.discard"}
        | {"connections.test", "connections.force_breaker"}
    ),
    "approver": frozenset({"flows.view", "runs.view", "approvals.view", "approvals.decide"}),
    "auditor": frozenset(_VIEW | {"audit.view", "audit.export", "settings.view"}),
    "admin": frozenset(PERMISSIONS),
}

FLOW_ROLES: dict[str, frozenset[str]] = {
    "owner": frozenset({"flows.edit", "flows.publish", "flows.pause", "flows.trigger", "flows.assign"}),
    "steward": frozenset({"flows.edit", "flows.publish", "flows.pause"}),
}
"""What a member may do to one flow beyond the roles of the workspace: deeds on the flow itself, nothing that shows
more of its runs. Guards let these through by ``Actor.may_somewhere``, so every such deed checks its own subject."""

FLOW_DESCRIPTIONS: dict[str, str] = {
    "owner": "Answers for the flow: changes, publishes, deploys, pauses and starts it, and chooses its stewards.",
    "steward": "Looks after its quality: changes, publishes, deploys and pauses it.",
}

DESCRIPTIONS: dict[str, str] = {
    "builder": "Configures flows, mappings, schemas, connections and secrets.",
    "steward": "Owns the quality of a flow or a domain; publishes versions.",
    "operator": "Keeps runs healthy: replays, resumes, skips, cancels, clears dead letters.",
    "approver": "Decides in human steps.",
    "auditor": "Reads and exports everything, changes nothing.",
    "admin": "Everything, including members, settings and API keys.",
}

register_permissions(PERMISSIONS)


def permissions_of(roles: list[str]) -> frozenset[str]:
    """What the roles permit together; a role that is not (or no longer) known permits nothing."""
    return frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles))


def check_roles(roles: list[str]) -> list[str]:
    """The roles, sorted and each once; an unknown role or none raises ``InvalidInput``."""
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        wrong = f"there is no role {unknown[0]!r}" if unknown else "at least one role is needed"
        message = f"{wrong}; the roles are {', '.join(ROLES)}"
        raise InvalidInput([{"path": "roles", "code": "role.unknown", "message": message}])
    return sorted(set(roles))
