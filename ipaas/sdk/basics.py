"""What connectors need of the product's own ground: error classes, the clock, exact JSON."""

from ipaas.core import clock
from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps, loads

__all__ = ["ErrorClass", "clock", "dumps", "loads"]
