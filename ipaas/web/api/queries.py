"""What a GET may be asked: the parameters that its description names, and no others."""

from typing import TYPE_CHECKING, Final

from drf_spectacular.utils import OpenApiParameter

from ipaas.core.errors import InvalidInput
from ipaas.web.api import sparse
from ipaas.web.api.pagination import PAGE_PARAMETERS

if TYPE_CHECKING:
    from ipaas.web.api.base import ApiViewSet

READ_PARAMETERS: Final = PAGE_PARAMETERS | {sparse.PARAMETER}
"""What every list takes beside its filters."""


def refuse_unknown(view: "ApiViewSet") -> None:
    """Raise ``InvalidInput`` for a parameter that the operation's description does not name, or one given twice."""
    place = (type(view), view.action)
    if place not in _known:
        _known[place] = _names_of(view)
    known = _known[place]
    for name, values in view.request.query_params.lists():
        if name not in known:
            message = f"there is no such parameter; there are: {', '.join(sorted(known)) or 'none'}"
            raise InvalidInput([{"path": name[:80], "code": "query.unknown", "message": message}])
        if len(values) > 1:
            raise InvalidInput([{"path": name[:80], "code": "query.twice", "message": "is given more than once"}])


_known: dict[tuple[type["ApiViewSet"], str], frozenset[str]] = {}


def _names_of(view: "ApiViewSet") -> frozenset[str]:
    described = getattr(getattr(view, view.action), "kwargs", {}).get("schema")
    found: set[str] = set() if view.action in view.files else set(READ_PARAMETERS)
    if described is not None:
        schema = described()
        schema.view, schema.method = view, "GET"
        for one in schema.get_override_parameters():
            found |= {one.name} if isinstance(one, OpenApiParameter) else set(one().get_fields())
    return frozenset(found)
