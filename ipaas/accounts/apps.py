from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ipaas.accounts"
    label = "accounts"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.accounts import (
            roles,  # noqa: F401 - registers the permissions
            signals,  # noqa: F401 - connects sign-in to the audit trail
        )

        audit.register_actions(
            {
                "signin.ok": "A person signed in.",
                "signin.failed": "A sign-in was refused; the label is the e-mail address that was entered.",
                "signout": "A person signed out.",
                "workspace.created": "A workspace was made.",
                "settings.changed": "Settings of a workspace were changed.",
                "environment.created": "An environment was added.",
                "environment.changed": "An environment or its variables were changed.",
                "member.added": "A person became a member.",
                "member.roles_changed": "The roles of a member were changed.",
                "member.removed": "A membership was ended.",
                "flow.role_given": "A member became owner or steward of a flow.",
                "flow.role_taken": "A member is no longer owner or steward of a flow.",
                "identity.linked": "An account was linked to a person at the single sign-on provider.",
                "invitation.created": "An address was invited to become a member.",
                "invitation.renewed": "An invitation got a new link; the old one ended.",
                "invitation.revoked": "An invitation was revoked.",
                "invitation.accepted": "An invitation was accepted; the person is a member.",
                "user.deactivated": "A person's account was deactivated.",
                "user.reactivated": "A person's account was activated again.",
                "user.password_link_issued": "A link was made with which a person may choose a password once.",
                "user.password_set": "A password was set.",
                "user.renamed": "A person changed the own name.",
                "user.second_factor_added": "A person added a second factor or recovery codes.",
                "user.second_factor_removed": "A person removed a second factor or recovery codes.",
                "user.second_factor_reset": "An administrator took all second factors from a person.",
                "user.sessions_ended": "A person ended sessions of the own account.",
                "service_account.created": "A service account was made.",
                "service_account.changed": "Roles or rate of a service account were changed.",
                "service_account.disabled": "A service account was disabled.",
                "service_account.enabled": "A service account was enabled again.",
                "apikey.created": "An API key was made.",
                "apikey.rotated": "An API key got a successor.",
                "apikey.revoked": "An API key was revoked.",
            }
        )
