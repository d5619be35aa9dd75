"""Unit tests of ipaas.core."""
