"""Which people may come in: members, invitations, owners and stewards of flows."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts import services
from ipaas.accounts.addresses import absolute
from ipaas.accounts.invitation_views import invitation_link
from ipaas.accounts.invitations import NewInvitation, mail_invitation
from ipaas.accounts.models import FlowRole, Invitation, Membership
from ipaas.accounts.roles import FLOW_ROLES, ROLES
from ipaas.accounts.second_factor import factor_of
from ipaas.flows.models import Flow
from ipaas.web.api.access import RolesInput
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import StrictSerializer

DEEDS = (
    "create", "partial_update", "destroy", "deactivate", "reactivate", "password_link", "reset_second_factor",
)  # fmt: skip


class MemberInput(RolesInput):
    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class MemberOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField(source="user.email")
    name = serializers.CharField(source="user.name")
    roles = serializers.ListField(child=serializers.CharField())
    active = serializers.BooleanField(source="user.is_active")
    second_factor = serializers.BooleanField(help_text="Whether the person has an app or a passkey set up.")


class MemberQuery(StrictSerializer):
    email = serializers.CharField(max_length=254, required=False, help_text="The whole address.")
    role = serializers.ChoiceField(choices=sorted(ROLES), required=False, help_text="Those that have this role.")


class LinkOutput(serializers.Serializer[Any]):
    link = serializers.CharField(allow_null=True, help_text="Shown once; null when the answer is repeated.")


class InvitationInput(RolesInput):
    email = serializers.EmailField(max_length=254)


class InvitationOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    state = serializers.CharField(help_text="invited, expired, accepted or revoked.")
    invited_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    mailed_at = serializers.DateTimeField(allow_null=True)


class NewInvitationOutput(InvitationOutput):
    problem = serializers.CharField(allow_blank=True, help_text="Why no mail was sent; empty when it is on its way.")
    link = serializers.CharField(
        allow_null=True, help_text="Shown once, where no mail was sent; null otherwise and when the answer is repeated."
    )


class FlowPersonInput(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=list(FLOW_ROLES))


class FlowPersonOutput(serializers.Serializer[Any]):
    email = serializers.CharField(source="membership.user.email")
    name = serializers.CharField(source="membership.user.name")
    role = serializers.CharField()


@extend_schema(tags=["access"])
class MemberViewSet(ApiViewSet):
    serializer_class = MemberOutput
    shown_once = frozenset({"link"})
    required_permissions = {
        **dict.fromkeys(("list", "retrieve"), "settings.view"),
        **dict.fromkeys(DEEDS, "users.manage"),
    }

    def get_queryset(self) -> QuerySet[Membership]:
        return Membership.objects.in_workspace(self.workspace.id).annotate(second_factor=factor_of("user_id"))

    def member(self, member_id: Any) -> Membership:
        found: Membership = self.one(self.get_queryset(), "member", id=member_id)
        return found

    @extend_schema(parameters=[MemberQuery])
    def list(self, request: Request) -> Response:
        """The members of the workspace with their roles."""
        names = {"email": "user__email__iexact", "role": "roles__contains"}
        query = self.read_query(MemberQuery)
        if "role" in query:
            query["role"] = [query["role"]]
        wanted = {names[name]: value for name, value in query.items()}
        return self.page_of(self.get_queryset().filter(**wanted), MemberOutput)

    def retrieve(self, request: Request, member_id: Any) -> Response:
        """A member with the roles."""
        return Response(MemberOutput(self.member(member_id)).data)

    @extend_schema(request=MemberInput, responses={201: MemberOutput})
    def create(self, request: Request) -> Response:
        """Give a person roles; who is new gets an account without a password and sets one by mail."""
        made = services.add_member(workspace=self.workspace, actor=self.actor, **self.read(MemberInput))
        return Response(MemberOutput(self.member(made.id)).data, status=201)

    @extend_schema(request=RolesInput, responses=MemberOutput)
    def partial_update(self, request: Request, member_id: Any) -> Response:
        """Replace the roles of a member; 409 for the last administrator."""
        given = self.read(RolesInput)
        services.change_roles(membership=self.member(member_id), actor=self.actor, **given)
        return self.retrieve(request, member_id)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, member_id: Any) -> Response:
        """End a membership."""
        services.remove_member(membership=self.member(member_id), actor=self.actor)
        return Response(status=204)

    @extend_schema(request=None, responses=MemberOutput)
    def deactivate(self, request: Request, member_id: Any) -> Response:
        """Refuse every further sign-in of a person who belongs to this workspace alone."""
        services.deactivate_user(user=self.member(member_id).user, workspace=self.workspace, actor=self.actor)
        return self.retrieve(request, member_id)

    @extend_schema(request=None, responses=MemberOutput)
    def reactivate(self, request: Request, member_id: Any) -> Response:
        """Admit a person again who was deactivated."""
        services.reactivate_user(user=self.member(member_id).user, workspace=self.workspace, actor=self.actor)
        return self.retrieve(request, member_id)

    @extend_schema(request=None, responses=LinkOutput)
    def password_link(self, request: Request, member_id: Any) -> Response:
        """A link with which the person chooses a password once, within a day; it is shown once."""
        uid, token = services.issue_password_link(membership=self.member(member_id), actor=self.actor)
        return Response({"link": absolute(request, reverse("account_password_new", args=[uid, token]))})

    @extend_schema(request=None, responses=MemberOutput)
    def reset_second_factor(self, request: Request, member_id: Any) -> Response:
        """Take apps, passkeys and recovery codes from a person who lost them; all sessions of the person end."""
        services.reset_second_factor(membership=self.member(member_id), actor=self.actor)
        return self.retrieve(request, member_id)


@extend_schema(tags=["access"])
class InvitationViewSet(ApiViewSet):
    serializer_class = InvitationOutput
    shown_once = frozenset({"link"})
    required_permissions = {
        **dict.fromkeys(("list", "retrieve"), "settings.view"),
        **dict.fromkeys(("create", "renew", "revoke"), "users.manage"),
    }

    def get_queryset(self) -> QuerySet[Invitation]:
        return Invitation.objects.in_workspace(self.workspace.id)

    def invitation(self, invitation_id: Any) -> Invitation:
        found: Invitation = self.one(self.get_queryset(), "invitation", id=invitation_id)
        return found

    def list(self, request: Request) -> Response:
        """Invitations, open and ended ones; never a link."""
        return self.page_of(self.get_queryset(), InvitationOutput)

    def retrieve(self, request: Request, invitation_id: Any) -> Response:
        """An invitation and its state."""
        return Response(InvitationOutput(self.invitation(invitation_id)).data)

    @extend_schema(request=InvitationInput, responses={201: NewInvitationOutput})
    def create(self, request: Request) -> Response:
        """Ask an address to join with some roles: by mail, else by the link in the answer, valid for seven days."""
        given = self.read(InvitationInput)
        return self._sent(services.invite_member(workspace=self.workspace, actor=self.actor, **given))

    @extend_schema(request=None, responses={201: NewInvitationOutput})
    def renew(self, request: Request, invitation_id: Any) -> Response:
        """Send it again with a new link; the old one ends."""
        return self._sent(services.renew_invitation(invitation=self.invitation(invitation_id), actor=self.actor))

    @extend_schema(request=None, responses=InvitationOutput)
    def revoke(self, request: Request, invitation_id: Any) -> Response:
        """End the link at once."""
        ended = services.revoke_invitation(invitation=self.invitation(invitation_id), actor=self.actor)
        return Response(InvitationOutput(ended).data)

    def _sent(self, new: NewInvitation) -> Response:
        link = invitation_link(self.request, new.token)
        problem = mail_invitation(new, link)
        shown = InvitationOutput(self.invitation(new.invitation.id)).data
        return Response({**shown, "problem": problem, "link": link if problem else None}, status=201)


@extend_schema(tags=["flows"])
class FlowPeopleViewSet(ApiViewSet):
    """Owners and stewards of one flow."""

    serializer_class = FlowPersonOutput
    required_permissions = {"list": "flows.view", **dict.fromkeys(("assign", "withdraw"), "flows.assign")}

    def get_queryset(self) -> QuerySet[FlowRole]:
        return FlowRole.objects.none()

    def flow(self, slug: str) -> Flow:
        found: Flow = self.one(Flow.objects.visible_to(self.actor), "flow", slug=slug)
        return found

    @extend_schema(responses=FlowPersonOutput(many=True))
    def list(self, request: Request, slug: str) -> Response:
        """Who is what to the flow."""
        return self._people(self.flow(slug))

    @extend_schema(request=FlowPersonInput, responses=FlowPersonOutput)
    def assign(self, request: Request, slug: str) -> Response:
        """Make a member owner or steward of the flow; one person is one of them."""
        made = services.assign_flow_role(flow=self.flow(slug), actor=self.actor, **self.read(FlowPersonInput))
        return Response(FlowPersonOutput(made).data)

    @extend_schema(responses={204: None})
    def withdraw(self, request: Request, slug: str, email: str) -> Response:
        """Take from a member what they are to the flow."""
        services.withdraw_flow_role(flow=self.flow(slug), email=email, actor=self.actor)
        return Response(status=204)

    def _people(self, flow: Flow) -> Response:
        return self.page_of(FlowRole.objects.of_flow(flow.workspace_id, flow.id), FlowPersonOutput)
