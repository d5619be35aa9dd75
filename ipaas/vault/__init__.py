"""Secrets that can be entered but not read, payload sealing, and the keys of both.

``opening`` is for the gateway alone, ``inbound`` for whoever verifies webhooks; ``payloads`` seals run data.
"""
