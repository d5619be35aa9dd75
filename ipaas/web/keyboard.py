"""The keyboard map: what the pages answer to. ``static/src/keys.js`` does it, the dialog behind ``?`` shows it."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.web.frame_readmodels import Key, KeyGroup

GO = {
    "home": "h", "runs": "r", "deadletters": "d", "approvals": "a", "flows": "f", "mappings": "m", "schemas": "x",
    "contracts": "t", "endpoints": "e", "catalog": "k", "webhooks": "w", "connections": "c", "secrets": "v",
    "stubs": "b", "audit": "u", "settings": "s", "lookups": "l", "functions": "n", "reviews": "i", "domains": "o",
    "terms": "g", "conventions": "p", "event_types": "y",
}  # fmt: skip
"""Page → the letter that follows g."""
KEYS: Mapping[str, Sequence[tuple[tuple[str, ...], str]]] = {
    gettext_noop("Everywhere"): (
        (("Ctrl", "K"), gettext_noop("Go to a page, a thing or a run; on a Mac with ⌘")),
        (("/",), gettext_noop("Find a run by a business id")),
        (("?",), gettext_noop("This map")),
        (("Esc",), gettext_noop("Close, or leave the search")),
    ),
    gettext_noop("On a page"): (
        (("j",), gettext_noop("Next row of a table")),
        (("k",), gettext_noop("Row before")),
        (("Enter",), gettext_noop("Open the row")),
        (("e",), gettext_noop("Edit")),
    ),
    gettext_noop("In an editor of documents"): ((("Ctrl", "S"), gettext_noop("Save the draft")),),
    gettext_noop("In the mapping editor"): (
        (("Alt", "1"), gettext_noop("Search what can be read")),
        (("Alt", "2"), gettext_noop("Search what is made")),
        (("Alt", "n"), gettext_noop("Next field that nothing makes")),
        (("F1",), gettext_noop("Help for the word at the cursor")),
        (("Ctrl", "Enter"), gettext_noop("Keep the field, go to the next that nothing makes")),
        (("Ctrl", "Z"), gettext_noop("A step back in the whole document")),
    ),
}


def key_groups(pages: Sequence[tuple[str, str]]) -> list[KeyGroup]:
    """The map for the pages (key and label) that the person may see."""
    going = [Key(("g", GO[key]), label) for key, label in pages if key in GO]
    fixed = [KeyGroup(_(title), [Key(keys, _(label)) for keys, label in rows]) for title, rows in KEYS.items()]
    return [*fixed, KeyGroup(_("Go to"), going)]
