"""The reference page of roles, made from the table itself."""

from ipaas.accounts.roles import DESCRIPTIONS, PERMISSIONS, ROLES


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
    return "\n".join(lines) + "\n"
