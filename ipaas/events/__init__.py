"""Inbound endpoints, receipts and event matching."""
