"""Where people reach the pages."""

from ipaas.config import settings


def page_address(path: str) -> str:
    """The whole address of a page: below ``IPAAS_PUBLIC_URL``, else on this machine."""
    conf = settings()
    return f"{conf.public_url or f'http://{conf.host}:{conf.port}'}".rstrip("/") + path
