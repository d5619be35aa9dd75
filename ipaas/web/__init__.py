"""Pages that cross applications."""
