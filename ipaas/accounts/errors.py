"""Errors of accounts and API keys."""

from ipaas.core.errors import Conflict, IpaasError


class InvalidApiKey(IpaasError):
    """The API key is not valid."""

    status = 401
    code = "api_key.invalid"
    title = "Not authenticated"
    remedy = "Send a live key as 'Authorization: Bearer ipk_…'; keys expire and can be revoked."


class LastAdmin(Conflict):
    """{email} is the last administrator of this workspace."""

    code = "member.last_admin"
    remedy = "Make another member an administrator first."


class SharedUser(Conflict):
    """{email} also belongs to other workspaces, so this workspace can not change the account."""

    code = "user.shared"
    remedy = "Remove the membership instead, or ask whoever runs the installation."


class SecondFactorNeeded(IpaasError):
    """This workspace asks everybody for a second factor, and your account has none."""

    status = 403
    code = "second_factor.needed"
    title = "Second factor needed"
    remedy = "Set one up under Your account, Two-factor; programs use an API key."


class InvitationEnded(IpaasError):
    """This invitation is not valid: it was used, revoked or renewed, or its time is over."""

    status = 404
    code = "invitation.ended"
    title = "Invitation not valid"
    remedy = "Ask whoever invited you to send it again."
