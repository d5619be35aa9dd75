"""No slug that people choose can hide behind an address of our own."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import SlugConverter
from django.urls.resolvers import RoutePattern


def routes() -> Iterator[list[object]]:
    """The parts of every address: a text as it is, a place for a slug as its converter."""
    yield from (_parts(route) for route in _walk(get_resolver(), ()))


def _walk(resolver: URLResolver, before: tuple[RoutePattern, ...]) -> Iterator[tuple[RoutePattern, ...]]:
    for entry in resolver.url_patterns:
        if not isinstance(entry.pattern, RoutePattern):
            continue
        own = (*before, entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, own)
        elif isinstance(entry, URLPattern):
            yield own


def _parts(route: tuple[RoutePattern, ...]) -> list[object]:
    text = "".join(str(pattern) for pattern in route)
    slugs = {name for pattern in route for name, one in pattern.converters.items() if isinstance(one, SlugConverter)}
    return [SlugConverter if any(f":{name}>" in part for name in slugs) else part for part in text.split("/")]


def test_a_word_where_a_slug_may_stand_begins_with_a_hyphen() -> None:
    known = list(routes())
    hidden = [
        ("/".join(map(str, fixed)), "/".join(map(str, open_)))
        for open_ in known
        for fixed in known
        if len(fixed) == len(open_)
        and all(a == b or b is SlugConverter for a, b in zip(fixed, open_, strict=True))
        and any(
            isinstance(a, str) and a[:1] not in "-<" and b is SlugConverter for a, b in zip(fixed, open_, strict=True)
        )
    ]
    assert hidden == []
    assert len(known) > 100
