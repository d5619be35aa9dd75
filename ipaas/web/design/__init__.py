"""The component page: every component and page over sample data; only in development (DEBUG)."""
