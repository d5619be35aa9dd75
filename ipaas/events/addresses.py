"""The public address of an endpoint."""

from ipaas.config import settings


def hook_address(public_id: str) -> str:
    """Where a sender posts to, as it knows it: part of what Twilio and Square sign.

    Behind a proxy the ingress shares the public address of the pages.
    """
    given = settings()
    base = given.public_url.rstrip("/") if given.public_url else f"http://{given.host}:{given.ingress_port}"
    return f"{base}/hooks/{public_id}"
