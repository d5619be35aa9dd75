"""The schema registry as clients of Confluent's know it, for JSON Schema subjects."""
