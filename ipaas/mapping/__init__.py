"""Versioned mapping documents and their engine."""
