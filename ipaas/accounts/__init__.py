"""Users, workspaces, environments, roles, API keys, sign-in."""
