"""Self-hosted integration platform."""
