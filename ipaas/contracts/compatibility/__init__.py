"""Whether one schema may follow another: a proof, a counter-example, or neither."""

from ipaas.contracts.compatibility import containers, scalars, unions
from ipaas.contracts.compatibility.verdict import MODES, Mode, Problem, Verdict, check, versions_to_check

__all__ = ["MODES", "Mode", "Problem", "Verdict", "check", "containers", "scalars", "unions", "versions_to_check"]
