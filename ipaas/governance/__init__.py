"""Publishing: the only door to the state "published"."""
