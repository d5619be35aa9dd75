"""Secrets by reference and sealed payloads: envelope encryption, rotation."""
