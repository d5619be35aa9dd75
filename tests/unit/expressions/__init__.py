"""Unit tests of ipaas.expressions."""
