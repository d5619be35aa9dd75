"""Bootstrap and supervisor (standard library only)."""
