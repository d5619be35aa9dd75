"""Telling others of the platform's own events: webhooks with their deliveries, and mail."""
