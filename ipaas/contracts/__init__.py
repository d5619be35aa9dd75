"""Schema documents, versions and compiled validators."""
