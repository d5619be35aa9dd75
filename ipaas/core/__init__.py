"""Foundations without models: errors, strict JSON, egress, redaction, logging, actors."""
