"""Connector kit: manifest, actions, signatures, stub engine (plain Python)."""
