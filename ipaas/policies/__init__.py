"""The pipeline around every outbound call (plain Python over protocols)."""
