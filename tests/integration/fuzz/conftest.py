"""The people and things of the API's tests, for fuzzing."""

from tests.integration.api.conftest import acme, deployed, person, production, subjects

__all__ = ["acme", "deployed", "person", "production", "subjects"]
