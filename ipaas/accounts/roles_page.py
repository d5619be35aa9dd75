"""The reference page of roles, made from the table itself."""

from ipaas.accounts.roles import DESCRIPTIONS, FLOW_DESCRIPTIONS, FLOW_ROLES, PERMISSIONS, ROLES


def roles_page() -> str:
    """Markdown of ``docs/reference/roles.md``."""
    lines = [
        "# Roles and permissions",
        "",
        "A person has one or more roles in a workspace, and in no other; an API key has some of its owner's",
        "permissions. What no role lists is denied. This page is made from `ipaas/accounts/roles.py`.",
        "",
        *(f"- **{role}**: {text}" for role, text in DESCRIPTIONS.items()),
        "",
        f"| permission | allows to | {' | '.join(ROLES)} |",
        f"|---|---|{'---|' * len(ROLES)}",
    ]
    for name, text in PERMISSIONS.items():
        marks = " | ".join("yes" if name in granted else "" for granted in ROLES.values())
        lines.append(f"| `{name}` | {text} | {marks} |")
    lines += [
        "",
        "## Of one flow",
        "",
        "A member can be owner or steward of single flows, beyond the roles of the workspace. It is chosen on the page",
        "of the flow (Owners and stewards), by `ipaas flows assign`, or through `/api/v1/flows/{slug}/people`.",
        "",
        *(
            f"- **{role}**: {text} {', '.join(f'`{name}`' for name in sorted(FLOW_ROLES[role]))}"
            for role, text in FLOW_DESCRIPTIONS.items()
        ),
    ]
    return "\n".join(lines) + "\n"
