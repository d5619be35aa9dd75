"""One table of outgoing events; everything below the runtime writes here."""
