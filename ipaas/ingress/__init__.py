"""The small ASGI application that accepts webhooks."""
