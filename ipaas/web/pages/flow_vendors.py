"""What a flow's page says of the vendors of its triggers, and the deeds beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.flows.models import Deployment
from ipaas.web.pages.endpoint_rows import endpoint_url
from ipaas.web.pages.endpoint_subscriptions import way_options
from ipaas.web.readmodels import Link, Option
from ipaas.web.vendor_notices import MISSING, VendorNotice, notices_of


@dataclass(frozen=True, slots=True)
class VendorNoticeRow:
    """``deed_url`` subscribes (``missing``), ends (``idle``) or asks (``doubtful``); empty for who may not."""

    state: str
    environment: str
    endpoint: Link
    deed_url: str = ""
    ways: list[Option] = field(default_factory=list)


def vendor_notices(request: WorkspaceRequest, deployments: Sequence[Deployment]) -> list[VendorNoticeRow]:
    if not request.actor.may("connections.view"):
        return []
    return [_row(notice, may=request.actor.may("connections.edit")) for notice in notices_of(deployments)]


def _row(notice: VendorNotice, *, may: bool) -> VendorNoticeRow:
    endpoint = notice.endpoint
    deeds = {MISSING: "endpoint_subscribe", "idle": "endpoint_unsubscribe", "doubtful": "endpoint_check"}
    return VendorNoticeRow(
        state=notice.state,
        environment=endpoint.environment.name,
        endpoint=Link(endpoint.title, endpoint_url(endpoint)),
        deed_url=endpoint_url(endpoint, deeds[notice.state]) if may else "",
        ways=way_options(notice.ways),
    )
