"""The deeds that the audit trail records."""

from itertools import groupby

from ipaas.audit import known_actions

_HEAD = """\
# Audit actions

What the [audit trail](../explanation/audit-trail.md) records, by the name that its filter and its exports use
(`ipaas audit export --filter action=NAME`). An entry also tells who acted, in which workspace, on what, with which
parameters (never a secret) and from where.
"""


def audit_page() -> str:
    """Markdown of ``docs/reference/audit-actions.md``."""
    parts = [_HEAD]
    for subject, found in groupby(known_actions().items(), key=lambda one: one[0].partition(".")[0]):
        rows = "".join(f"| `{name}` | {text} |\n" for name, text in found)
        parts.append(f"## {subject}\n\n| action | meaning |\n|---|---|\n{rows}")
    return "\n".join(parts)
