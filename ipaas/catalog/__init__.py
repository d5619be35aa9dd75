"""Connectors, connections and the gateway, the one door out."""
