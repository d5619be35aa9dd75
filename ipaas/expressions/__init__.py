"""The guarded expression language (plain Python)."""
